"""How a benchmark says what it measured: the figure, its target, and whether it was met."""

from __future__ import annotations


class Targets:
    """The figures of one benchmark, printed one a line.

    Args:
        name: the benchmark's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.missed: list[str] = []

    def at_least(self, figure: str, value: float, target: float, *, digits: int = 2) -> None:
        """Print a figure that is to reach a target."""
        self._judged(figure, value, f">= {target:.{digits}f}", value >= target, digits)

    def at_most(self, figure: str, value: float, target: float, *, digits: int = 2) -> None:
        """Print a figure that is not to pass a target."""
        self._judged(figure, value, f"<= {target:.{digits}f}", value <= target, digits)

    def reported(self, figure: str, value: float, *, digits: int = 2, aim: str = "") -> None:
        """Print a figure that has no target; it may have an aim, which fails nothing."""
        said = f"aim {aim}" if aim else "reported"
        print(f"{self.name}/{figure} {value:.{digits}f} ({said})")

    def _judged(self, figure: str, value: float, target: str, met: bool, digits: int) -> None:
        if not met:
            self.missed.append(figure)
        word = "pass" if met else "FAIL"
        print(f"{self.name}/{figure} {value:.{digits}f} (target {target}) {word}")

    @property
    def code(self) -> int:
        """0 where every target was met, else 1."""
        return 1 if self.missed else 0
