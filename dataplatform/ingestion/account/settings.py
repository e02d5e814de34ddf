"""What differs between a connection's declared settings and the account's, its tables aside.

Pure comparison: reading an account is ``reading``'s business, changing it that of ``steps``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dataplatform.ingestion.account.changes import SECRET
from dataplatform.resources.fivetran.identity import destination_config

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection

MASK = "******"
#: Whether a secret is the one that was last sent.
Knowledge = Literal["same", "changed", "unknown"]
_SECRET_WORDS = ("password", "secret", "private_key", "token", "passphrase", "api_key")


@dataclass(frozen=True)
class Difference:
    """One setting that is not as declared, or a secret of which that cannot be told.

    Attributes:
        path: the setting, nested ones with dots.
        before: the account's value; hidden for a secret.
        after: the declared value; hidden for a secret.
        unknown: whether it is a secret that was never sent from here.
    """

    path: str
    before: Any
    after: Any
    unknown: bool = False

    @property
    def key(self) -> str:
        """The outermost setting, which is what can be sent."""
        return self.path.split(".", 1)[0]


def declared_settings(connection: Connection) -> dict[str, Any]:
    """Return a connection's own fields by the API's names, its pause and config aside."""
    settings: dict[str, Any] = {"schedule_type": connection.schedule_type}
    if connection.schedule is None:
        settings["sync_frequency"] = connection.sync_frequency
    if connection.daily_sync_time:
        settings["daily_sync_time"] = connection.daily_sync_time
    if connection.data_delay:
        settings["data_delay_sensitivity"] = connection.data_delay.sensitivity.upper()
        if connection.data_delay.threshold is not None:
            settings["data_delay_threshold"] = connection.data_delay.threshold
    way = connection.networking
    if way:
        settings["networking_method"] = way.method
        for name in ("private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id"):
            if getattr(way, name):
                settings[name] = getattr(way, name)
    return settings


#: What holds where a file says nothing; an account that does not know a field is left alone.
_DEFAULTS = {"data_delay_sensitivity": "NORMAL", "networking_method": "Directly"}


def setting_differences(connection: Connection, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a connection that are not as declared, with their declared values."""
    declared = declared_settings(connection)
    known = {name: value for name, value in _DEFAULTS.items() if live.get(name) is not None}
    wanted = known | declared
    return {name: value for name, value in wanted.items() if not same(value, live.get(name))}


def declared_config(connection: Connection) -> dict[str, Any]:
    """Return a connection's config with its destination named; references are not resolved."""
    return {**connection.config, **destination_config(connection)}


def differences(
    declared: Mapping[str, Any],
    live: Mapping[str, Any],
    resolve: Callable[[Any], Any],
    knows: Callable[[str, Any], Knowledge],
    hidden: bool = False,
) -> list[Difference]:
    """Return the settings that differ.

    A masked secret that was never sent from here is not resolved: nothing could be compared.

    Args:
        declared: settings with references.
        live: the account's settings, secrets masked.
        resolve: expands references in a value of any shape.
        knows: says of a setting and its resolved value what is known of it; a value of None asks
            only whether it was ever sent.
        hidden: whether the account shows none of these settings, as of ``auth``.
    """
    return list(_walk("", declared, live, resolve, knows, hidden))


def _walk(
    path: str,
    wanted: Any,
    held: Any,
    resolve: Callable[[Any], Any],
    knows: Callable[[str, Any], Knowledge],
    hidden: bool,
) -> Iterator[Difference]:
    if isinstance(wanted, Mapping) and (hidden or not path or isinstance(held, Mapping)):
        inner = held if isinstance(held, Mapping) else {}
        for key, value in wanted.items():
            below = f"{path}.{key}" if path else key
            yield from _walk(below, value, inner.get(key), resolve, knows, hidden)
        return
    if isinstance(wanted, list) and isinstance(held, list) and len(wanted) == len(held):
        for index, (one, other) in enumerate(zip(wanted, held, strict=True)):
            yield from _walk(f"{path}.{index}", one, other, resolve, knows, hidden)
        return
    if hidden or held == MASK:
        state = knows(path, None)
        if state != "unknown":
            state = knows(path, resolve(wanted))
        if state != "same":
            yield Difference(path, SECRET, SECRET, unknown=state == "unknown")
        return
    value = resolve(wanted)
    if not same(value, held):
        if looks_secret(path):
            yield Difference(path, SECRET, SECRET)
        else:
            yield Difference(path, held, value)


def looks_secret(path: str) -> bool:
    """Return whether a setting's value must not be shown, going by its name."""
    lowered = path.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def same(wanted: Any, held: Any) -> bool:
    """Return whether two settings mean the same: an account may answer "5432" for 5432."""
    if isinstance(wanted, Mapping) and isinstance(held, Mapping):
        return all(same(value, held.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(held, list):
        return len(wanted) == len(held) and all(map(same, wanted, held))
    if isinstance(wanted, bool) or isinstance(held, bool):
        return str(wanted).lower() == str(held).lower()
    return wanted == held or (held is not None and str(wanted) == str(held))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every single setting in a value, by its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    else:
        yield path, value
