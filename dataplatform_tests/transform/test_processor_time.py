"""Processor time is shared among what runs side by side, and nothing of it is lost."""

from __future__ import annotations

import time

import pytest

from dataplatform.transform.processor_time import Shares


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_runs_side_by_side_shares_evenly_and_alone_pays_alone() -> None:
    clock = Clock()
    shares = Shares(clock)
    clock.now += 50  # before anything ran: nobody's
    shares.began("a")
    clock.now += 3
    shares.began("b")
    clock.now += 4
    assert shares.ended("a") == pytest.approx(3 + 2)
    clock.now += 1
    shares.began("c")
    clock.now += 6
    assert shares.ended("b") == pytest.approx(2 + 1 + 3)
    assert shares.ended("c") == pytest.approx(3)
    clock.now += 9
    shares.began("a")
    assert shares.ended("a") == 0.0
    assert shares.ended("never began") == 0.0


def test_computing_counts_and_waiting_does_not() -> None:
    shares = Shares()
    shares.began("waits")
    time.sleep(0.05)
    assert shares.ended("waits") < 0.04
    shares.began("computes")
    ends = time.process_time() + 0.05
    while time.process_time() < ends:
        pass
    assert shares.ended("computes") >= 0.05
