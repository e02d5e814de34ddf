"""Webhooks: who is told of events, and the telling.

Events are put into the store and sent by one thread for each webhook, in their order, so that a
receiver that is slow or down delays neither a sync nor another receiver. Each is tried a few times
within time limits and then dropped with a note. Registration belongs to ``routes_webhooks``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataplatform.local.fivetran.events import Event
from dataplatform.local.fivetran.store import Document, Store, new_id, now

SIGNATURE_HEADER = "X-Fivetran-Signature-256"
TIMEOUT_SECONDS = 5.0
# Waits between the tries of one event. Fivetran goes on for a day; a laptop does not.
RETRY_SECONDS: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
MAX_WAITING = 1000
_KIND = "delivery"

_log = logging.getLogger("dataplatform.local.fivetran")


@dataclass(frozen=True)
class Outcome:
    """How one sending went: the receiver's status (None if there was none) and a sentence."""

    succeeded: bool
    status: int | None
    message: str


def signature(secret: str, body: bytes) -> str:
    """Return what the signature header says of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().upper()


def payload(event: Event) -> dict[str, Any]:
    """Return an event as it is sent."""
    connection = event.connection
    said: dict[str, Any] = {
        "event": event.name,
        "created": event.created,
        "connector_type": connection["service"],
        "connector_id": connection["id"],
        "connector_name": connection["schema"],
        "connection_id": connection["id"],
        "connection_name": connection["schema"],
        "destination_group_id": connection["group_id"],
    }
    if event.data.get("sync_id") is not None:
        said["sync_id"] = str(event.data["sync_id"])
    # Rows per table are for the platform log alone.
    said["data"] = {k: v for k, v in event.data.items() if k not in ("sync_id", "tables")}
    return said


def test_payload(event: str | None = None, group: str = "_destination_1") -> dict[str, Any]:
    """Return what is sent to try a webhook out; without an event, as when one is registered."""
    said: dict[str, Any] = {
        "event": event or "test_event",
        "created": now(),
        "connector_type": "_connector_type",
        "connector_id": "_connector_1",
        "connector_name": "_connector_name",
        "destination_group_id": group,
    }
    return said if event is None else {**said, "sync_id": "_sync_id", "data": {}}


def send(webhook: Document, said: dict[str, Any]) -> Outcome:
    """Send once, within the time limit; never raises for what the receiver does."""
    import httpx

    body = json.dumps(said).encode()
    headers = {"Content-Type": "application/json"}
    if webhook.get("secret"):
        headers[SIGNATURE_HEADER] = signature(webhook["secret"], body)
    try:
        # Only the status counts: of an endless answer nothing is read.
        with httpx.stream(
            "POST", webhook["url"], content=body, headers=headers, timeout=TIMEOUT_SECONDS
        ) as answer:
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Outcome(False, None, f"{type(error).__name__}: {error}".rstrip(": "))
    if 200 <= status < 300:
        return Outcome(True, status, "The event was delivered.")
    return Outcome(False, status, f"The receiver answered with {status}.")


class Webhooks:
    """Sends events to the webhooks that asked for them."""

    def __init__(self, store: Store, retry_seconds: Iterable[float] = RETRY_SECONDS) -> None:
        self.store = store
        self.retry_seconds = tuple(retry_seconds)
        self._guard = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Take up what was not yet delivered when the service stopped."""
        for webhook in {held["webhook"] for held in self.store.every(_KIND)}:
            self._wake(webhook)

    def stop(self, timeout: float = 2.0) -> None:
        """Send no more; what is left waits in the store for the next start."""
        self._stopping.set()
        with self._guard:
            workers = list(self._workers.values())
        for worker in workers:
            worker.wake.set()
            worker.thread.join(timeout)

    def hear(self, event: Event) -> None:
        """Queue an event for every webhook that wants it; returns at once."""
        said: dict[str, Any] | None = None
        for webhook in self.store.every("webhook"):
            if (
                not webhook["active"]
                or event.name not in webhook["events"]
                or webhook.get("group_id") not in (None, event.connection["group_id"])
            ):
                continue
            said = said or payload(event)
            delivery = {"id": new_id(), "webhook": webhook["id"], "payload": said}
            self.store.put(_KIND, delivery)
            self._wake(webhook["id"])

    def waiting(self, webhook: str) -> list[Document]:
        """Return the deliveries of a webhook that are still to be made, oldest first."""
        return [held for held in self.store.every(_KIND) if held["webhook"] == webhook]

    def forget(self, webhook: str) -> None:
        """Drop what was still to be sent to a webhook."""
        for delivery in self.waiting(webhook):
            self.store.delete(_KIND, delivery["id"])

    def _wake(self, webhook: str) -> None:
        with self._guard:
            if self._stopping.is_set():
                return
            worker = self._workers.get(webhook)
            if worker is None:
                worker = self._workers[webhook] = _Worker(self, webhook)
                worker.thread.start()
            worker.wake.set()

    def deliver_all(self, webhook: str) -> None:
        """Deliver what waits for a webhook, oldest first, each within its tries."""
        while not self._stopping.is_set():
            waiting = self.waiting(webhook)
            if not waiting:
                return
            for dropped in waiting[:-MAX_WAITING]:
                _log.warning("webhook %s: too many events wait; dropped one", webhook)
                self.store.delete(_KIND, dropped["id"])
            self._deliver(webhook, waiting[-MAX_WAITING:][0])

    def _deliver(self, identifier: str, delivery: Document) -> None:
        outcome = Outcome(False, None, "")
        for wait in (0.0, *self.retry_seconds):
            if wait and self._stopping.wait(wait):
                return
            webhook = self.store.get("webhook", identifier)
            if webhook is None or not webhook["active"]:
                break
            outcome = send(webhook, delivery["payload"])
            if outcome.succeeded:
                break
        if not outcome.succeeded:
            event = delivery["payload"]["event"]
            _log.warning("webhook %s: %s is dropped. %s", identifier, event, outcome.message)
        note = {"at": now(), "status": outcome.status, "message": outcome.message}
        self.store.change("webhook", identifier, lambda held: held.update(last_delivery=note))
        self.store.delete(_KIND, delivery["id"])


class _Worker:
    """The thread that sends to one webhook."""

    def __init__(self, webhooks: Webhooks, webhook: str) -> None:
        self.wake = threading.Event()
        self._webhooks = webhooks
        self._webhook = webhook
        self.thread = threading.Thread(target=self._run, name=f"webhook-{webhook}", daemon=True)

    def _run(self) -> None:
        while not self._webhooks._stopping.is_set():
            self.wake.wait()
            self.wake.clear()
            try:
                self._webhooks.deliver_all(self._webhook)
            except Exception:
                _log.exception("webhook %s stumbled", self._webhook)
