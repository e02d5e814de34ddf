"""Row changes on their way from the stream to the warehouse: sorted by table, kept in files.

Memory stays bounded: rows wait in lists until there are many, then go to Parquet as the text
PostgreSQL sent. Gives the queries that read the newest change of each key back, typed as the
query-based way types them (``postgres_values``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.local.fivetran.model import DELETE, UPSERT, Table
from dataplatform.local.fivetran.services.postgres_pgoutput import (
    UNCHANGED,
    Put,
    Relation,
    Row,
    Value,
)
from dataplatform.local.fivetran.services.postgres_tuples import columns_of
from dataplatform.local.fivetran.services.postgres_values import typed
from dataplatform.local.fivetran.sql import ident, listed, literal

if TYPE_CHECKING:
    import pyarrow as pa

TRUNCATE = "T"
# Returns None where the values are no longer ones of the type.
Render = Callable[[str, str, list[str | None]], list[str | None] | None]


class Staged:
    """The changes of one table.

    Args:
        table: what is wanted of it.
        folder: where its files lie.
        number: tells its files from those of other tables.
        skips: tells whether a transaction (place of its commit, number) has been seen before.
        render: has PostgreSQL itself write values that have no equal here.
    """

    def __init__(
        self,
        table: Table,
        folder: Path,
        number: int,
        skips: Callable[[int, int], bool],
        render: Render,
    ) -> None:
        self.table = table
        self.skips = skips
        # The transactions that emptied it.
        self.truncated: set[int] = set()
        # Rows whose values are not all in the stream are read from the source once more.
        self.incomplete = False
        # The table is read again as a whole where the stream does not say enough.
        self.untellable = not table.has_key
        # The transactions whose rows were not kept, therefore.
        self.unread: set[int] = set()
        # The columns the table had while rows were told, in its own order, of all times.
        self.told: set[tuple[str, ...]] = set()
        self.files: list[Path] = []
        self._prefix = folder / f"changes-{number}"
        self._render = render
        self._keys = [n for n, column in enumerate(table.columns) if column.key]
        self._positions: list[int | None] = []
        self._names: tuple[str, ...] = ()
        self._lacking = False
        # Rows that are not taken apart yet, with the number and transaction of each.
        self._puts: list[bytes] = []
        self._put_seqs: list[int] = []
        self._put_xids: list[int] = []
        # One list a field and one for all values, row after row: a container a row would keep the
        # garbage collector busier than the decoder.
        self._seqs: list[int] = []
        self._xids: list[int] = []
        self._kinds: list[str] = []
        self._agains: list[bool] = []
        self._values: list[Value] = []

    def relation(self, relation: Relation) -> None:
        """Learn in which order values come from now on."""
        self.flush()
        self._names = relation.columns
        places = {name: n for n, name in enumerate(relation.columns)}
        self._positions = [places.get(column.source) for column in self.table.columns]
        generated = self.table.details["generated"]
        self._lacking = any(
            place is None and column.source in generated
            for place, column in zip(self._positions, self.table.columns, strict=True)
        )

    def put(self, data: bytes, seq: int, xid: int) -> None:
        """Take the message of a row as it is now."""
        if self.untellable:
            self.unread.add(xid)
            return
        self._puts.append(data)
        self._put_seqs.append(seq)
        self._put_xids.append(xid)

    def row(self, row: Row, seq: int, xid: int) -> None:
        """Take a row change that tells of the row before it."""
        if self.untellable:
            self.unread.add(xid)
            return
        old = self._arranged(row.old)
        if row.new is None:
            self._add(seq, xid, DELETE, False, old)
            return
        new = self._arranged(row.new)
        again = self._lacking
        if row.lacks:
            if row.whole:
                new = [o if n is UNCHANGED else n for o, n in zip(old, new, strict=True)]
            else:
                new = [None if value is UNCHANGED else value for value in new]
                again = True
        if any(old[n] != new[n] for n in self._keys):
            self._add(seq - 1, xid, DELETE, False, old)
        self._add(seq, xid, UPSERT, again, new)

    def truncate(self, seq: int, xid: int) -> None:
        """Take note that the table was emptied."""
        self.truncated.add(xid)
        if self.untellable:
            self.unread.add(xid)
            return
        self._add(seq, xid, TRUNCATE, False, [None] * len(self.table.columns))

    def _arranged(self, values: Sequence[Value]) -> list[Value]:
        return [None if place is None else values[place] for place in self._positions]

    def _add(self, seq: int, xid: int, kind: str, again: bool, values: Sequence[Value]) -> None:
        if again:
            self.incomplete = True
        self._seqs.append(seq)
        self._xids.append(xid)
        self._kinds.append(kind)
        self._agains.append(again)
        self._values.extend(values)

    def flush(self) -> None:
        """Write the rows that wait to files."""
        import pyarrow as pa

        if self._puts or self._seqs:
            self.told.add(self._names)
        if self._puts:
            puts, self._puts = self._puts, []
            seqs, self._put_seqs = self._put_seqs, []
            xids, self._put_xids = self._put_xids, []
            wanted = [place for place in self._positions if place is not None]
            found, lacking = columns_of(puts, Put.START, wanted)
            lacking |= self._lacking
            self.incomplete = self.incomplete or bool(lacking.any())
            empty = pa.nulls(len(puts), pa.string())
            texts = [empty if place is None else found[place] for place in self._positions]
            self._write(seqs, xids, [UPSERT] * len(puts), lacking, texts)
        if self._seqs:
            seqs, self._seqs = self._seqs, []
            xids, self._xids = self._xids, []
            kinds, self._kinds = self._kinds, []
            agains, self._agains = self._agains, []
            values, self._values = self._values, []
            width = len(self.table.columns)
            texts = [
                pa.array(values[n::width], pa.binary()).cast(pa.string()) for n in range(width)
            ]
            self._write(seqs, xids, kinds, agains, texts)

    def _write(
        self,
        seqs: list[int],
        xids: list[int],
        kinds: list[str],
        agains: Any,
        columns: Sequence[pa.Array],
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        data: dict[str, pa.Array] = {
            "_seq": pa.array(seqs, pa.int64()),
            "_xid": pa.array(xids, pa.int64()),
            "_kind": pa.array(kinds, pa.string()),
            "_again": pa.array(agains, pa.bool_()),
        }
        for n, (column, texts) in enumerate(zip(self.table.columns, columns, strict=True)):
            template = self.table.details["by_server"].get(column.source)
            if template is not None:
                written = self._render(template, column.source_type, texts.to_pylist())
                if written is None:
                    self.untellable = True
                if self.untellable:
                    self.unread.update(xids)
                    return
                texts = pa.array(written, pa.string())
            data[f"c{n}"] = texts
        path = self._prefix.with_name(f"{self._prefix.name}-{len(self.files)}.parquet")
        pq.write_table(
            pa.table(data), path, compression="none", use_dictionary=False, write_statistics=False
        )
        self.files.append(path)

    def transactions(self) -> str:
        """Return the query that lists the numbers of the transactions staged."""
        return f"SELECT DISTINCT _xid FROM {self._source()}"

    def newest(self, unseen: Iterable[int] | None) -> str:
        """Return the query for the newest change of each key: ``_kind``, ``_again``, columns.

        Args:
            unseen: the transactions that count; None for all.
        """
        where = "true"
        if unseen is not None:
            where = f"_xid IN ({', '.join(map(str, unseen)) or 'NULL'})"
        keys = listed(f"c{n}" for n in self._keys)
        staged = f"(SELECT * FROM {self._source()} WHERE {where})"
        if self.truncated:
            since = f"(SELECT coalesce(max(_seq), -1) FROM {staged} WHERE _kind = '{TRUNCATE}')"
            staged = f"(SELECT * FROM {staged} WHERE _seq > {since})"
        columns = ", ".join(
            f"{typed(f'c{n}', column.type, column.source_type)} AS {ident(column.name)}"
            for n, column in enumerate(self.table.columns)
        )
        return (
            f"SELECT _kind, _again, {columns} FROM {staged} WHERE _seq IN "
            f"(SELECT max(_seq) FROM {staged} GROUP BY {keys})"
        )

    def emptied(self, unseen: Iterable[int] | None) -> str:
        """Return the query that counts the truncations among the transactions that count."""
        where = f"_kind = '{TRUNCATE}'"
        if unseen is not None:
            where += f" AND _xid IN ({', '.join(map(str, unseen)) or 'NULL'})"
        return f"SELECT count(*) FROM {self._source()} WHERE {where}"

    def _source(self) -> str:
        return f"read_parquet([{', '.join(literal(str(file)) for file in self.files)}])"
