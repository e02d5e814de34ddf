"""A data contract as checks.

The contract's columns give the ``schema`` check and the rules that the standard implies (required,
unique, primary key, options of the logical type); its quality rules give the rest; its service
levels are ``promise_rules``' business. Rules only Great Expectations can evaluate are kept for it.
SQL is not written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataplatform.checks import odcs_rules
from dataplatform.checks.dialects import DIALECTS
from dataplatform.checks.masking import masked
from dataplatform.checks.promise_rules import promised
from dataplatform.checks.runbook import runbook_of
from dataplatform.checks.spec import ERROR, GX, SCAN, Check, safe_name
from dataplatform.checks.threshold import Threshold

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract

_NONE = Threshold("eq", 0)


def checks_of(contract: Contract) -> list[Check]:
    """Compile a contract.

    Returns:
        The rules that column properties imply, unless a written rule says the same, then the
        written ones; names are unique in the table.

    Raises:
        DeclarationError: a rule that cannot be understood; the text names its line.
    """
    key = tuple(primary_key(contract))
    written: list[Check] = []
    for rule in contract.rules:
        check = odcs_rules.check_of(rule, contract)
        if check is not None:
            written.append(check)
    implied = [check for check in _implied(contract, key) if not _said(check, written)]
    named = _unique_names(implied, written)
    hidden = frozenset(
        column.name.lower() for column in contract.columns if masked(column.classification)
    )
    runbook = runbook_of(contract.document.data, contract.table)
    return [
        replace(check, key=key, owner=contract.owner, masked=hidden, runbook=runbook)
        for check in named
    ]


def scan_checks(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that one scan evaluates."""
    return [check for check in checks if check.engine == SCAN]


def gx_checks(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that only Great Expectations evaluates."""
    return [check for check in checks if check.engine == GX]


def primary_key(contract: Contract) -> list[str]:
    """Return the columns of the declared primary key, in its order."""
    keyed = [column for column in contract.columns if column.primary_key]
    return [column.name for column in sorted(keyed, key=lambda column: column.key_position)]


def _implied(contract: Contract, key: Sequence[str]) -> list[Check]:
    """The rules that the standard's column properties stand for."""
    relation = contract.relation
    found: list[Check] = []

    def add(column: Any, metric: str, suffix: str, words: str, **more: Any) -> None:
        found.append(
            Check(
                name=safe_name(f"{column.name}_{suffix}"),
                relation=relation,
                metric=metric,
                threshold=more.pop("threshold", _NONE),
                columns=more.pop("columns", (column.name,)),
                description=words,
                file=contract.file,
                line=column.line,
                **more,
            )
        )

    columns = list(contract.columns)
    if columns:
        types = {column.name: column.type for column in columns}
        found.append(
            Check(
                name="schema",
                relation=relation,
                metric="schema",
                threshold=_NONE,
                columns=tuple(types),
                arguments={"types": types},
                dimension="conformity",
                description="Every declared column exists and has a type of the declared family.",
                file=contract.file,
                line=columns[0].line,
            )
        )
    for column in columns:
        keyed = column.name in key
        if column.required or keyed:
            add(
                column,
                "null_count",
                "not_null",
                f"{column.name} is always filled.",
                dimension="completeness",
            )
        if column.unique or (keyed and len(key) == 1):
            add(
                column,
                "nonunique_count",
                "unique",
                f"No two rows share a {column.name}.",
                dimension="uniqueness",
                threshold=Threshold("mostly", 1.0),
            )
        for suffix, arguments in _options(column.options):
            add(
                column,
                "invalid_count",
                suffix,
                f"{column.name} keeps its declared {suffix}.",
                dimension="conformity",
                arguments=arguments,
            )
        multiple = column.options.get("multipleOf")
        # Of a fraction, floating point would find multiples that are none.
        if isinstance(multiple, int):
            quoted = DIALECTS["duckdb"].identifier(column.name)
            add(
                column,
                "failing_rows",
                "multiple",
                f"{column.name} is a multiple of {multiple}.",
                dimension="conformity",
                arguments={
                    "predicate": f"{quoted} % {multiple} <> 0",
                    "words": f"values of {column.name} that are no multiple of {multiple}",
                    "good": f"{column.name} a multiple of {multiple}",
                },
            )
    if len(key) > 1:
        first = next(column for column in columns if column.name == key[0])
        found.append(
            Check(
                name="primary_key_unique",
                relation=relation,
                metric="nonunique_count",
                threshold=Threshold("mostly", 1.0),
                columns=tuple(key),
                dimension="uniqueness",
                description=f"No two rows share {', '.join(key)}.",
                file=contract.file,
                line=first.line,
            )
        )
    return [*found, *promised(contract)]


def _options(options: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Group the options of a logical type into one rule each for pattern, length and range."""
    found: list[tuple[str, dict[str, Any]]] = []
    if options.get("pattern"):
        found.append(("pattern", {"pattern": str(options["pattern"])}))
    length = {
        name: options[odcs]
        for name, odcs in (("min_length", "minLength"), ("max_length", "maxLength"))
        if odcs in options
    }
    if length:
        found.append(("length", length))
    bounds: dict[str, Any] = {}
    for name, odcs in (("minimum", "minimum"), ("maximum", "maximum")):
        exclusive = options.get("exclusive" + odcs.capitalize())
        if exclusive is not None and not isinstance(exclusive, bool):
            bounds |= {name: exclusive, f"strict_{name}": True}
        elif odcs in options:
            bounds |= {name: options[odcs], f"strict_{name}": bool(exclusive)}
    if bounds:
        found.append(("range", bounds))
    return found


def _said(implied: Check, written: Iterable[Check]) -> bool:
    """Whether a written rule already promises what a column's property implies."""
    return any(
        check.severity == ERROR
        and check.engine == SCAN
        and check.filter is None
        and check.metric == implied.metric
        and tuple(map(str.lower, check.columns)) == tuple(map(str.lower, implied.columns))
        and check.threshold in (_NONE, Threshold("mostly", 1.0))
        and implied.metric in {"null_count", "nonunique_count"}
        for check in written
    )


def _unique_names(implied: Iterable[Check], written: Iterable[Check]) -> list[Check]:
    """Written rules keep their names, the second of a name is numbered, the implied step aside."""
    taken: set[str] = set()
    kept = []
    for check in written:
        name, number = check.name, 2
        while name in taken:
            name, number = safe_name(f"{check.name}_{number}"), number + 1
        taken.add(name)
        kept.append(replace(check, name=name))
    found = []
    for check in implied:
        name = check.name
        while name in taken:
            name += "_declared"
        taken.add(name)
        found.append(replace(check, name=name))
    return [*found, *kept]
