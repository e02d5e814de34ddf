"""Every core expectation gets the verdict that Great Expectations gives elsewhere."""

from __future__ import annotations

import pytest

from dataplatform.checks.gx_catalogue import COMMON, EXPECTATIONS
from dataplatform_tests.expectations import judges, verdict_table
from dataplatform_tests.expectations.cases import CASES
from dataplatform_tests.expectations.verdict_table import reference, wanted

#: Cases that our scan says, by name.
SAID = {case.name: case for case in CASES if judges.check_of(case) is not None}


@pytest.fixture(scope="module")
def scanned():
    return judges.scan(CASES)


@pytest.fixture(scope="module")
def in_pandas():
    return judges.judge(judges.pandas_batch(judges.context()), CASES)


@pytest.fixture(scope="module")
def by_gx(tmp_path_factory):
    """What GX on DuckDB says of the cases that the scan cannot say."""
    left = [case for case in CASES if case.name not in SAID]
    folder = tmp_path_factory.mktemp("gx")
    return {case.name: found for case, found, _ in judges.platform_gx(folder, left)}


def test_every_core_expectation_passes_once_and_fails_once():
    assert len({case.name for case in CASES}) == len(CASES)
    sides = {(case.kind, case.passes) for case in CASES}
    assert sides == {(kind, passes) for kind in EXPECTATIONS for passes in (True, False)}


@pytest.mark.slow
def test_the_list_of_expectations_is_that_of_the_installed_package():
    from great_expectations.expectations import core  # noqa: F401
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    base = set(Expectation.__fields__)
    found = {}
    for kind in list_registered_expectation_implementations():
        fields = {
            name: field.required
            for name, field in get_expectation_impl(kind).__fields__.items()
            if name not in base | COMMON
        }
        found[kind] = (
            {name for name, required in fields.items() if required},
            {name for name, required in fields.items() if not required},
        )
    assert found == {
        kind: (set(required.split()), set(optional.split()))
        for kind, (required, optional) in EXPECTATIONS.items()
    }


@pytest.mark.parametrize("case", SAID.values(), ids=list(SAID))
def test_the_scan_gives_the_right_verdict(case, scanned):
    assert scanned[case.name] == wanted(case)


@pytest.mark.slow
def test_gx_on_pandas_agrees(scanned, by_gx, in_pandas):
    here = {**scanned, **by_gx}
    # What pandas calls a type is not what a warehouse calls it.
    typed = {"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"}
    compared = [
        case
        for case in CASES
        if not in_pandas[case.name].startswith("error") and case.kind not in typed
    ]
    assert len(compared) > 200
    assert {case.name: here[case.name] for case in compared} == {
        case.name: in_pandas[case.name] for case in compared
    }


@pytest.mark.slow
def test_gx_on_duckdb_gives_the_right_verdict_on_the_rest(by_gx):
    left = [case for case in CASES if case.name not in SAID]
    assert len(left) == 30
    assert by_gx == {case.name: wanted(case) for case in left}


@pytest.mark.prove
def test_postgresql_agrees_and_the_page_is_of_a_real_run():
    judgements, who = verdict_table.run()
    unlike = {
        case.name: (judgements["here"][case.name], reference(case, judgements))
        for case in CASES
        if reference(case, judgements) not in (None, judgements["here"][case.name])
    }
    assert unlike == {}
    assert judgements["here"] == {case.name: wanted(case) for case in CASES}
    in_postgres = [
        case for case in CASES if not judgements["postgres"][case.name].startswith("error")
    ]
    assert len(in_postgres) > 230
    assert verdict_table.PAGE.read_text(encoding="utf-8") == verdict_table.page(judgements, who)
