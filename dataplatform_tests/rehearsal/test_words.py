"""How incidents are shown: what was caught and what was not, whatever the sentences hold."""

from __future__ import annotations

import io

from rich.console import Console

from dataplatform.cli.rehearse_words import outcome_table, show_one, show_sum
from dataplatform.rehearsal.verdict import Catch, Outcome

CAUGHT = Outcome(
    incident="null-spike",
    table="raw_shop.users",
    damage="email of 40 rows [all] is empty.",
    caught=(
        Catch("rule", "email_valid", "raw_shop.users", True, 1.25, "matches ^[/a-z]+[/] no more"),
        *(Catch("monitor", f"usual_{n}", "raw_shop.users", False, 2.0, "odd") for n in range(6)),
    ),
    told=("data@example.com",),
    route="by mail",
    published=("marts.users",),
    seconds=3.0,
)
MISSED = Outcome(
    incident="stuck-value",
    table="raw_shop.users",
    damage="age is 7.",
    caught=(),
    failures=("the step [x] failed",),
    changed=("marts.users",),
    published=("marts.users",),
    seconds=4.0,
)


def _shown(show: object, *arguments: object) -> str:
    console = Console(file=io.StringIO(), width=160, highlight=False)
    if callable(show):
        show(console, *arguments)
    else:
        console.print(show)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_caught_it_is_quoted_as_it_was_said() -> None:
    text = _shown(show_one, CAUGHT)
    assert "email of 40 rows [all] is empty." in text
    assert "matches ^[/a-z]+[/] no more" in text
    assert "rule email_valid on raw_shop.users (stops what is below)" in text
    assert "and 2 more" in text and "known after  1.2 s" in text
    assert "told         data@example.com" in text
    assert "every row as before: marts.users" in text


def test_what_nothing_caught_says_so() -> None:
    text = _shown(show_one, MISSED)
    assert "caught by    nothing" in text and "the step [x] failed" in text
    assert "known after" not in text
    assert "changed: marts.users" in text


def test_the_table_and_the_sum_tell_both() -> None:
    rows = _shown(outcome_table([CAUGHT, MISSED])).splitlines()
    assert "email_valid" in rows[1] and "as before" in rows[1]
    assert "nothing" in rows[2] and "never" in rows[2] and "changed: marts.users" in rows[2]
    assert _shown(show_sum, [CAUGHT, MISSED]).startswith("1 of 2 incidents were caught")
