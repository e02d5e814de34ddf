"""Numbers and distances as a person says them."""

from __future__ import annotations


def amount(value: float, share: bool = False) -> str:
    """Return a figure in words; a share as percent."""
    if share:
        percent = 100 * value
        return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    if size >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def moved(value: float, low: float, high: float) -> str:
    """Return in which direction a figure left its range."""
    if value < low:
        return "fell to"
    return "rose to" if value > high else "is"


def far(score: float) -> str:
    """Return how unusual a distance is."""
    shown = f"{score:.0f}" if score < 1000 else "more than 1,000"
    return f"That is {shown} times the usual variation away."
