"""An older form of connection files, and what it means in the present one.

Such a file has ``connector_type``, ``destination_schema: RAW_SALESFORCE``, ``sync_frequency:
"15min"`` and a list of tables. It is never read as it stands: the message names the command that
converts it. Columns are not in such a file; who converts it hands them in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dataplatform.declarations.connection_rules import SYNC_FREQUENCIES
from dataplatform.declarations.connection_services import KNOWN, is_database, meant
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import fivetran_name
from dataplatform.declarations.yaml_file import YamlFile

#: The settings by which an older file is known; none of them is one of the present form.
MARKS = ("connector_type", "connector_name", "destination_schema")
#: Its settings: the present one's name, or a word for what is worked out.
_SETTINGS = {
    "connector_type", "connector_name", "destination_schema", "sync_frequency", "tables", "config",
    "name", "description", "owner", "paused", "enabled", "schedule_type", "daily_sync_time",
    "freshness", "host", "port", "database", "user", "username", "password", "connection",
    "credentials",
}  # fmt: skip
_SERVICES = {
    "postgresql": "postgres", "pg": "postgres", "sheets": "google_sheets",
    "gsheets": "google_sheets", "sfdc": "salesforce", "aws_s3": "s3",
    "google_cloud_storage": "gcs", "mssql": "sql_server",
}  # fmt: skip
_WORDS = {"hourly": 60, "daily": 1440}
_UNITS = {"m": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1, "h": 60, "hr": 60, "hour": 60,
          "hours": 60, "d": 1440, "day": 1440, "days": 1440}  # fmt: skip

Columns = Callable[[str], Mapping[str, Any]]


def is_older_form(file: YamlFile) -> bool:
    """Say whether a file is in the older form."""
    return any(mark in file.data for mark in MARKS) and "service" not in file.data


def refuse_older_form(file: YamlFile) -> None:
    """Refuse a file in the older form, naming the command that converts it.

    Raises:
        DeclarationError: it is.
    """
    if not is_older_form(file):
        return
    mark = next(mark for mark in MARKS if mark in file.data)
    raise file.error(
        (mark,),
        f"{mark!r} is of an older form of connection files: "
        f"`dataplatform connections convert {file.path}` writes it in the present one.",
    )


def converted(file: YamlFile, columns: Columns) -> dict[str, Any]:
    """Return what an older file means, as the content of a present one.

    Args:
        file: in the older form.
        columns: gives a table's part of the present file (columns, and a key where it has one).

    Raises:
        DeclarationError: it says something that has no counterpart.
    """
    data = file.data
    for key in data:
        if key not in _SETTINGS:
            raise file.error(
                (key,),
                f"{key!r} is not a setting of an older connection file, and has no counterpart."
                f"{nearest(key, _SETTINGS)}",
            )
    service = _service(file)
    landing = data.get("destination_schema")
    if not isinstance(landing, str):
        raise file.error((), "the setting 'destination_schema' of an older connection is missing.")
    content: dict[str, Any] = {
        "service": service,
        "prefix" if is_database(service) else "schema": fivetran_name(landing),
        "description": data.get("description") or f"What {service} holds; say here what that is.",
        "owner": data.get("owner") or "team:data",
        "sync_frequency": minutes(file, data.get("sync_frequency", "daily")),
    }
    for key in ("schedule_type", "daily_sync_time", "freshness"):
        if key in data:
            content[key] = data[key]
    paused = data.get("paused", not data.get("enabled", True))
    if paused:
        content["paused"] = paused
    content["config"] = _config(data)
    content["tables"] = {name: dict(columns(name)) for name in _tables(file, service)}
    return content


def minutes(file: YamlFile, text: Any) -> int:
    """Return what a frequency such as ``"15min"`` means in minutes.

    Raises:
        DeclarationError: it cannot be read, or Fivetran has no such frequency.
    """
    found = None
    if isinstance(text, int) and not isinstance(text, bool):
        found = text
    elif isinstance(text, str):
        match = re.fullmatch(r"(\d+)\s*([a-z]*)", text.strip().lower())
        if match and (match[2] or "m") in _UNITS:
            found = int(match[1]) * _UNITS[match[2] or "m"]
        found = _WORDS.get(text.strip().lower(), found)
    if found not in SYNC_FREQUENCIES:
        options = ", ".join(map(str, SYNC_FREQUENCIES))
        raise file.error(
            ("sync_frequency",),
            f"sync_frequency {text!r} is none of Fivetran's: write one of {options} minutes.",
        )
    return found


def _service(file: YamlFile) -> str:
    written = file.data.get("connector_type")
    if not isinstance(written, str):
        raise file.error((), "the setting 'connector_type' of an older connection is missing.")
    plain = written.strip().lower().replace("-", "_").replace(" ", "_")
    service = _SERVICES.get(plain, plain)
    close = meant(service)
    if close or not re.fullmatch(r"[a-z][a-z0-9_]*", service):
        raise file.error(
            ("connector_type",),
            f"{written!r} is not a kind of source.{nearest(close or service, KNOWN)}",
        )
    return service


def _config(data: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for key in ("config", "connection", "credentials"):
        if isinstance(data.get(key), dict):
            config.update(data[key])
    for key in ("host", "port", "database", "user", "password"):
        if key in data:
            config[key] = data[key]
    if "username" in data:
        config["user"] = data["username"]
    return config


def _tables(file: YamlFile, service: str) -> list[str]:
    tables = file.data.get("tables")
    if not isinstance(tables, list) or not tables:
        raise file.error(("tables",), "tables of an older connection must be a list of names.")
    names = []
    for index, one in enumerate(tables):
        name = one.get("name") if isinstance(one, dict) else one
        if not isinstance(name, str):
            raise file.error(("tables", index), "a table of an older connection must be a name.")
        # Such files name a database's tables without their schema, which is then the default one.
        names.append(f"public.{name}" if is_database(service) and "." not in name else name)
    return names
