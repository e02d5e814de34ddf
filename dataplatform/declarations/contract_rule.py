"""What a quality rule of a contract may say.

ODCS knows four kinds. This platform runs its library of metrics, a SQL query, and a Great
Expectations expectation in the standard's custom form; words, and what belongs to another engine,
are kept and told by ``dataplatform contract lint``. A rule of ours that cannot be run is refused
when the file is read, not skipped when the check should run.
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dataplatform.declarations.contract_library import (
    check_library,
    check_operator,
    check_pattern,
    choice,
    modern,
    operators,
    spelled,
    title,
)
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.odcs import old
from dataplatform.declarations.yaml_file import YamlFile
from dataplatform.keys import Relation, layer_of

ON_FAILURE = ("keep", "quarantine")
#: Words for how grave a breach is; what any of them means is told by ``checks``.
SEVERITIES = (
    "error", "warning", "critical", "high", "fail", "blocker", "fatal", "warn", "info", "low",
    "medium", "minor", "notice",
)  # fmt: skip
GX_ENGINES = ("greatExpectations", "great-expectations", "great_expectations", "gx")

# Where a semicolon ends nothing: texts, quoted names and comments.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Rule:
    """One quality rule.

    Attributes:
        raw: the rule by the names of ODCS 3.1, whichever version wrote it.
        column: the column it is about, by its name in the warehouse; None for a rule of the table.
        line: where the file says it.
        on_failure: whether rows that break it stay in the table or are set aside.
        unenforced: why nothing checks it; None for a rule that is run.
    """

    raw: dict[str, Any]
    column: str | None
    line: int
    on_failure: Literal["keep", "quarantine"] = "keep"
    unenforced: str | None = None


def read_rule(
    file: YamlFile,
    loc: Loc,
    written: dict[str, Any],
    column: str | None,
    columns: list[str],
    relation: Relation,
) -> Rule:
    """Read one rule.

    Args:
        file: the contract.
        loc: where in the file the rule stands.
        written: the rule as it stands there.
        column: the column it is about; None for a rule of the table.
        columns: every name of a column of the contract.
        relation: the table.

    Raises:
        DeclarationError: it says that it can be run, and could not be; the text names the line.
    """
    rule = spelled(written)
    kind = rule.get("type") or ("library" if "metric" in rule or "rule" in rule else None)
    severity = rule.get("severity")
    if severity is not None and severity.strip().lower() not in SEVERITIES:
        hint = nearest(severity.lower(), ("error", "warning"))
        if hint:
            said = f"severity must be one of error, warning, not {severity!r}.{hint}"
            raise file.error((*loc, "severity"), said)
    unenforced: str | None = None
    if kind == "text":
        unenforced = "it is words for people"
    elif kind is None:
        unenforced = "it names no metric, query or expectation"
    elif kind == "sql":
        if "metric" in rule:
            raise file.error(
                (*loc, "metric"), f"{title(rule)} gives a metric and a query: keep one."
            )
        if old(file) and not operators(rule):
            unenforced = "it gives no threshold (mustBe…)"
        else:
            _check_sql(file, loc, rule)
    elif kind == "custom":
        unenforced = _check_custom(file, loc, rule, column, columns)
    else:
        if "rule" in rule and "metric" not in rule and not old(file):
            said = "'rule' is the former name of 'metric': write 'metric'."
            raise file.error((*loc, "rule"), said)
        if "rule" not in rule and "metric" not in rule:
            raise file.error(loc, f"the setting 'metric' of {title(rule)} is missing.")
        rule, unenforced = modern(rule)
        if unenforced is None:
            check_library(file, loc, rule, column, columns)
    kept = _on_failure(file, loc, rule, relation)
    return Rule({**rule, "type": kind or "text"}, column, file.line(loc) or 1, kept, unenforced)


def _on_failure(
    file: YamlFile, loc: Loc, rule: dict[str, Any], relation: Relation
) -> Literal["keep", "quarantine"]:
    """Return what becomes of rows that break a rule: its custom property ``onFailure``.

    Raises:
        DeclarationError: the value is neither keep nor quarantine, or the table is a raw one,
            whose rows are the source's.
    """
    for index, one in enumerate(rule.get("customProperties") or []):
        if not isinstance(one, dict) or one.get("property") != "onFailure":
            continue
        value = one.get("value")
        at = (*loc, "customProperties", index, "value")
        if value not in ON_FAILURE:
            raise file.error(at, choice("onFailure", value, ON_FAILURE))
        if value == "quarantine" and layer_of(relation) in ("raw", "lake_raw"):
            raise file.error(
                at,
                f"rows of the raw table {relation} are the source's and stay: say quarantine in "
                "the contract of the staging model that reads it, under config/contracts/staging.",
            )
        return "quarantine" if value == "quarantine" else "keep"
    return "keep"


def _check_sql(file: YamlFile, loc: Loc, rule: dict[str, Any]) -> None:
    query = rule.get("query")
    if not isinstance(query, str) or not query.strip():
        raise file.error(loc, f"the setting 'query' of {title(rule)} is missing.")
    check_operator(file, loc, rule, counted=False)
    bare = _QUOTED.sub(" ", query).strip()
    if ";" in bare.rstrip("; \n"):
        raise file.error((*loc, "query"), "a rule's query is one SELECT, without semicolons.")
    if not re.match(r"[\s(]*(select|with)\b", bare, re.IGNORECASE):
        raise file.error((*loc, "query"), "a rule's query begins with SELECT or WITH.")


def _check_custom(
    file: YamlFile,
    loc: Loc,
    rule: dict[str, Any],
    column: str | None,
    columns: list[str],
) -> str | None:
    """Refuse an expectation that could not be run; return why another engine's rule is not."""
    engine = str(rule.get("engine"))
    if engine.lower() not in map(str.lower, GX_ENGINES):
        if get_close_matches(engine.lower(), map(str.lower, GX_ENGINES), cutoff=0.85):
            raise file.error((*loc, "engine"), choice("engine", engine, ("greatExpectations",)))
        return f"it is for the engine {engine!r}, and only Great Expectations is run"
    what = rule.get("implementation")
    at = (*loc, "implementation")
    if isinstance(what, str):
        what = _from_text(what)
    kind = what.get("type", what.get("expectation_type")) if isinstance(what, dict) else None
    if not isinstance(what, dict) or not isinstance(kind, str):
        raise file.error(at, f"{title(rule)} needs implementation.type, an expectation.")
    for key in what:
        if key not in ("type", "expectation_type", "kwargs", "meta"):
            hint = nearest(key, ("type", "kwargs"))
            raise file.error((*at, key), f"{key!r} is not a setting of an implementation.{hint}")
    known = _expectations()
    if known and "_" in kind and kind not in known:
        raise file.error((*at, "type"), f"{kind!r} is not an expectation.{nearest(kind, known)}")
    kwargs = what.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise file.error((*at, "kwargs"), "implementation.kwargs must be settings (key: value).")
    lists = kwargs.get("column_list")
    named = [kwargs.get(name) for name in ("column", "column_A", "column_B")]
    named += lists if isinstance(lists, list) else []
    for one in named:
        if isinstance(one, str) and one.lower() not in map(str.lower, columns) and columns:
            key = next((key for key, value in kwargs.items() if value == one), "column_list")
            hint = nearest(one, columns)
            raise file.error((*at, "kwargs", key), f"{one!r} is not a column.{hint}")
    patterns = kwargs.get("regex_list")
    for one in [kwargs.get("regex"), *(patterns if isinstance(patterns, list) else [])]:
        if isinstance(one, str):
            key = "regex" if one == kwargs.get("regex") else "regex_list"
            check_pattern(file, (*at, "kwargs", key), one)
    return None


def _from_text(text: str) -> Any:
    """Read an implementation that is written as JSON or YAML text; None where it is neither."""
    from ruamel.yaml import YAML, YAMLError

    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        return None


@cache
def _expectations() -> frozenset[str]:
    """Name the expectations that are installed, without the seconds that importing them takes."""
    spec = importlib.util.find_spec("great_expectations")
    if spec is None or spec.origin is None:
        return frozenset()
    core = Path(spec.origin).parent / "expectations" / "core"
    return frozenset(
        path.stem for path in core.glob("*.py") if path.stem.startswith(("expect_", "unexpected_"))
    )
