"""Schema: columns that came, went, changed their type, or seem to have another name now."""

from __future__ import annotations

from dataplatform.checks import families
from dataplatform.monitors.context import Context
from dataplatform.monitors.model import Finding, Snapshot, State

#: Figures that make up a column's profile, and by how much two of them may differ.
_PROFILE = ("null_share", "mean", "mean_length", "distinct", "non_ascii", "digits")


def findings(context: Context) -> list[Finding]:
    """Return the alarms about columns and their types."""
    examples = [one for one in context.examples("schema", None, "columns") if one.columns]
    if not examples or not context.now.columns or context.code_changed:
        return []
    last = examples[-1]
    before = {name.lower(): kind for name, kind in last.columns.items()}
    after = {name.lower(): kind for name, kind in context.now.columns.items()}
    added = [name for name in after if name not in before]
    dropped = [name for name in before if name not in after]
    renamed = _renamed(last, context.now, dropped, added)
    since = f"the columns of {last.at.date()}"

    def made(column: str, state: State, sentence: str, observed: str) -> Finding:
        score = context.settings.patience * (2.0 if state == "very_unusual" else 1.1)
        return Finding(
            "schema", column, "columns", state, f"{sentence}; compared with {since}.",
            days=since, observed=observed, score=score,
        )  # fmt: skip

    found = [
        made(old, "very_unusual", f"The column {old} seems to be named {new} now", new)
        for old, new in renamed.items()
    ]
    found += [
        made(name, "very_unusual", f"The column {name} ({before[name]}) is gone", "nothing")
        for name in dropped
        if name not in renamed
    ]
    found += [
        made(name, "unusual", f"The column {name} ({after[name]}) is new", after[name])
        for name in added
        if name not in renamed.values()
    ]
    for name in before.keys() & after.keys():
        if before[name] == after[name]:
            continue
        # Wider text or a longer number is news; another kind of value is an incident.
        same = families.family_of(before[name]) == families.family_of(after[name])
        words = f"The type of {name} changed from {before[name]} to {after[name]}"
        found.append(made(name, "unusual" if same else "very_unusual", words, after[name]))
    return found


def _renamed(last: Snapshot, now: Snapshot, dropped: list[str], added: list[str]) -> dict[str, str]:
    """Pair columns that went with columns that came and look just like them."""
    found: dict[str, str] = {}
    for old in dropped:
        candidates = [
            (difference, new)
            for new in added
            if new not in found.values()
            and (difference := _difference(last, old, now, new)) is not None
        ]
        if candidates:
            found[old] = min(candidates)[1]
    return found


def _difference(last: Snapshot, old: str, now: Snapshot, new: str) -> float | None:
    """Return how much two columns' profiles differ, or None where they are not one column."""
    was = {name.lower(): name for name in last.columns}[old]
    came = {name.lower(): name for name in now.columns}[new]
    if families.family_of(last.columns[was]) != families.family_of(now.columns[came]):
        return None
    total, compared = 0.0, 0
    for metric in _PROFILE:
        before, after = last.values.get((was, metric)), now.values.get((came, metric))
        if before is None or after is None:
            continue
        difference = abs(after - before) / max(abs(before), abs(after), 0.05)
        if difference > 0.25:
            return None
        total, compared = total + difference, compared + 1
    return total / compared if compared >= 2 else None
