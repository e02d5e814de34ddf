"""The environment's webhook: where the account tells of syncs as they happen.

One webhook of the group, known again by the id that was written down when it was made, or by its
address. What it tells is received in ``ingestion/webhooks``.
"""

from __future__ import annotations

from dataplatform.ingestion.account.changes import SECRET, Change
from dataplatform.ingestion.account.plan import Account, Listener, Live, Plan

#: What is worth being told at once: a sync's end, well or badly.
EVENTS = ("connection_failure", "connection_successful", "sync_end")
_NAME = "webhook"


def plan_webhook(account: Account, plan: Plan) -> None:
    """Plan the environment's webhook; one that it does not declare is left alone."""
    declared = account.project.environment.fivetran.webhook
    if declared is None:
        return
    url = account.resolved(declared.url)
    if not url:
        # Declared by a variable that nobody set: syncs are asked after instead.
        return
    live = _live(account, url)
    if live is None:
        change = Change("create", "webhook", url)

        def make(listener: Listener) -> None:
            listener.change(change)
            secret = account.resolved(declared.secret)
            body = {"url": url, "events": list(EVENTS), "active": True, "secret": secret}
            made = account.client.call("POST", f"webhooks/group/{account.group_id}", body)
            account.made.update(_NAME, {"id": made["id"]})
            account.secrets.remember(_NAME, {"secret": secret})

        plan.add([change], make)
        return
    changes, body = [], {}
    wanted = {"url": url, "events": sorted(EVENTS), "active": True}
    for field, value in wanted.items():
        held = sorted(live.get(field) or []) if field == "events" else live.get(field)
        if held != value:
            changes.append(Change("change", "webhook", url, field, held, value))
            body[field] = value
    state = account.knows(_NAME)("secret", None)
    if state != "unknown":
        state = account.knows(_NAME)("secret", account.resolved(declared.secret))
    if state == "changed":
        changes.append(Change("change", "webhook", url, "secret", SECRET, SECRET))
        body["secret"] = account.resolved(declared.secret)

    def change_it(listener: Listener) -> None:
        for one in changes:
            listener.change(one)
        account.client.call("PATCH", f"webhooks/{live['id']}", body)
        if "secret" in body:
            account.secrets.remember(_NAME, {"secret": body["secret"]})

    plan.add(changes, change_it)
    if state == "unknown":
        plan.add([Change("unknown", "webhook", url, "secret")])


def _live(account: Account, url: str) -> Live | None:
    if account.group_id is None:
        return None
    known = account.made.content.get(_NAME, {}).get("id")
    ours = [
        hook
        for hook in account.client.pages("webhooks")
        if hook.get("group_id") in (None, account.group_id)
    ]
    by_id = (hook for hook in ours if hook.get("id") == known)
    by_url = (hook for hook in ours if hook.get("url") == url)
    return next(by_id, None) or next(by_url, None)
