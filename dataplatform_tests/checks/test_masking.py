"""Which classifications keep a column's values to themselves."""

from __future__ import annotations

import pytest

from dataplatform.checks.masking import masked


@pytest.mark.parametrize("classification", ["confidential", "Restricted", " SECRET ", "PII"])
def test_classified_values_are_not_shown(classification):
    assert masked(classification)


@pytest.mark.parametrize("classification", [None, "", "public", "internal", "pii-free"])
def test_other_values_are_shown(classification):
    assert not masked(classification)
