"""What becomes of statements in the local stand-in for Snowflake, where the double errs.

A part of ``snowflake_server``, run by the same Python.
"""

from __future__ import annotations

from typing import Any

import fakesnow.transforms
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp


def repair_transforms() -> None:
    """Put right what becomes of statements: temporary tables, clones, MERGE, sums."""
    transform = FakeSnowflakeCursor._transform
    explode = FakeSnowflakeCursor._transform_explode

    def transformed(self: Any, expression: Any, params: Any) -> Any:
        replaces = expression.args.get("replace") and expression.find(exp.Clone)
        made = transform(self, _without_temporary(expression), params)
        if replaces:
            # A clone takes the place of the table of its name; the double forgets that it may.
            made.set("replace", True)
        table = made.find(exp.Table) if isinstance(made, exp.Create) else None
        if table is not None and table.name.lower() == "merge_candidates":
            # Notes on it would lie in another database, which no transaction with rows may touch.
            made.args.pop("text_lengths", None)
            made.args.pop("table_comment", None)
        return made

    def exploded(self: Any, expression: Any) -> Any:
        if isinstance(expression, exp.Merge):
            _qualify_inserted(expression)
        return explode(self, expression)

    def exact(expression: Any) -> Any:
        summed = expression.this if isinstance(expression, exp.Sum) else None
        made = implicit(expression)
        if summed is not None:
            # A sum of decimals is a decimal; text, which Snowflake would cast, is refused here.
            (made.this if isinstance(made, exp.Alias) else made).set("this", summed)
        return made

    implicit = fakesnow.transforms.numeric_agg_implicit_cast
    fakesnow.transforms.numeric_agg_implicit_cast = exact
    FakeSnowflakeCursor._transform = transformed
    FakeSnowflakeCursor._transform_explode = exploded


def _without_temporary(expression: Any) -> Any:
    """DuckDB has temporary tables in a schema of their own only; dbt names another."""
    if isinstance(expression, exp.Create) and expression.args.get("kind") in ("TABLE", "VIEW"):
        table = expression.find(exp.Table)
        properties = expression.args.get("properties")
        if table is not None and table.db and properties is not None:
            kept = [
                one
                for one in properties.expressions
                if not isinstance(one, exp.TemporaryProperty | exp.TransientProperty)
            ]
            properties.set("expressions", kept)
    return expression.transform(_portable, copy=False)


def _portable(node: Any) -> Any:
    """Write what DuckDB has by another name: a hash of all columns of all rows, arrays."""
    if isinstance(node, exp.HashAgg):
        whole = exp.Anonymous(this="hash", expressions=[exp.Var(this="*COLUMNS(*)")])
        return exp.Cast(
            this=exp.Anonymous(this="bit_xor", expressions=[whole]), to=exp.DataType.build("text")
        )
    # The double keeps arrays as JSON, which DuckDB's functions of lists do not take.
    if isinstance(node, exp.ArrayToString):
        return _call("array_to_string", _listed(node.this, "VARCHAR"), node.expression)
    if isinstance(node, exp.ArrayContains):
        return _call("list_contains", _listed(node.this, "JSON"), node.expression)
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.ArrayAgg):
        # Missing values are left out, and an array of none is an array.
        value = node.this.this
        ordered = exp.Order(this=value, expressions=node.expression.expressions)
        missing = exp.Is(this=value.copy(), expression=exp.Null())
        present = exp.Where(this=exp.Not(this=missing))
        values = exp.Filter(this=_call("list", ordered), expression=present)
        return _call("to_json", exp.Coalesce(this=values, expressions=[exp.Array()]))
    return node


def _call(name: str, *values: Any) -> Any:
    """Call a function of DuckDB's, which the double leaves as it is."""
    return exp.Anonymous(this=name, expressions=list(values))


def _listed(array: Any, kind: str) -> Any:
    """Make a list of what the double has as JSON; what is replaced is not looked into again."""
    whole = array.transform(_portable, copy=False)
    return _call("from_json", whole, exp.Literal.string(f'["{kind}"]'))


def _qualify_inserted(merge: Any) -> None:
    """A MERGE inserts the source's columns; by a bare name the target's would be meant as well."""
    source = merge.args["using"].alias_or_name
    for when in merge.args["whens"].expressions:
        then = when.args.get("then")
        if isinstance(then, exp.Insert) and then.expression is not None:
            for column in then.expression.find_all(exp.Column):
                if not column.table:
                    column.set("table", exp.to_identifier(source))
