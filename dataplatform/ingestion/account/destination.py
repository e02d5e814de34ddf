"""The group's destination: where an account writes what it syncs."""

from __future__ import annotations

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account.changes import Change, config_differences
from dataplatform.ingestion.account.passing import Live, Pass
from dataplatform.resources.fivetran.transport import FivetranFailure


def bring_destination(one: Pass, group: Live | None) -> None:
    """Compare the group's destination with the environment's, and change it where asked.

    Raises:
        UserError: the destination is of another service, or failed its setup test.
    """
    declared = one.project.environment.fivetran.destination
    live: Live | None = None
    if group is not None:
        try:
            live = one.client.call("GET", f"destinations/{group['id']}")
        except FivetranFailure as failure:
            if " 404 " not in str(failure):
                raise
    config = one.resolved(declared.config)
    if live is None:
        one.found(Change("create", "destination", one.group))
        if one.changing and group is not None:
            request = {
                "group_id": group["id"],
                "service": declared.service,
                "region": "EU",
                "time_zone_offset": "0",
                "config": config,
                "run_setup_tests": True,
            }
            _check(one, one.client.call("POST", "destinations", request))
            one.remember("destination", config)
        return
    if live.get("service") != declared.service:
        raise UserError(
            f"The group {one.group!r} has a destination of service {live.get('service')!r}, "
            f"and {one.project.environment.file} declares {declared.service!r}: "
            f"choose another group."
        )
    differences = config_differences(
        config,
        live.get("config", {}),
        lambda key, value: one.secrets.known("destination", key, value),
    )
    for field, (before, after) in differences.items():
        one.found(Change("change", "destination", one.group, field, before, after))
    if differences and one.changing:
        changed = {key: config[key] for key in differences}
        answer = one.client.call(
            "PATCH",
            f"destinations/{live['id']}",
            {"config": changed, "run_setup_tests": True},
        )
        _check(one, answer)
        one.remember("destination", config)


def _check(one: Pass, answer: Live) -> None:
    failed = [test for test in answer.get("setup_tests", []) if test["status"] == "FAILED"]
    if failed:
        raise UserError(
            f"The destination of the group {one.group!r} failed its setup test "
            f"{failed[0]['title']!r}: {failed[0].get('message', '')}"
        )
