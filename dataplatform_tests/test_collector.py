"""The collector rests inside the block, and afterwards is as it was."""

from __future__ import annotations

import gc

import pytest

from dataplatform.collector import collector_paused


def test_it_rests_and_goes_on() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), collector_paused():
        raise ValueError("wrong")
    assert gc.isenabled()
