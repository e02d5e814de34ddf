"""Google's client for BigQuery as an environment's settings want it: credentials, address, place.

What is asked through it is the business of ``bigquery``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse.bigquery_errors import first_sentence

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_IMPERSONATED_SECONDS = 3600


def open_client(settings: Mapping[str, Any]) -> Any:
    """Return a client; nothing is asked of the service yet.

    Args:
        settings: a resolved ``warehouse`` block: project, location, and what opens it.

    Raises:
        UserError: the key file cannot be read, or there are no credentials.
    """
    from google.cloud import bigquery

    options = {"api_endpoint": settings["endpoint"]} if settings.get("endpoint") else None
    return bigquery.Client(
        project=settings["project"],
        location=settings.get("location"),
        credentials=_credentials(settings),
        client_options=options,
    )


def _credentials(settings: Mapping[str, Any]) -> Any:
    import google.auth
    from google.auth import impersonated_credentials
    from google.auth.exceptions import DefaultCredentialsError
    from google.oauth2 import credentials, service_account

    file = settings.get("key_file")
    found: Any
    if settings.get("token"):
        found = credentials.Credentials(token=settings["token"])
    elif file:
        try:
            found = service_account.Credentials.from_service_account_file(
                str(Path(file).expanduser()), scopes=SCOPES
            )
        except (OSError, ValueError) as error:
            raise UserError(
                f"The BigQuery key file {file} cannot be read: {first_sentence(error)}"
            ) from error
    else:
        try:
            found, _ = google.auth.default(scopes=SCOPES)
        except DefaultCredentialsError as error:
            raise UserError(
                "BigQuery has no credentials: give the environment's warehouse a key_file or a "
                "token, or run `gcloud auth application-default login`."
            ) from error
    account = settings.get("impersonate")
    if account:
        found = impersonated_credentials.Credentials(
            source_credentials=found,
            target_principal=account,
            target_scopes=list(SCOPES),
            lifetime=_IMPERSONATED_SECONDS,
        )
    return found
