"""Offers the validators to this room's tests."""

from __future__ import annotations

from dataplatform_tests.deploy.tools import scanner, validators

__all__ = ["scanner", "validators"]
