"""The page ``docs/gx-expectations.md``, made of a real run.

``python -m dataplatform_tests.expectations.verdict_table`` starts PostgreSQL, judges every case
with every judge and writes the page; a long proof holds the page against a new run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform_tests.expectations import judges, table
from dataplatform_tests.expectations.cases import CASES, Case

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gx-expectations.md"
Judgements = Mapping[str, Mapping[str, str]]

_HEAD = """# Great Expectations, expectation by expectation

Every core expectation of Great Expectations {version} can stand in a contract, and gives on DuckDB
the verdict that Great Expectations itself gives on PostgreSQL, or on pandas where its SQL engine
cannot evaluate it.

- **Scan**: compiled into the table's one scan, with everything else that is asked of the table.
- **GX, SQL**: judged by Great Expectations, pushed down to the warehouse.
- **GX, pandas**: judged by Great Expectations on the columns that the rule names, in memory: it
  has no SQL for it on any warehouse. Of a table with more than 10,000,000 rows this is an error:
  write a rule that the scan can judge.

On Snowflake, BigQuery and DuckLake they are judged in the same way, through SQLAlchemy; what is
about to be sent must be one query. Rows have no order there, so a rule that columns increase or
decrease looks at the order in which the warehouse happens to give them.

The page is made by `python -m dataplatform_tests.expectations.verdict_table`, which judges
{cases} cases of {kinds} expectations on one table of 40 rows: passing, failing, shares (`mostly`),
missing values, strict bounds, conditions on rows. Each column says how many of an expectation's
cases got the right verdict there; `–` says that Great Expectations has no way to evaluate it there.

| expectation | judged by | DuckDB, here | GX on PostgreSQL | GX on pandas | remarks |
| --- | --- | --- | --- | --- | --- |
"""

_REMARKS = {
    "expect_column_pair_values_to_be_in_set": "GX cannot store a result of the case with a "
    "condition on rows, on any engine",
    "expect_column_quantile_values_to_be_between": "as in PostgreSQL, a quantile is a value of "
    "the column",
    "expect_column_values_to_be_decreasing": "in the order in which the table is stored",
    "expect_column_values_to_be_increasing": "in the order in which the table is stored",
    "expect_query_results_to_match_comparison": "the comparison's data source is `warehouse`",
    "expect_column_type_to_be": "types by the warehouse's names",
    "expect_column_values_to_be_of_type": "types by the warehouse's names",
    "expect_column_values_to_be_in_type_list": "types by the warehouse's names",
    "expect_table_row_count_to_equal_other_table": "the other table is of the same schema, or "
    "`schema.table`",
    "expect_multicolumn_sum_to_equal": "as in PostgreSQL, a row with a missing part is left out",
}


def judged_here(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Judge every case as the platform does.

    Args:
        folder: where the warehouse and the GX project of this run may lie.

    Returns:
        Judgements by case, and who judged: ``Scan``, ``GX, SQL`` or ``GX, pandas``.
    """
    found = judges.scan(CASES)
    left = [case for case in CASES if case.name not in found]
    who = dict.fromkeys(found, "Scan")
    for case, judgement, in_memory in judges.platform_gx(folder, left):
        found[case.name] = judgement
        who[case.name] = "GX, pandas" if in_memory else "GX, SQL"
    return found, who


@contextmanager
def postgres() -> Iterator[str]:
    """Start PostgreSQL with the shared table and yield its address."""
    import psycopg

    from dataplatform_tests.servers import running

    with running(only=("postgres",), seeded=False) as servers:
        at = servers.services["postgres"]
        address = f"{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['database']}"
        with psycopg.connect(f"postgresql://{address}") as connection:
            for statement in table.statements():
                connection.execute(statement.encode())
        yield f"postgresql+psycopg2://{address}"


def run() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Judge every case with every judge; judgements by judge and case, and who judged here."""
    with tempfile.TemporaryDirectory() as folder:
        here, who = judged_here(Path(folder))
    with postgres() as url:
        in_postgres = judges.judge(judges.postgres_batch(judges.context(), url), CASES)
    in_pandas = judges.judge(judges.pandas_batch(judges.context()), CASES)
    return {"here": here, "postgres": in_postgres, "pandas": in_pandas}, who


def wanted(case: Case) -> str:
    """Return what is true of a case."""
    return "passed" if case.passes else "failed"


def reference(case: Case, judgements: Judgements) -> str | None:
    """Return GX's own verdict on a case: PostgreSQL's, or else that of pandas, or None."""
    for judge in ("postgres", "pandas"):
        if not judgements[judge][case.name].startswith("error"):
            return judgements[judge][case.name]
    return None


def page(judgements: Judgements, who: Mapping[str, str]) -> str:
    """Return the page's text."""
    import great_expectations

    kinds = sorted({case.kind for case in CASES})
    text = _HEAD.format(version=great_expectations.__version__, cases=len(CASES), kinds=len(kinds))
    for kind in kinds:
        cases = [case for case in CASES if case.kind == kind]
        by = ", ".join(sorted({who[case.name] for case in cases}))
        cells = [_cell(cases, judgements[judge]) for judge in ("here", "postgres", "pandas")]
        text += f"| `{kind}` | {by} | {' | '.join(cells)} | {_REMARKS.get(kind, '')} |\n"
    return text


def _cell(cases: list[Case], found: Mapping[str, str]) -> str:
    judged = [case for case in cases if not found[case.name].startswith("error")]
    if not judged:
        return "–"
    right = sum(found[case.name] == wanted(case) for case in judged)
    return f"{right} of {len(cases)}"


def main() -> None:
    """Write the page."""
    judgements, who = run()
    PAGE.write_text(page(judgements, who), encoding="utf-8")
    wrong: list[Any] = [
        (case.name, wanted(case), {judge: found[case.name] for judge, found in judgements.items()})
        for case in CASES
        if judgements["here"][case.name] != wanted(case)
        or reference(case, judgements) not in (None, judgements["here"][case.name])
    ]
    print(f"{PAGE}: {len(CASES)} cases, {len(wrong)} of them unlike Great Expectations")
    for line in wrong:
        print(line)


if __name__ == "__main__":
    main()
