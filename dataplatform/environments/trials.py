"""What only a real account can show: the list, each as statements and what they must give.

It is the one home of the list; docs/stand-ins.md repeats it line by line. Everything happens in a
schema of its own, ``{s}``, which is dropped afterwards; nothing else of the account is touched.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One thing that is tried in SQL.

    Attributes:
        service: whose account it is.
        name: what is shown, as the line in the documentation says it.
        statements: run in order; the last one's outcome is judged.
        gives: the last statement's first value, as text.
        fails: a text that the last statement's error contains, where it must fail.
        shows: a text that the last statement's rows contain; an empty one asks for any answer.
    """

    service: str
    name: str
    statements: tuple[str, ...]
    gives: str | None = None
    fails: str | None = None
    shows: str | None = None


_T = "CREATE OR REPLACE TABLE {s}.t AS SELECT 1 AS n, 'a' AS name UNION ALL SELECT 2, 'b'"

SNOWFLAKE = tuple(
    Trial("Snowflake", *one)
    for one in (
        (
            "logs in with the role, warehouse and database",
            ("SELECT CURRENT_ROLE()",),
            None,
            None,
            "",
        ),
        (
            "the query history shows our tags",
            (
                "SELECT 1 AS dataplatform_probe",
                (
                    "SELECT query_tag FROM TABLE(information_schema.query_history_by_session()) "
                    "WHERE query_text LIKE '%dataplatform_probe%'"
                ),
            ),
            None,
            None,
            "dataplatform",
        ),
        (
            "a clone of a table has its rows",
            (_T, "CREATE TABLE {s}.u CLONE {s}.t", "SELECT count(*) FROM {s}.u"),
            "2",
        ),
        (
            "COPY GRANTS keeps what was granted on the table that is replaced",
            (
                _T,
                "CREATE TABLE {s}.v CLONE {s}.t",
                "GRANT SELECT ON TABLE {s}.t TO ROLE PUBLIC",
                "CREATE OR REPLACE TABLE {s}.t CLONE {s}.v COPY GRANTS",
                "SHOW GRANTS ON TABLE {s}.t",
            ),
            None,
            None,
            "PUBLIC",
        ),
        (
            "a clone of a schema has its tables",
            (_T, "CREATE SCHEMA {s}_clone CLONE {s}", "SELECT count(*) FROM {s}_clone.t"),
            "2",
        ),
        (
            "time travel reads what was deleted",
            (
                _T,
                "DELETE FROM {s}.t",
                "SET dataplatform_probe = LAST_QUERY_ID()",
                "SELECT count(*) FROM {s}.t BEFORE(STATEMENT => $dataplatform_probe)",
            ),
            "2",
        ),
        (
            "UNDROP brings a table back",
            (_T, "DROP TABLE {s}.t", "UNDROP TABLE {s}.t", "SELECT count(*) FROM {s}.t"),
            "2",
        ),
        (
            "a masking policy hides values",
            (
                "CREATE OR REPLACE TABLE {s}.m AS SELECT 'open' AS name",
                "CREATE MASKING POLICY {s}.hide AS (v VARCHAR) RETURNS VARCHAR -> 'hidden'",
                "ALTER TABLE {s}.m MODIFY COLUMN name SET MASKING POLICY {s}.hide",
                "SELECT name FROM {s}.m",
            ),
            "hidden",
        ),
        (
            "a row access policy leaves rows out",
            (
                "CREATE OR REPLACE TABLE {s}.r AS SELECT 1 AS n UNION ALL SELECT 2",
                "CREATE ROW ACCESS POLICY {s}.few AS (v NUMBER) RETURNS BOOLEAN -> v = 1",
                "ALTER TABLE {s}.r ADD ROW ACCESS POLICY {s}.few ON (n)",
                "SELECT count(*) FROM {s}.r",
            ),
            "1",
        ),
        (
            "a user-defined function answers",
            ("CREATE FUNCTION {s}.one() RETURNS NUMBER AS '1'", "SELECT {s}.one()"),
            "1",
        ),
        (
            "a table is unloaded to a stage",
            (
                _T,
                "CREATE OR REPLACE TEMPORARY STAGE {s}.unloaded",
                "COPY INTO @{s}.unloaded FROM {s}.t FILE_FORMAT = (TYPE = PARQUET)",
                "LIST @{s}.unloaded",
            ),
            None,
            None,
            "unloaded",
        ),
        (
            "rows copied within a transaction go when it is undone",
            (
                _T,
                "CREATE OR REPLACE TEMPORARY STAGE {s}.copied",
                "COPY INTO @{s}.copied FROM {s}.t FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE",
                "BEGIN",
                "DELETE FROM {s}.t WHERE n = 1",
                (
                    "COPY INTO {s}.t FROM (SELECT $1:N::NUMBER, $1:NAME::VARCHAR FROM @{s}.copied) "
                    "FILE_FORMAT = (TYPE = PARQUET) FORCE = TRUE"
                ),
                "ROLLBACK",
                "SELECT count(*) FROM {s}.t",
            ),
            "2",
        ),
        (
            "MERGE changes and adds rows",
            (
                _T,
                (
                    "MERGE INTO {s}.t USING (SELECT 2 AS n, 'c' AS name UNION ALL "
                    "SELECT 3, 'd') AS s "
                    "ON t.n = s.n WHEN MATCHED THEN UPDATE SET name = s.name "
                    "WHEN NOT MATCHED THEN INSERT (n, name) VALUES (s.n, s.name)"
                ),
                "SELECT LISTAGG(name) WITHIN GROUP (ORDER BY n) FROM {s}.t",
            ),
            "acd",
        ),
        ("division by zero is an error", ("SELECT 1 / 0",), None, "Division by zero"),
        (
            "VARCHAR(n) refuses what is longer",
            (
                "CREATE OR REPLACE TABLE {s}.w (name VARCHAR(2))",
                "INSERT INTO {s}.w VALUES ('abc')",
            ),
            None,
            "too long",
        ),
        (
            "a primary key is not enforced",
            (
                "CREATE OR REPLACE TABLE {s}.k (n NUMBER PRIMARY KEY)",
                "INSERT INTO {s}.k VALUES (1), (1)",
                "SELECT count(*) FROM {s}.k",
            ),
            "2",
        ),
        (
            "date_trunc of a date is a date",
            ("SELECT SYSTEM$TYPEOF(DATE_TRUNC('MONTH', '2026-01-02'::DATE))",),
            None,
            None,
            "DATE",
        ),
        (
            "a sum of decimals is exact",
            ("SELECT sum(x) FROM (SELECT 0.10::NUMBER(12,2) AS x UNION ALL SELECT 0.20)",),
            "0.30",
        ),
    )
)

BIGQUERY = tuple(
    Trial("BigQuery", *one)
    for one in (
        ("logs in and answers", ("SELECT 1",), "1"),
        (
            "a clone of a table has its rows",
            (_T, "CREATE TABLE {s}.u CLONE {s}.t", "SELECT count(*) FROM {s}.u"),
            "2",
        ),
        (
            "a table is partitioned and clustered",
            (
                (
                    "CREATE TABLE {s}.p PARTITION BY d CLUSTER BY n AS "
                    "SELECT DATE '2026-01-02' AS d, 1 AS n"
                ),
                "SELECT count(*) FROM {s}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 'p'",
            ),
            "1",
        ),
        (
            "a row access policy leaves rows out",
            (
                "CREATE OR REPLACE TABLE {s}.r AS SELECT 1 AS n UNION ALL SELECT 2",
                (
                    "CREATE ROW ACCESS POLICY few ON {s}.r GRANT TO ('allAuthenticatedUsers') "
                    "FILTER USING (n = 1)"
                ),
                "SELECT count(*) FROM {s}.r",
            ),
            "1",
        ),
        (
            "MERGE changes and adds rows",
            (
                _T,
                (
                    "MERGE INTO {s}.t AS t USING (SELECT 2 AS n, 'c' AS name UNION ALL "
                    "SELECT 3, 'd') AS s ON t.n = s.n WHEN MATCHED THEN UPDATE SET name = s.name "
                    "WHEN NOT MATCHED THEN INSERT (n, name) VALUES (s.n, s.name)"
                ),
                "SELECT STRING_AGG(name, '' ORDER BY n) FROM {s}.t",
            ),
            "acd",
        ),
        ("division by zero is an error", ("SELECT 1 / 0",), None, "division by zero"),
        ("SAFE_CAST gives NULL", ("SELECT SAFE_CAST('x' AS INT64) IS NULL",), "True"),
    )
)

#: What is tried through the clients of the platform, not in SQL.
S3_CREATE_ONCE = ("Amazon S3", "an object is put only where there is none of its name")
S3_WHOLE = ("Amazon S3", "an object is read as it was put, and deleted")
FIVETRAN_GROUP = ("Fivetran", "the key opens the account and its group is there")
FIVETRAN_CONNECTIONS = ("Fivetran", "the declared connections are there, by their schemas")
FIVETRAN_DESTINATION = ("Fivetran", "the group's destination writes into this warehouse")


def lines() -> list[str]:
    """Return the whole list as the documentation has it, one line for each trial."""
    in_sql = [(one.service, one.name) for one in (*SNOWFLAKE, *BIGQUERY)]
    others = [
        *(S3_CREATE_ONCE, S3_WHOLE),
        *(FIVETRAN_GROUP, FIVETRAN_CONNECTIONS, FIVETRAN_DESTINATION),
    ]
    return [f"- {service}: {name}" for service, name in [*in_sql, *others]]
