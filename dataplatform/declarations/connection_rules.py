"""When a connection is synced, by which way, and how its tables arrive: what its file may say.

Where tables land and which names and types are sound is ``connection_file``'s.
"""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from dataplatform.declarations.connection_file import ConnectionFile, TableFile
from dataplatform.declarations.cron import what_is_wrong
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.yaml_file import YamlFile

#: What Fivetran accepts as minutes between two syncs.
SYNC_FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
_DAY = 1440
#: What each way of reaching a source needs beside its name.
_NEEDS = {"PrivateLink": "private_link_id", "ProxyAgent": "proxy_agent_id"}


def check_schedule(file: YamlFile, content: ConnectionFile) -> None:
    """Refuse a clock that Fivetran or Dagster would not keep, and an owner that is none."""
    if content.sync_frequency not in SYNC_FREQUENCIES:
        options = ", ".join(map(str, SYNC_FREQUENCIES))
        raise file.error(
            ("sync_frequency",),
            f"sync_frequency must be one of {options} minutes, not {content.sync_frequency}.",
        )
    time = content.daily_sync_time
    if time is not None:
        if content.sync_frequency != _DAY:
            raise file.error(
                ("daily_sync_time",),
                "daily_sync_time needs a sync_frequency of 1440 minutes.",
            )
        if not re.fullmatch(r"([01]\d|2[0-3]):00", time):
            raise file.error(
                ("daily_sync_time",),
                f"daily_sync_time must be a full hour like 06:00, not {time!r}.",
            )
    if content.freshness is not None and content.freshness <= 0:
        raise file.error(
            ("freshness",),
            f"freshness must be hours above 0, not {content.freshness:g}.",
        )
    check_owner(file, ("owner",), content.owner)
    _check_cron(file, content)
    _check_delay(file, content)


def _check_cron(file: YamlFile, content: ConnectionFile) -> None:
    clock = content.schedule
    if clock is None:
        return
    if content.schedule_type == "auto":
        raise file.error(
            ("schedule_type",),
            "a connection with a schedule is on manual: take schedule_type out.",
        )
    for other in ("sync_frequency", "daily_sync_time"):
        if other in file.data:
            raise file.error(
                (other,), f"a connection has either {other} or a schedule, which keeps the clock."
            )
    wrong = what_is_wrong(clock.cron)
    if wrong:
        raise file.error(("schedule", "cron"), f"{clock.cron!r} is no cron: {wrong}.")
    zones = available_timezones()
    if clock.timezone not in zones:
        hint = nearest(clock.timezone, zones)
        raise file.error(("schedule", "timezone"), f"{clock.timezone!r} is not a time zone.{hint}")


def _check_delay(file: YamlFile, content: ConnectionFile) -> None:
    delay = content.data_delay
    if delay is None:
        return
    custom = delay.sensitivity == "custom"
    if custom and delay.threshold is None:
        raise file.error(
            ("data_delay",), "data_delay with sensitivity custom needs a threshold in minutes."
        )
    if not custom and delay.threshold is not None:
        raise file.error(
            ("data_delay", "threshold"), "a threshold needs data_delay's sensitivity to be custom."
        )
    if delay.threshold is not None and delay.threshold < 1:
        raise file.error(
            ("data_delay", "threshold"),
            f"threshold must be minutes above 0, not {delay.threshold}.",
        )


def check_networking(file: YamlFile, content: ConnectionFile) -> None:
    """Refuse a way to the source that lacks what it needs, or has what belongs to another."""
    way = content.networking
    if way is None:
        return
    for method, needed in _NEEDS.items():
        given = getattr(way, needed)
        if way.method == method and not given:
            raise file.error(
                ("networking",), f"networking by {method} needs the setting {needed!r}."
            )
        if way.method != method and given:
            raise file.error(
                ("networking", needed), f"{needed!r} is only for networking by {method}."
            )
    if way.method == "SshTunnel" and not content.config.get("tunnel_host"):
        raise file.error(
            ("networking", "method"),
            "networking by SshTunnel needs tunnel_host, tunnel_port and tunnel_user in config.",
        )


def check_choices(file: YamlFile, name: str, table: TableFile) -> None:
    """Refuse choices of columns that contradict one another or what is declared to arrive."""
    loc = ("tables", name)
    for index, column in enumerate(table.hashed):
        where = (*loc, "hashed", index)
        if column not in table.columns:
            raise file.error(
                where,
                f"the hashed column {column!r} is not among the columns of {name!r}."
                f"{nearest(column, table.columns)}",
            )
        if column in table.primary_key:
            raise file.error(
                where, f"{column!r} is in the primary key of {name!r}: a key cannot be hashed."
            )
        if table.columns[column] != "string":
            raise file.error(
                where,
                f"a hashed column arrives as text: declare {column!r} of {name!r} as string, "
                f"not {table.columns[column]}.",
            )
    for index, column in enumerate(table.excluded):
        where = (*loc, "excluded", index)
        if not is_identifier(column):
            raise file.error(where, f"{column!r} is not a safe name for a column.")
        if column in table.columns:
            raise file.error(
                where,
                f"{column!r} of {name!r} is both declared and excluded: an excluded column does "
                "not arrive.",
            )
    for key in ("primary_key", "hashed", "excluded"):
        written = getattr(table, key)
        twice = next((one for one in written if written.count(one) > 1), None)
        if twice:
            raise file.error((*loc, key), f"{twice!r} is written twice in {key} of {name!r}.")
