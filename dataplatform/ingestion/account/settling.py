"""One connection brought in line with its file: made, changed, its tables chosen, let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.changes import (
    Change,
    config_differences,
    declared_config,
    declared_settings,
    same,
    schema_differences,
)
from dataplatform.ingestion.account.passing import Live, Pass
from dataplatform.resources.fivetran.transport import FivetranFailure

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection


def create(one: Pass, group: Live | None, connection: Connection) -> Live | None:
    """Make a connection, paused; None where that is only planned."""
    one.found(Change("create", "connection", connection.name))
    if not one.changing or group is None:
        return None
    config = declared_config(connection, one.resolved)
    # Paused until its tables are chosen: nothing undeclared may be synced in between.
    item = one.client.call(
        "POST",
        "connections",
        {
            **declared_settings(connection),
            "service": connection.service,
            "group_id": group["id"],
            "config": config,
            "paused": True,
            "run_setup_tests": True,
        },
    )
    one.remember(connection.name, config)
    return item


def change(one: Pass, item: Live, connection: Connection) -> None:
    """Compare a connection's settings with its file, and change them where asked."""
    config = declared_config(connection, one.resolved)
    differences = config_differences(
        config,
        item.get("config", {}),
        lambda key, value: one.secrets.known(connection.name, key, value),
    )
    settings = {
        name: value
        for name, value in declared_settings(connection).items()
        if name != "paused" and not same(value, item.get(name))
    }
    for field, (before, after) in differences.items():
        one.found(
            Change(
                "change",
                "connection",
                connection.name,
                f"config.{field}",
                before,
                after,
            )
        )
    for field, value in settings.items():
        one.found(
            Change(
                "change",
                "connection",
                connection.name,
                field,
                item.get(field),
                value,
            )
        )
    request: dict[str, Any] = dict(settings)
    if differences:
        request["config"] = {key: config[key] for key in differences}
        request["run_setup_tests"] = True
    if request and one.changing:
        one.client.call_connection("PATCH", item["id"], body=request)
        one.remember(connection.name, config)


def choose_tables(one: Pass, item: Live, connection: Connection) -> None:
    """Compare which tables are synced with those that are declared."""
    config = one.client.get_schema_config_for_connector(item["id"], False)
    changes, request, missing = schema_differences(connection, config)
    if missing and one.changing:
        # Made in the source since the account last looked, or the account never looked.
        try:
            config = one.client.call_connection("POST", item["id"], "/schemas/reload", {})
        except FivetranFailure as failure:
            one.troubles.append(
                f"The tables of connection {connection.name!r} cannot be read: {failure}"
            )
            return
        changes, request, missing = schema_differences(connection, config)
    if missing:
        one.troubles.append(
            f"{connection.file}: the source of {connection.name!r} offers no {', '.join(missing)}."
        )
    for change in changes:
        one.found(change)
    if request and one.changing:
        one.client.call_connection("PATCH", item["id"], "/schemas", request)


def finish(one: Pass, item: Live, connection: Connection) -> None:
    """Check that the connection is set up, then let its declared pause or schedule rule."""
    details = one.client.get_connector_details(item["id"])
    status = details.get("status", {})
    if status.get("setup_state") != "connected" and one.changing:
        details = one.client.call_connection("POST", item["id"], "/test", {})
        status = details.get("status", status)
    if status.get("setup_state") != "connected":
        reasons = "; ".join(str(task.get("message")) for task in status.get("tasks", []))
        one.troubles.append(
            f"{connection.file}: the connection {connection.name!r} is not set up: "
            f"{reasons or status.get('setup_state')}"
        )
        return
    if bool(details.get("paused")) != connection.paused:
        created = any(c.action == "create" and c.name == connection.name for c in one.changes)
        if not created:
            one.found(
                Change(
                    "change",
                    "connection",
                    connection.name,
                    "paused",
                    details.get("paused"),
                    connection.paused,
                )
            )
        if one.changing:
            one.client.call_connection("PATCH", item["id"], body={"paused": connection.paused})
