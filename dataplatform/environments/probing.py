"""Running probes side by side, each within a limit, each ending as one line.

A probe tries one thing and either says what it saw or raises. What is tried is the business of the
modules ``probes*``.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.local_services import SERVERS_DOWN

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

Condition = Literal["ok", "missing", "refused", "not used"]


class Missing(UserError):
    """Something is not set, not there or not running; ``advice`` says how to get it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class Refused(UserError):
    """Something is there and says no; ``advice`` says what it wants."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class NotUsed(Exception):
    """The environment does not ask for this."""


def command(project: Project, text: str) -> str:
    """Return a command as it is typed for a project's environment, which may not be the usual."""
    return f"DATAPLATFORM_ENV={project.chosen} {text}" if project.chosen else text


def not_set(project: Project, error: UserError) -> Missing:
    """Return that a setting or a local server is missing, with how to get it."""
    if "`make " in str(error) and str(error) != SERVERS_DOWN:
        return Missing(str(error))  # a server that says itself how it comes back
    if str(error) != SERVERS_DOWN:
        return Missing(str(error), "Set it, or write it into .env.")
    start = f"Run `{command(project, 'make start')}`."
    return Missing("the local servers are not running.", start)


@dataclass(frozen=True)
class Probe:
    """One thing to try: its name, and a function that says what it saw or raises."""

    name: str
    look: Callable[[], str]


@dataclass(frozen=True)
class Finding:
    """What came of a probe.

    Attributes:
        name: the probe's.
        condition: ``ok``, ``missing``, ``refused`` or ``not used``.
        seen: what was seen, or what is wrong, in one sentence.
        advice: how to get what is missing; empty where nothing is.
        seconds: how long it took.
    """

    name: str
    condition: Condition
    seen: str
    advice: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing has to be done."""
        return self.condition in ("ok", "not used")


def run_probes(probes: Sequence[Probe], limit: float) -> list[Finding]:
    """Run probes side by side and return what came of each, in their order.

    Args:
        probes: what to try.
        limit: seconds after which a probe that is not done counts as refused.
    """
    done: queue.Queue[tuple[int, Finding]] = queue.Queue()

    def run(place: int, probe: Probe) -> None:
        done.put((place, _tried(probe)))

    for place, probe in enumerate(probes):
        # A thread that hangs in a library must not keep the program from ending.
        threading.Thread(target=run, args=(place, probe), daemon=True).start()
    found: dict[int, Finding] = {}
    ends = time.monotonic() + limit
    while len(found) < len(probes):
        try:
            place, finding = done.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        found[place] = finding
    for place, probe in enumerate(probes):
        late = f"gave no answer within {limit:.0f} s."
        found.setdefault(place, Finding(probe.name, "refused", late, _SLOW, limit))
    return [found[place] for place in range(len(probes))]


_SLOW = "Give it longer with --limit, or see whether a firewall or a proxy swallows it."


def _tried(probe: Probe) -> Finding:
    began = time.monotonic()

    def ended(condition: Condition, seen: str, advice: str = "") -> Finding:
        return Finding(probe.name, condition, seen, advice, time.monotonic() - began)

    try:
        return ended("ok", probe.look())
    except NotUsed as error:
        return ended("not used", str(error))
    except Missing as error:
        return ended("missing", str(error), error.advice)
    except Refused as error:
        return ended("refused", str(error), error.advice)
    except UserError as error:
        return ended("refused", str(error))
    except Exception as error:
        # A probe stands between a library's own errors and a line on the screen.
        lines = [line for line in str(error).splitlines() if line.strip()]
        told = lines[0].strip() if lines else "no reason given"
        return ended("refused", f"{type(error).__name__}: {told}")
