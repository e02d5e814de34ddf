"""What contracts promised when their tables were last promoted: the texts, kept in the target.

Both environments share the files of one checkout, so what readers were promised before is known
only from what was kept: ``dataplatform.promised``, one row for each table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.contract import Contract, load_contract
from dataplatform.declarations.errors import UserError
from dataplatform.keys import PLATFORM, Relation

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

TABLE = Relation(PLATFORM, "promised")


def keep_promises(project: Project, warehouse: Warehouse, tables: Iterable[Relation]) -> None:
    """Write down what the contracts of some tables promise now, in the place of what they did.

    Args:
        project: whose contracts are meant.
        warehouse: where the tables are read.
        tables: as consumers read them.
    """
    contracts = {one.published: one for one in project.contracts}
    swap = warehouse.swap
    name, target, text = swap.name(TABLE), swap.column("target"), swap.column("contract")
    with warehouse.session("keep what contracts promise") as session:
        session.execute(swap.schema(PLATFORM))
        columns = f"{target} {swap.text_type}, {text} {swap.text_type}"
        session.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
        for table in sorted(tables):
            contract = contracts.get(table)
            told = swap.literal(str(table))
            session.execute(f"DELETE FROM {name} WHERE {target} = {told}")
            if contract is not None:
                content = (project.root / contract.file).read_text(encoding="utf-8")
                values = f"{told}, {swap.literal(content)}"
                session.execute(f"INSERT INTO {name} ({target}, {text}) VALUES ({values})")


def promised(warehouse: Warehouse) -> dict[Relation, Contract]:
    """Return what was promised of each table when it was last promoted.

    A text that this version of the platform cannot read promises nothing any more.
    """
    swap = warehouse.swap
    with warehouse.session("what contracts promised") as session:
        if TABLE.table not in swap.tables(session, TABLE.schema):
            return {}
        columns = f"{swap.column('target')}, {swap.column('contract')}"
        rows = session.execute(f"SELECT {columns} FROM {swap.name(TABLE)}")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for target, text in rows:
            table = Relation(*str(target).split(".", 1))
            path = Path(folder) / "config" / "contracts" / table.schema / f"{table.table}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(text), encoding="utf-8")
            with suppress(UserError):
                found[table] = load_contract(path, Path(folder))
    return found
