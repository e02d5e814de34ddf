"""A Google service account's key, as the settings of a connection hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure

_NEEDED = ("client_email", "private_key", "token_uri")


def account_info(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the content of ``secret_key``, or None if there is none.

    Raises:
        SyncFailure: it is not a service account's key; the text holds nothing of it.
    """
    text = config.get("secret_key")
    if not text:
        return None
    try:
        info = text if isinstance(text, dict) else json.loads(str(text))
    except ValueError:
        info = None
    if not isinstance(info, dict) or not all(info.get(name) for name in _NEEDED):
        raise SyncFailure(
            "The setting 'secret_key' must be the JSON key of a Google service account, with "
            f"{', '.join(_NEEDED)}.",
            code="credentials_rejected",
            broken=True,
        )
    return info
