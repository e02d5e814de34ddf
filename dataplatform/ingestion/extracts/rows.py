"""Where an extract's rows come from: dlt's REST source, or a Python function of the project.

Rows are yielded as plain dictionaries and nothing is written: dlt's own pipelines, state folders
and telemetry stay out of it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.declarations.extract import Extract, Resource
    from dataplatform.declarations.project import Project

Row = dict[str, Any]

#: dlt's REST source, which is slow to import.
REST_SOURCE = "dlt.sources.rest_api"

ATTEMPTS = 8
# A server that is not there is given up sooner than one that is busy.
CONNECT_ATTEMPTS = 2
BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 10
REQUEST_TIMEOUT_SECONDS = 60


def rows_of(project: Project, extract: Extract, resource: Resource, since: Any) -> Iterator[Row]:
    """Yield the rows of one resource.

    Args:
        project: gives addresses their values, and holds the code of Python extracts.
        extract: the declared extract.
        resource: one of its resources.
        since: the cursor's last value; only rows beyond it are yielded. None yields all.

    Raises:
        UserError: the source cannot be reached or answers with an error, or the function is wrong.
    """
    if extract.kind == "rest":
        rows = _rest_rows(project.environment.resolve(extract.base_url), resource)
    else:
        rows = _called(load_function(project, extract), extract, resource, since)
    cursor = resource.cursor
    for row in rows:
        if not isinstance(row, dict):
            raise UserError(
                f"{extract.file}: the extract yielded {type(row).__name__} for the resource "
                f"{resource.name!r}; it must yield dictionaries."
            )
        if cursor is not None and cursor not in row:
            raise UserError(
                f"{extract.file}: a row of {resource.name!r} has no field {cursor!r}, its cursor."
            )
        if since is None or cursor is None or row[cursor] > since:
            yield row


def _rest_rows(base_url: str, resource: Resource) -> Iterator[Row]:
    import requests
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.extract.exceptions import DltResourceException, PipeException
    from dlt.sources.rest_api import rest_api_resources

    path = (resource.path or resource.name).lstrip("/")
    found = rest_api_resources(
        {
            "client": {
                "base_url": base_url.rstrip("/") + "/",
                "session": patient_session(),
                # A server without a Link header has one page.
                "paginator": "header_link",
            },
            "resources": [
                {
                    "name": resource.name,
                    "endpoint": {
                        "path": path,
                        "params": {"_limit": resource.page_size, "_page": 1},
                        "data_selector": "$",
                    },
                }
            ],
        }
    )
    try:
        yield from found[0]
    except (PipeException, DltResourceException, ConfigurationException) as error:
        cause: BaseException = error.__cause__ or error
        reason = str(cause).splitlines()[0].rstrip(".")
        if isinstance(cause, requests.ConnectionError):
            reason = "the connection was refused or broken"
        raise UserError(f"{base_url.rstrip('/')}/{path} cannot be read: {reason}.") from error


def patient_session() -> Any:
    """Return a session that waits out rate limits (for as long as asked) and server errors."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    class Adapter(HTTPAdapter):
        def send(self, *args: Any, **kwargs: Any) -> Any:
            kwargs["timeout"] = kwargs.get("timeout") or REQUEST_TIMEOUT_SECONDS
            return super().send(*args, **kwargs)

    retry = Retry(
        total=ATTEMPTS,
        connect=CONNECT_ATTEMPTS,
        read=CONNECT_ATTEMPTS,
        backoff_factor=BACKOFF_SECONDS,
        backoff_max=LONGEST_BACKOFF_SECONDS,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET",),
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    session = requests.Session()
    session.mount("http://", Adapter(max_retries=retry))
    session.mount("https://", Adapter(max_retries=retry))
    return session


def load_function(project: Project, extract: Extract) -> Callable[..., Any]:
    """Return the function of a Python extract, from an installed package or the project's folder.

    Raises:
        UserError: there is no such module or function.
    """
    module_name, _, name = extract.module.partition(":")
    root = str(project.root)
    if root not in sys.path:
        sys.path.append(root)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise UserError(f"{extract.file}: {module_name} needs {error.name!r}.") from error
        raise UserError(f"{extract.file}: there is no Python module {module_name!r}.") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"{extract.file}: the module {module_name!r} has no function {name!r}.")
    return function  # type: ignore[no-any-return]


def _called(
    function: Callable[..., Any], extract: Extract, resource: Resource, since: Any
) -> Iterator[Row]:
    try:
        yield from function(resource=resource.name, cursor=since)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{extract.file}: {extract.module} failed for the resource {resource.name!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
