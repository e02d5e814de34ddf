"""A copy of the repository's project, with a small warehouse that holds some of its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.access.rights import Rights, rights_of
from dataplatform.declarations.project import Project
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform_tests.servers import copy_project

_TABLES = """
create schema marts; create schema staging; create schema raw_salesforce; create schema versions;
create table versions.dim_customers as select * from (values
    (1, 'ADA', 'ada@uni.example', '49170', 'DE', 36, 10.5),
    (2, 'GRACE', 'grace@navy.example', '1202', 'US', 85, 99.0),
    (3, 'EMMY', null, null, 'DE', null, 0.0)
) as t(customer_id, first_name, email, phone, country, age, lifetime_value_eur);
create view marts.dim_customers as select * from versions.dim_customers;
create table marts.daily_sales as select date '2026-01-01' as sales_date, 'EUR' as currency,
    3::bigint as order_count, 'later' as added_without_a_contract;
create table marts.fact_orders as select 7::bigint as order_id, 1::bigint as customer_id;
create table staging.stg_customers as select 1::bigint as customer_id, 'ada@uni.example' as email;
"""


def _made(folder: Path) -> Project:
    project = copy_project(folder)
    with open_warehouse(project.environment, project).session("a test") as session:
        session.execute(_TABLES)
    return project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, whose warehouse holds a few rows; a test may change both."""
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    found = _made(tmp_path / "project")
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(found.root))
    return found


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same project for the tests that only read."""
    return _made(tmp_path_factory.mktemp("kept") / "project")


@pytest.fixture
def warehouse(project: Project) -> Warehouse:
    """The project's warehouse."""
    return open_warehouse(project.environment, project)


@pytest.fixture(scope="session")
def rights(kept: Project) -> Rights:
    """What every role of the project may do."""
    return rights_of(kept)
