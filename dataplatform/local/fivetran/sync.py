"""One sync, from the source's tables to the destination's commit.

Reads what the source offers, decides which tables take part, lets the source extract, and lands
everything in one session. When syncs run and what is remembered of them lives in ``runner``.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.local.fivetran import schema_config
from dataplatform.local.fivetran.destination import Destination
from dataplatform.local.fivetran.faults import Faults
from dataplatform.local.fivetran.model import SyncFailure, SyncRescheduled, TableResult
from dataplatform.local.fivetran.services.base import SECRETS, open_service

Committed = Callable[[list[TableResult]], None]
_log = logging.getLogger("dataplatform.local.fivetran")


def run_sync(
    connection: dict[str, Any],
    destination: Destination,
    scratch: Path,
    keep_config: Callable[[dict[str, Any]], None],
    faults: Faults | None = None,
    committed: Committed | None = None,
) -> list[TableResult]:
    """Sync a connection once.

    A sync is done when it is committed. What follows (the warehouse file is tidied as it is closed,
    the source told what it may forget) takes about as long again where little has changed, and
    cannot fail the sync any more.

    Args:
        connection: the connection's document, secrets included.
        destination: where its rows land.
        scratch: a folder for this sync alone; removed at its end.
        keep_config: called with the schema config once the source has been looked at.
        faults: misfortune that was asked for.
        committed: called with the rows per table as soon as they cannot be lost any more.

    Returns:
        Rows per table.

    Raises:
        SyncFailure: the sync failed; nothing of it is in the destination.
        SyncRescheduled: it has to be tried again later; nothing of it is in the destination.
    """
    import duckdb

    ending = ExitStack()
    asking = ThreadPoolExecutor(1)
    done: list[TableResult] | None = None
    try:
        waiting = faults.take("reschedule", connection["id"]) if faults else None
        if waiting:
            raise SyncRescheduled("The sync was put off, as was asked.", waiting.seconds)
        scratch.mkdir(parents=True, exist_ok=True)
        service = open_service(connection["service"], connection["schema"], connection["config"])
        ending.callback(service.close)
        remembered = asking.submit(destination.cursors, connection["id"], keep=True)
        ending.callback(remembered.add_done_callback, lambda _: destination.release())
        offered = service.discover()
        config = schema_config.merged(connection.get("schema_config"), offered)
        keep_config(config)
        tables = schema_config.selected(config, offered)
        resync = frozenset(
            table.label
            for table in tables
            if connection.get("resync") == "all" or table.label in (connection.get("resync") or [])
        )
        brief = service.approach(tables)
        known = remembered.result()
        if not brief:
            destination.release()
        cursors = {label: held for label, held in known.items() if label not in resync}
        service.extract(tables, cursors, scratch)
        with destination.session(connection["id"], f"sync {connection['schema']}") as session:
            service.attach(session)
            session.begin()
            results = []
            for result in service.load(session, tables, resync):
                results.append(result)
                _fail_if_asked(faults, connection["id"])
            session.commit()
            done = results
            if committed:
                committed(results)
        service.after_commit()
        return results
    except SyncFailure:
        raise
    except (duckdb.Error, UserError, OSError) as error:
        if done is not None:
            _log.warning("after sync %s: %s", connection["id"], _one_line(error))
            return done
        raise SyncFailure(redacted(_one_line(error), connection)) from error
    finally:
        asking.shutdown(wait=False)
        ending.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _fail_if_asked(faults: Faults | None, connection: str) -> None:
    """Fail half-way on request: rows have landed, and nothing is committed yet."""
    if faults and faults.take("fail_half_way", connection):
        raise SyncFailure("The sync failed half-way, as was asked.", code="failed_on_request")


def left_behind(connection: dict[str, Any]) -> str:
    """Undo what a deleted connection set up in its source; return what could not be, or nothing."""
    try:
        service = open_service(connection["service"], connection["schema"], connection["config"])
    except SyncFailure:
        # Settings that make no source have set nothing up.
        return ""
    try:
        service.teardown()
    except SyncFailure as error:
        return f"; left behind in its source: {redacted(str(error), connection)}"
    return ""


def _one_line(error: Exception) -> str:
    """Return an error's first paragraph on one line: engines append the statement after it."""
    text = str(error).strip().split("\n\nLINE ")[0]
    return " ".join(text.split())[:1000] or type(error).__name__


def redacted(text: str, connection: dict[str, Any]) -> str:
    """Return a text without the connection's secrets."""
    for name in SECRETS.get(connection["service"], ()):
        secret = str(connection["config"].get(name) or "")
        if len(secret) >= 3:
            text = text.replace(secret, "******")
    return text
