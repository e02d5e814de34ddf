"""The report for programs: ``report.json`` and ``junit.xml``.

The JSON's fields are described in docs/how-to/report.md and only ever added to; the version
changes when one must change its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from dataplatform.quality.report.headline import headline
from dataplatform.quality.report.incident_words import Incident
from dataplatform.quality.report.model import Report, TableReport
from dataplatform.quality.report.rule_words import BROKEN, FAILED, STATUSES, WAITING, WARNED, Rule
from dataplatform.quality.report.words import iso, value

VERSION = 1


def report_json(report: Report) -> str:
    """Return the report as JSON."""
    return json.dumps(document(report), ensure_ascii=False, separators=(",", ":"), default=str)


def document(report: Report) -> dict[str, Any]:
    """Return the report as values that JSON knows."""
    return {
        "version": VERSION,
        "environment": report.environment,
        "made_at": iso(report.made_at),
        "headline": headline(report),
        "failed": report.failed,
        "rules": {status: report.counts[status] for status in STATUSES},
        "tables": [_table(table) for table in report.tables],
        "incidents": [_incident(incident) for incident in report.incidents],
        "pipelines": [
            {
                "name": pipeline.name,
                "runs": len(pipeline.runs),
                "success": pipeline.success,
                "usual_seconds": pipeline.usual_seconds,
            }
            for pipeline in report.pipelines
        ],
    }


def _table(table: TableReport) -> dict[str, Any]:
    state, fresh = table.state, table.freshness
    return {
        "table": str(table.relation),
        "layer": table.layer,
        "owner": table.owner,
        "status": table.status,
        "contract": table.contract,
        "rows": state.row_count if state else None,
        "written_at": iso(state.materialised) if state and state.materialised else None,
        "freshness": {
            "promised_hours": fresh.promised,
            "age_hours": None if fresh.age is None else round(fresh.age, 3),
            "status": fresh.status,
        },
        "rules": [_rule(rule) for rule in table.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "status": rule.status,
        "severity": rule.severity,
        "dimension": rule.dimension,
        "expected": rule.expected,
        "observed": rule.observed,
        "failing_count": rule.failing_count,
        "row_count": rule.row_count,
        "source": rule.source,
        "error": rule.error,
        "judged_at": iso(rule.history[-1].timestamp) if rule.history else None,
        "accepted_by": rule.accepted.who if rule.accepted else None,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "table": str(incident.relation),
        "owner": incident.owner,
        "status": incident.status,
        "began": iso(incident.began),
        "ended": iso(incident.ended) if incident.ended is not None else None,
        "rules": [breach.rule for breach in incident.breaches],
        "upstream": [str(change.relation) for change in incident.upstream],
        "downstream": [str(relation) for relation in incident.downstream],
        "readers": [reader.name for reader in incident.readers],
        "answers": [
            {"rule": one.rule, "who": one.who, "why": one.why, "at": iso(one.at)}
            for one in incident.answers
        ],
    }


def junit_xml(report: Report) -> str:
    """Return the report as JUnit knows it: a suite for each table, a case for each rule.

    A broken error rule is a failure, one that could not be judged an error, one that was never
    judged is skipped; a warning passes and says so in its output.
    """
    suites = [_suite(table) for table in report.tables if table.rules]
    counts = report.counts
    numbers = _numbers(sum(counts.values()), counts[FAILED], counts[BROKEN], counts[WAITING])
    name = quoteattr(f"data of {report.environment}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites name={name} {numbers}>\n{''.join(suites)}</testsuites>\n"
    )


def _suite(table: TableReport) -> str:
    counts = table.counts
    numbers = _numbers(len(table.rules), counts[FAILED], counts[BROKEN], counts[WAITING])
    cases = "".join(_case(table, rule) for rule in table.rules)
    return f"<testsuite name={_attribute(str(table.relation))} {numbers}>\n{cases}</testsuite>\n"


def _numbers(tests: int, failures: int, errors: int, skipped: int) -> str:
    return f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'


def _case(table: TableReport, rule: Rule) -> str:
    said = f"Expected {rule.expected}; observed {value(rule.observed)}."
    match rule.status:
        case "failed":
            samples = f" Such as: {', '.join(rule.samples)}." if rule.samples else ""
            lines: Iterable[str] = (said + samples, rule.source, rule.sql)
            text = "\n".join(line for line in lines if line)
            inner = f"<failure message={_attribute(said)}>{_text(text)}</failure>"
        case "error":
            inner = f"<error message={_attribute(rule.error or said)}/>"
        case "waiting":
            inner = '<skipped message="not judged yet"/>'
        case _:
            inner = f"<system-out>{_text('Warning. ' + said)}</system-out>" * (
                rule.status == WARNED
            )
    name = f"<testcase classname={_attribute(str(table.relation))} name={_attribute(rule.name)}"
    return f"{name}>{inner}</testcase>\n" if inner else f"{name}/>\n"


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Leave out characters that XML has no way to write."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n\r"
        or ("\x20" <= letter <= "\ud7ff")
        or "\ue000" <= letter <= "\ufffd"
        or letter >= "\U00010000"
    )
