"""Damage to a table's columns, as a change in the source's own tables makes it."""

from __future__ import annotations

from dataplatform.rehearsal.target import NUMBERS, TEXT, TIMES, Target
from dataplatform.resources.warehouse.interface import quoted

_ANY = TEXT | NUMBERS | TIMES


def column_dropped(target: Target) -> str:
    """A column is gone."""
    (column,) = target.pick(_ANY, "a dropped column", least=0)
    target.execute(f"alter table {{table}} drop column {quoted(column)}")
    target.stamp()
    return f"the column {column} is gone."


def column_added(target: Target) -> str:
    """A column nobody knows appears."""
    name = "internal_remark"
    while name in target.columns:
        name += "_2"
    target.execute(f"alter table {{table}} add column {name} varchar default 'none'")
    target.stamp()
    return f"a new column {name} arrived."


def column_retyped(target: Target) -> str:
    """Numbers or moments arrive as text."""
    (column,) = target.pick(NUMBERS | TIMES, "a retyped column", least=0)
    kind = target.columns[column]
    target.execute(f"alter table {{table}} alter column {quoted(column)} type varchar")
    target.stamp()
    return f"the column {column} arrived as text, it was {kind}."


def column_renamed(target: Target) -> str:
    """A column comes under another name."""
    (column,) = target.pick(_ANY, "a renamed column", least=0)
    name = f"{column}_new"
    target.execute(f"alter table {{table}} rename column {quoted(column)} to {quoted(name)}")
    target.stamp()
    return f"the column {column} is called {name} now."
