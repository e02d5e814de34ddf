"""The incidents that can be rehearsed: what each is, where the demo has it, and what breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import Relation
from dataplatform.rehearsal import damage_columns, damage_rows
from dataplatform.rehearsal.target import Target


@dataclass(frozen=True)
class Incident:
    """Something that goes wrong in companies.

    Attributes:
        name: as it is typed.
        meaning: in one sentence.
        table: the demo company's table that it befalls.
        damage: breaks a table and says what it did; None for a sync that never came.
        columns: preferred to be damaged.
        share: of the rows that are damaged by default.
    """

    name: str
    meaning: str
    table: Relation
    damage: Callable[[Target], str] | None
    columns: tuple[str, ...] = ()
    share: float = 0.3


def _shop(table: str) -> Relation:
    return Relation("raw_postgres_public", table)


INCIDENTS = (
    Incident(
        "volume-drop",
        "Most rows of a table do not arrive.",
        _shop("order_items"),
        damage_rows.volume_drop,
        share=0.6,
    ),
    Incident(
        "null-spike",
        "A column that is always filled is suddenly empty in many rows.",
        _shop("customers"),
        damage_rows.null_spike,
        ("country",),
    ),
    Incident(
        "duplicated-load",
        "The same rows are loaded twice.",
        _shop("order_items"),
        damage_rows.duplicated_load,
        share=1.0,
    ),
    Incident(
        "late-data",
        "A sync ends in time, but without the source's newest rows.",
        _shop("orders"),
        damage_rows.late_data,
        ("updated_at",),
    ),
    Incident("missed-sync", "No sync comes, and nothing fails.", _shop("payments"), None),
    Incident(
        "column-dropped",
        "A column disappears from the source.",
        _shop("orders"),
        damage_columns.column_dropped,
        ("shipped_at",),
    ),
    Incident(
        "column-added",
        "A column that nobody declared appears.",
        _shop("customers"),
        damage_columns.column_added,
    ),
    Incident(
        "column-retyped",
        "A column of numbers arrives as text.",
        _shop("order_items"),
        damage_columns.column_retyped,
        ("unit_price",),
    ),
    Incident(
        "column-renamed",
        "A column gets another name.",
        _shop("customers"),
        damage_columns.column_renamed,
        ("country",),
    ),
    Incident(
        "unit-change",
        "Amounts arrive in cents instead of euros.",
        _shop("payments"),
        damage_rows.unit_change,
        ("amount",),
    ),
    Incident(
        "time-zone-shift",
        "Local time arrives where UTC was meant.",
        _shop("orders"),
        damage_rows.time_zone_shift,
        ("ordered_at",),
        share=1.0,
    ),
    Incident(
        "encoding-damage",
        "Letters beyond ASCII arrive garbled.",
        _shop("customers"),
        damage_rows.encoding_damage,
        ("last_name",),
        share=1.0,
    ),
    Incident(
        "truncation",
        "Text is cut to a few characters.",
        _shop("customers"),
        damage_rows.truncation,
        ("email",),
    ),
    Incident(
        "orphaned-references",
        "Rows point at rows of another table that do not exist.",
        _shop("orders"),
        damage_rows.orphaned_references,
        ("customer_id",),
    ),
    Incident(
        "skewed-category",
        "One of a few values takes the place of the others.",
        _shop("orders"),
        damage_rows.skewed_category,
        ("status",),
    ),
    Incident(
        "test-rows",
        "Somebody tries the software out in production.",
        _shop("customers"),
        damage_rows.test_rows,
        share=0.05,
    ),
    Incident(
        "stuck-value",
        "A feed repeats its last value.",
        _shop("order_items"),
        damage_rows.stuck_value,
        ("unit_price",),
    ),
    Incident(
        "swapped-columns",
        "Two columns change places.",
        _shop("customers"),
        damage_rows.swapped_columns,
        ("first_name", "last_name"),
    ),
)
BY_NAME = {incident.name: incident for incident in INCIDENTS}


def named(text: str) -> Incident:
    """Return the incident of a name, however its words are joined.

    Raises:
        UserError: there is none; with the nearest name.
    """
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in BY_NAME:
        raise UserError(
            f"{text!r} is not an incident that can be rehearsed.{nearest(name, BY_NAME)} "
            "`dataplatform rehearse --list` shows them."
        )
    return BY_NAME[name]
