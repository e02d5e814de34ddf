"""Damage to rows and values: what a source can deliver without changing a table's columns.

Each function breaks the copy and returns a sentence that says what it did.
"""

from __future__ import annotations

from dataplatform.declarations.errors import UserError
from dataplatform.rehearsal.target import AMOUNTS, NUMBERS, TEXT, TIMES, Target
from dataplatform.resources.warehouse.interface import SYNCED_COLUMN, quoted

#: What is left of a text that a column of the wrong length took.
_CUT = 5
_SHIFT_HOURS = 2
_LATE_HOURS = 48
_FACTOR = 100


def volume_drop(target: Target) -> str:
    """Most rows do not arrive."""
    before = target.rows()
    target.execute(f"delete from {{table}} where {target.struck()}")
    target.stamp()
    return f"{before - target.rows():,} of {before:,} rows did not arrive."


def duplicated_load(target: Target) -> str:
    """The same rows are loaded once more."""
    before = target.rows()
    target.execute(f"insert into {{table}} select * from {{table}} where {target.struck()}")
    target.stamp()
    return f"{target.rows() - before:,} of {before:,} rows were loaded twice."


def null_spike(target: Target) -> str:
    """A column loses values."""
    (column,) = target.pick(TEXT | NUMBERS | TIMES, "a null spike")
    rows = target.update(f"{quoted(column)} = null")
    return f"{column} became NULL in {rows:,} of {target.rows():,} rows."


def unit_change(target: Target) -> str:
    """Amounts arrive in cents."""
    suiting = AMOUNTS & set(target.columns.values()) or NUMBERS
    (column,) = target.pick(suiting, "a unit change")
    rows = target.update(f"{quoted(column)} = {quoted(column)} * {_FACTOR}")
    return f"{column} arrived in cents instead of euros in {rows:,} of {target.rows():,} rows."


def time_zone_shift(target: Target) -> str:
    """Local time arrives where UTC was meant, as a driver's setting has it: in every column."""
    times = [name for name, kind in target.columns.items() if kind in TIMES]
    if not times:
        raise UserError(
            f"{target.relation} does not suit a time zone shift: it has no column of moments."
        )
    rows = target.update(
        ", ".join(
            f"{quoted(name)} = {quoted(name)} + interval {_SHIFT_HOURS} hour" for name in times
        )
    )
    return (
        f"{', '.join(times)} arrived {_SHIFT_HOURS} hours ahead in {rows:,} of "
        f"{target.rows():,} rows."
    )


def encoding_damage(target: Target) -> str:
    """UTF-8 is read as Latin-1."""
    foreign = "regexp_matches({}, '[^ -~]')"
    columns = [name for name, kind in target.columns.items() if kind in TEXT]
    columns = [
        name
        for name in columns
        if target.execute(f"select 1 from {{table}} where {foreign.format(quoted(name))} limit 1")
    ]
    found = [name for name in target.prefer if name in columns] or columns
    if not found:
        raise UserError(
            f"{target.relation} does not suit encoding damage: "
            "it has no text with a letter beyond ASCII."
        )
    name = quoted(found[0])
    # Each byte of a letter becomes a letter of its own, as a wrong driver setting has it.
    garbled = (
        f"list_reduce(list_prepend('', list_transform(string_split({name}, ''), "
        "letter -> if(unicode(letter) < 128, letter, "
        "chr(cast(192 + unicode(letter) // 64 as integer)) || "
        "chr(cast(128 + unicode(letter) % 64 as integer))))), (text, letter) -> text || letter)"
    )
    rows = target.update(f"{name} = {garbled}", f"{foreign.format(name)} and {target.struck()}")
    example = target.execute(f"select max({name}) from {{table}} where {name} like '%Ã%'")[0][0]
    return f"{found[0]} was garbled in {rows:,} of {target.rows():,} rows, such as {example!r}."


def truncation(target: Target) -> str:
    """A text column became too short."""
    (column,) = target.pick(TEXT, "truncation of text")
    rows = target.update(
        f"{quoted(column)} = left({quoted(column)}, {_CUT})",
        f"length({quoted(column)}) > {_CUT} and {target.struck()}",
    )
    if not rows:
        raise UserError(
            f"{target.relation} does not suit truncation of text: {column} holds nothing "
            f"longer than {_CUT} characters."
        )
    return f"{column} was cut to {_CUT} characters in {rows:,} of {target.rows():,} rows."


def orphaned_references(target: Target) -> str:
    """Rows point at what does not exist."""
    names = [name for name in target.columns if name.endswith(("_id", "_key"))]
    found = [name for name in target.prefer if name in names]
    found += [name for name in names if name not in (*found, *target.keys[:1])]
    if not found:
        raise UserError(
            f"{target.relation} does not suit orphaned references: none of its columns is called "
            "…_id and points at another table."
        )
    column = quoted(found[0])
    if target.columns[found[0]] in NUMBERS:
        value = f"{column} + 7 * (select max({column}) from {{table}})"
    else:
        value = f"'gone-' || {column}"
    rows = target.update(f"{column} = {value}")
    return f"{found[0]} points at nothing in {rows:,} of {target.rows():,} rows."


def skewed_category(target: Target) -> str:
    """One of a few values takes the place of the others."""
    suiting = TEXT | {"boolean"}
    columns = [
        name for name, kind in target.columns.items() if kind in suiting and name not in target.keys
    ]
    few = [
        name
        for name in columns
        if 1 < target.execute(f"select count(distinct {quoted(name)}) from {{table}}")[0][0] <= 20
    ]
    found = [name for name in target.prefer if name in few] or few
    if not found:
        raise UserError(
            f"{target.relation} does not suit a skewed category: no text column of it has "
            "between 2 and 20 different values."
        )
    name = quoted(found[0])
    (value,) = target.execute(
        f"select {name} from {{table}} where {name} is not null group by 1 order by count(*), 1"
    )[0]
    rows = target.update(
        f"{name} = (select {name} from {{table}} where {name} is not null "
        "group by 1 order by count(*), 1 limit 1)"
    )
    return f"{found[0]} became {value!r}, its rarest value, in {rows:,} of {target.rows():,} rows."


def test_rows(target: Target) -> str:
    """Somebody tries the software out on the real system."""
    columns, before = target.columns, target.rows()
    changed = []
    for name, kind in columns.items():
        column = quoted(name)
        if name in target.keys or name.endswith("_id"):
            if kind in NUMBERS:
                changed.append(f"{column} + (select max({column}) from {{table}}) as {column}")
            elif kind in TEXT and name in target.keys:
                # Of the same length and shape, so that it could be a real one.
                changed.append(
                    f"left(md5({column}), cast(length({column}) as integer)) as {column}"
                )
        elif kind in TEXT:
            changed.append(f"if({column} is null, null, 'test') as {column}")
    if not any(" 'test') " in one for one in changed):
        raise UserError(f"{target.relation} does not suit test rows: it has no text to say so.")
    target.execute(
        f"insert into {{table}} by name select * replace ({', '.join(changed)}) "
        f"from {{table}} where {target.struck()}"
    )
    if target.synced:
        target.execute(
            f"update {{table}} set {SYNCED_COLUMN} = timestamptz '{target.now.isoformat()}' "
            f"where rowid >= {before}"
        )
    return f"{target.rows() - before:,} rows that say 'test' came among {before:,} real ones."


def stuck_value(target: Target) -> str:
    """A feed repeats its last value: every row of the last day has it."""
    times = [name for name, kind in target.columns.items() if kind in TIMES]
    suiting = AMOUNTS & set(target.columns.values()) or NUMBERS
    (column,) = target.pick(suiting, "a stuck value")
    name = quoted(column)
    recent = target.struck()
    if times:
        newest = quoted(min(times, key=lambda time: time != "updated_at"))
        recent = f"{newest} > (select max({newest}) from {{table}}) - interval 1 day"
    (value,) = target.execute(f"select {name} from {{table}} where {recent} order by 1 desc")[0]
    rows = target.update(f"{name} = (select max({name}) from {{table}} where {recent})", recent)
    return f"{column} stuck at {value} in {rows:,} of {target.rows():,} rows, all of the last day."


def swapped_columns(target: Target) -> str:
    """Two columns change places."""
    first, second = target.pick(TEXT, "swapped columns", count=2)
    one, other = quoted(first), quoted(second)
    rows = target.update(f"{one} = {other}, {other} = {one}")
    return f"{first} and {second} changed places in {rows:,} of {target.rows():,} rows."


def late_data(target: Target) -> str:
    """The sync runs, but the source's newest rows are not in it."""
    times = [name for name, kind in target.columns.items() if kind in TIMES]
    found = [name for name in target.prefer if name in times] or times
    if not found:
        raise UserError(f"{target.relation} does not suit late data: it has no column of moments.")
    before, column = target.rows(), quoted(found[0])
    target.execute(
        f"delete from {{table}} where {column} > (select max({column}) from {{table}}) "
        f"- interval {_LATE_HOURS} hour"
    )
    target.stamp()
    return (
        f"the sync ended as ever, but {before - target.rows():,} rows of the last "
        f"{_LATE_HOURS} hours are missing."
    )
