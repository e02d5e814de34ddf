"""Keys of failing rows: one more query at most, and only when something failed.

A classified column's values are never shown: its place in a key is masked. What made a row fail is
the business of ``row_conditions``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from dataplatform.checks.dialects import Dialect
from dataplatform.checks.masking import MASK
from dataplatform.checks.pieces import Pieces
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import with_table
from dataplatform.checks.verdicts import SAMPLE_LIMIT, Verdict

Execute = Callable[[str], Sequence[Sequence[Any]]]
Rules = Sequence[tuple[Check, Pieces]]


def key_parts(check: Check, sql: Dialect) -> list[tuple[str, str]]:
    """Return the columns, in lower case, that name a failing row, each with its expression."""
    return [
        (
            name.lower(),
            sql.literal(MASK)
            if name.lower() in check.masked
            else f"coalesce({sql.text(sql.identifier(name))}, 'null')",
        )
        for name in check.key or check.columns
    ]


def key_expression(check: Check, present: frozenset[str], sql: Dialect) -> str:
    """Return the expression that names a row in samples.

    Args:
        check: the rule.
        present: the table's columns in lower case; empty where they are not known.
        sql: the warehouse's SQL.
    """
    parts = [text for name, text in key_parts(check, sql) if not present or name in present]
    if not parts:
        parts = [text for _, text in key_parts(replace(check, key=()), sql)]
    return " || ', ' || ".join(parts) or "''"


def sample_sql(
    sql: Dialect, rules: Rules, present: frozenset[str], failed: Iterable[str]
) -> str | None:
    """Return the query for keys of failing rows: (rule's name, key, failing rows in all).

    Args:
        sql: the warehouse's SQL.
        rules: the rules of one table.
        present: its columns in lower case.
        failed: names of the rules that failed.
    """
    names, parts = set(failed), []
    for place, (check, piece) in enumerate(rules):
        if check.name not in names or piece.predicate is None:
            continue
        table = sql.relation(check.relation)
        part = (
            f"select * from (select {sql.literal(check.name)} as rule, "
            f"{key_expression(check, present, sql)} as sample_key, count(*) over () as failing\n"
            f"from {table} where {piece.predicate}\n"
            f"order by 2 limit {SAMPLE_LIMIT}) as s{place}"
        )
        parts.append(with_table(part, table))
    return "\nunion all\n".join(parts) or None


def sampled(
    execute: Execute,
    sql: Dialect,
    rules: Rules,
    present: frozenset[str],
    verdicts: Sequence[Verdict],
) -> list[Verdict]:
    """Add keys of failing rows to the verdicts; without a failure nothing is asked."""
    failed = [v.name for v in verdicts if not v.passed and v.error is None]
    query = sample_sql(sql, rules, present, failed)
    if query is None:
        return list(verdicts)
    try:
        rows = execute(query)
    except Exception:
        # The verdicts stand without their samples.
        return list(verdicts)
    keys: dict[str, list[str]] = {}
    totals: dict[str, int] = {}
    for name, key, total in rows:
        keys.setdefault(str(name), []).append(str(key))
        totals[str(name)] = int(total)
    uniqueness = {check.name for check, _ in rules if check.metric == "nonunique_count"}
    found = []
    for verdict in verdicts:
        verdict = verdict.with_samples(keys.get(verdict.name, verdict.sample_keys))
        if verdict.name in uniqueness and verdict.name in totals:
            # The scan only counted the rows too many; now every row of a group is known.
            total = totals[verdict.name]
            verdict = replace(verdict, failing_count=total, observed=total)
        found.append(verdict)
    return found
