"""A Snowflake account as far as access goes: it takes the statements and answers as recorded.

The columns of its answers are those that Snowflake documents, in a shuffled order and with more
of them, because only names count. What it does not know it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

DB = "ANALYTICS"
_N = r'"((?:[^"]|"")+)"'


class Account:
    """Takes statements, remembers what they said, and answers what it is asked.

    Attributes:
        statements: everything that was sent and changed something, in order.
    """

    def __init__(self, tables: dict[str, dict[str, str]], views: Sequence[str] = ()) -> None:
        self.tables = tables
        self.views = set(views)
        self.schemas = {name.partition(".")[0] for name in tables}
        self.roles = {"ACCOUNTADMIN", "SYSADMIN", "PUBLIC"}
        self.grants: set[tuple[str, str, str, str]] = set()
        self.future: set[tuple[str, str, str, str]] = set()
        self.members: set[tuple[str, str, str]] = set()
        self.policies: dict[tuple[str, str], str] = {}
        self.tags: set[str] = set()
        self.tag_policies: set[str] = set()
        self.tag_values: dict[str, str] = {}
        self.row_policies: dict[str, str] = {}
        self.statements: list[str] = []
        self._last: list[dict[str, Any]] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Answer a question or do as a statement says."""
        assert not parameters
        if "RESULT_SCAN" in sql:
            wanted = re.findall(r'"(\w+)"', sql.partition(" FROM ")[0])
            return [tuple(row[name] for name in wanted) for row in self._last]
        if sql.startswith(("SHOW", "DESCRIBE")):
            self._last = list(self._show(sql))
            return []
        if sql.startswith("SELECT"):
            return self._select(sql)
        self.statements.append(sql)
        self._do(sql)
        return []

    def _show(self, sql: str) -> list[dict[str, Any]]:
        if sql == "SHOW ROLES":
            return [{"created_on": "", "name": name, "owner": ""} for name in sorted(self.roles)]
        if found := re.fullmatch(rf"SHOW GRANTS OF ROLE {_N}", sql):
            return [
                {"role": role, "granted_to": kind, "grantee_name": _answered(who)}
                for role, kind, who in sorted(self.members)
                if role == found[1]
            ]
        if found := re.fullmatch(rf"SHOW GRANTS TO ROLE {_N}", sql):
            return [
                {"privilege": what, "granted_on": kind, "name": name, "grantee_name": role}
                for role, what, kind, name in sorted(self.grants)
                if role == found[1]
            ]
        if found := re.fullmatch(rf"SHOW FUTURE GRANTS TO ROLE {_N}", sql):
            return [
                {"grant_on": kind, "privilege": what, "name": f"{name}.<{kind}>"}
                for role, what, kind, name in sorted(self.future)
                if role == found[1]
            ]
        if re.fullmatch(rf"SHOW GRANTS ON DATABASE {_N}", sql):
            return [
                {"privilege": what, "granted_to": "ROLE", "grantee_name": role}
                for role, what, kind, name in sorted(self.grants)
                if kind == "DATABASE" and name == DB
            ]
        if sql.startswith("SHOW TAGS IN SCHEMA"):
            return [{"name": name} for name in self.tags]
        if found := re.match(r"SHOW (MASKING|ROW ACCESS) POLICIES IN SCHEMA", sql):
            return [{"name": name} for kind, name in self.policies if kind == found[1]]
        if found := re.match(r"DESCRIBE (MASKING|ROW ACCESS) POLICY (.*)", sql):
            # Snowflake gives the text back with the lines it was written in.
            body = self.policies[found[1], _plain(found[2]).rpartition(".")[2]]
            return [{"name": "", "signature": "", "body": body.replace(" WHEN", "\n  WHEN")}]
        raise AssertionError(sql)

    def _select(self, sql: str) -> list[tuple[Any, ...]]:
        if "information_schema.schemata" in sql:
            return [(name.upper(),) for name in sorted(self.schemas)]
        if "information_schema.tables" in sql:
            return [
                (*name.upper().split("."), "VIEW" if name in self.views else "BASE TABLE")
                for name in self.tables
            ]
        if "information_schema.columns" in sql:
            return [
                (*name.upper().split("."), column.upper(), native)
                for name, columns in self.tables.items()
                for column, native in columns.items()
            ]
        if found := re.search(r"SYSTEM\$GET_TAG\('[^']*', '([^']*)', 'schema'\)", sql):
            return [(self.tag_values.get(_plain(found[1])),)]
        if "policy_kind = 'MASKING_POLICY'" in sql:
            return [(name,) for name in sorted(self.tag_policies)]
        names = re.findall(r"(?:ref_entity_name => |all_columns\()'([^']*)'", sql)
        asked = [_plain(name) for name in names]
        if "ROW_ACCESS_POLICY" in sql:
            return [
                (name.partition(".")[2], self.row_policies[name])
                for name in asked
                if name in self.row_policies
            ]
        if "tag_references_all_columns" in sql:
            return [
                (name.partition(".")[2], column, value)
                for name in asked
                for place, value in self.tag_values.items()
                if place.startswith(name + "#")
                for column in [place.partition("#")[2]]
            ]
        raise AssertionError(sql)

    def _do(self, sql: str) -> None:
        if found := re.fullmatch(rf"CREATE ROLE IF NOT EXISTS {_N}", sql):
            self.roles.add(found[1])
        elif found := re.fullmatch(rf"(GRANT|REVOKE) ROLE {_N} (?:TO|FROM) (\w+) {_N}", sql):
            assert found[2] in self.roles
            self._put(self.members, found[1], (found[2], found[3], found[4]))
        elif found := re.fullmatch(
            rf"(GRANT|REVOKE) ([A-Z ]+) ON FUTURE (\w+)S IN SCHEMA (\S+) (?:TO|FROM) ROLE {_N}", sql
        ):
            said = (found[5], found[2], found[3], _plain(found[4]))
            self._put(self.future, found[1], said)
        elif found := re.fullmatch(
            rf"(GRANT|REVOKE) ([A-Z ]+) ON (\w+) (\S+) (?:TO|FROM) ROLE {_N}", sql
        ):
            assert found[5] in self.roles
            self._put(self.grants, found[1], (found[5], found[2], found[3], _plain(found[4])))
        elif found := re.fullmatch(r"CREATE SCHEMA IF NOT EXISTS (\S+)", sql):
            self.schemas.add(_plain(found[1]).partition(".")[2].lower())
        elif found := re.fullmatch(r"CREATE TAG IF NOT EXISTS (\S+)", sql):
            self.tags.add(_plain(found[1]).rpartition(".")[2])
        elif found := re.fullmatch(
            r"CREATE (MASKING|ROW ACCESS) POLICY IF NOT EXISTS (\S+) "
            r"AS \(.*?\) RETURNS \w+ -> (.*)",
            sql,
        ):
            self.policies.setdefault((found[1], _plain(found[2]).rpartition(".")[2]), found[3])
        elif found := re.fullmatch(
            r"ALTER (MASKING|ROW ACCESS) POLICY (\S+) SET BODY -> (.*)", sql
        ):
            self.policies[found[1], _plain(found[2]).rpartition(".")[2]] = found[3]
        elif found := re.fullmatch(r"DROP (MASKING|ROW ACCESS) POLICY (\S+)", sql):
            name = _plain(found[2]).rpartition(".")[2]
            assert name not in self.tag_policies | set(self.row_policies.values())
            del self.policies[found[1], name]
        elif found := re.fullmatch(r"ALTER TAG \S+ (SET|UNSET) MASKING POLICY (\S+)( FORCE)?", sql):
            name = _plain(found[2]).rpartition(".")[2]
            self._put(self.tag_policies, found[1], name)
        else:
            self._alter(sql)

    def _alter(self, sql: str) -> None:
        if found := re.fullmatch(r"ALTER SCHEMA (\S+) SET TAG \S+ = '(\w+)'", sql):
            self.tag_values[_plain(found[1])] = found[2]
        elif found := re.fullmatch(
            rf"ALTER (?:TABLE|VIEW) (\S+) MODIFY COLUMN {_N} SET TAG \S+ = '(\w+)'", sql
        ):
            self.tag_values[f"{_plain(found[1])}#{found[2]}"] = found[3]
        elif found := re.fullmatch(
            rf"ALTER (?:TABLE|VIEW) (\S+) MODIFY COLUMN {_N} UNSET TAG \S+", sql
        ):
            del self.tag_values[f"{_plain(found[1])}#{found[2]}"]
        elif found := re.fullmatch(
            r"ALTER (?:TABLE|VIEW) (\S+) (DROP ROW ACCESS POLICY \S+, )?"
            r"ADD ROW ACCESS POLICY (\S+) ON \(.*\)",
            sql,
        ):
            table = _plain(found[1])
            assert bool(found[2]) == (table in self.row_policies)
            self.row_policies[table] = _plain(found[3]).rpartition(".")[2]
        elif found := re.fullmatch(r"ALTER (?:TABLE|VIEW) (\S+) DROP ROW ACCESS POLICY \S+", sql):
            del self.row_policies[_plain(found[1])]
        else:
            raise AssertionError(sql)

    @staticmethod
    def _put(where: set[Any], verb: str, what: Any) -> None:
        if verb in ("GRANT", "SET"):
            where.add(what)
        else:
            where.remove(what)


def _plain(name: str) -> str:
    return name.replace('"', "")


def _answered(name: str) -> str:
    return name if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) else f'"{name}"'
