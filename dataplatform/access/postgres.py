"""DuckLake: who may attach the lake and who may write, as roles and grants of its PostgreSQL.

The catalog knows all tables alike, so whoever reads one can read the description of all, and the
rows that the lake keeps within the catalog. What a role may see of a table is shown by views.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dataplatform.access.items import Holding, Item, holding
from dataplatform.resources.warehouse.interface import quoted

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.resources.warehouse import Session

KIND = "catalog"
_SCHEMA = "public"
_READ = ("SELECT",)
_WRITE = ("SELECT", "INSERT", "UPDATE", "DELETE")
_MANAGED = "('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CONNECT', 'USAGE', 'CREATE', 'TRUNCATE')"


def compared(session: Session, rights: Rights) -> tuple[Holding, Holding]:
    """Return what a catalog should hold about access, and what it holds.

    Args:
        session: an open session of the catalog's database, as the owner of its tables.
        rights: who may do what.
    """
    ((database, owner),) = session.execute("SELECT current_database(), current_user")
    tables = [
        str(name)
        for (name,) in session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
    ]
    logins = {
        str(name) for (name,) in session.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")
    }
    notes = [
        f"{who} should hold {name}, but the catalog has no such login: make it, then plan again."
        for name, role in rights.access.roles.items()
        for who in (*role.users, *role.service_accounts)
        if who not in logins
    ]
    declared = holding(_declared(rights, str(database), str(owner), tables, logins), notes)
    strangers = _strangers(session, rights, str(owner))
    return declared, holding(_found(session, rights, str(owner)), strangers)


def _declared(
    rights: Rights, database: str, owner: str, tables: list[str], logins: set[str]
) -> Iterator[Item]:
    for name, role in rights.access.roles.items():
        yield Item(
            key=(KIND, "role", name),
            told=f"the catalog's role {name}",
            make=(f"CREATE ROLE {quoted(name)} NOLOGIN",),
        )
        for who in (*role.users, *role.service_accounts):
            if who in logins:
                yield _member(name, who)
        for parent in role.inherits:
            yield _member(parent, name)
        if not (role.reads or role.reads_only or role.writes):
            continue
        yield _grant(name, "CONNECT", "DATABASE", database)
        yield _grant(name, "USAGE", "SCHEMA", _SCHEMA)
        if role.writes:
            yield _grant(name, "CREATE", "SCHEMA", _SCHEMA)
        for privilege in _WRITE if role.writes else _READ:
            yield _future(name, privilege, owner)
            for table in tables:
                yield _grant(name, privilege, "TABLE", table)


def _found(session: Session, rights: Rights, owner: str) -> Iterator[Item]:
    names = list(rights.access.roles)
    there = session.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [names])
    for (name,) in there:
        yield Item(key=(KIND, "role", str(name)), told=f"the catalog's role {name}")
    members = session.execute(
        "SELECT r.rolname, m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
        # Who makes a role holds it, to administer it.
        "JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = ANY(%s) "
        "AND m.rolname <> current_user",
        [names],
    )
    for role, who in members:
        yield _member(str(role), str(who))
    for privilege, kind, thing, grantee in _acls(session, names):
        yield _grant(str(grantee), str(privilege), str(kind), str(thing))
    future = session.execute(
        "SELECT a.privilege_type, g.rolname FROM pg_default_acl d "
        "CROSS JOIN LATERAL aclexplode(d.defaclacl) a JOIN pg_roles g ON g.oid = a.grantee "
        "WHERE d.defaclobjtype = 'r' AND d.defaclnamespace = 'public'::regnamespace "
        "AND d.defaclrole = current_user::regrole AND g.rolname = ANY(%s)",
        [names],
    )
    for privilege, grantee in future:
        yield _future(str(grantee), str(privilege), owner)


def _strangers(session: Session, rights: Rights, owner: str) -> Iterator[str]:
    """Yield who else can read or write the catalog's tables; such grants are told, never taken."""
    rows = session.execute(
        "SELECT coalesce(g.rolname, 'Everybody'), string_agg(DISTINCT a.privilege_type, ', ') "
        "FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a "
        "LEFT JOIN pg_roles g ON g.oid = a.grantee "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') "
        "AND coalesce(g.rolname, '') <> ALL(%s) GROUP BY 1 ORDER BY 1",
        [[owner, *rights.access.roles]],
    )
    for who, privileges in rows:
        yield f"{who} holds {privileges} on the catalog's tables, and no file declares it."


def _acls(session: Session, names: list[str]) -> list[tuple[Any, ...]]:
    """Return what is granted to the declared roles: privilege, kind, name, role."""
    granted = "CROSS JOIN LATERAL aclexplode({acl}) a JOIN pg_roles g ON g.oid = a.grantee"
    sources = (
        ("'TABLE'", "c.relname", "pg_class c", "c.relacl",
         "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')"),
        ("'SCHEMA'", "n.nspname", "pg_namespace n", "n.nspacl", "n.nspname = 'public'"),
        ("'DATABASE'", "d.datname", "pg_database d", "d.datacl",
         "d.datname = current_database()"),
    )  # fmt: skip
    parts = [
        f"SELECT a.privilege_type, {kind}, {name}::text, g.rolname FROM {source} "
        f"{granted.format(acl=acl)} WHERE {condition} AND g.rolname = ANY(%s) "
        f"AND a.privilege_type IN {_MANAGED}"
        for kind, name, source, acl, condition in sources
    ]
    return session.execute(" UNION ALL ".join(parts), [names, names, names])


def _member(role: str, who: str) -> Item:
    return Item(
        key=(KIND, "member", role, who),
        told=f"{who} holds the catalog's role {role}",
        make=(f"GRANT {quoted(role)} TO {quoted(who)}",),
        unmake=(f"REVOKE {quoted(role)} FROM {quoted(who)}",),
        order=20,
    )


def _grant(role: str, privilege: str, kind: str, name: str) -> Item:
    thing = f"{quoted(_SCHEMA)}.{quoted(name)}" if kind == "TABLE" else quoted(name)
    return Item(
        key=(KIND, "grant", role, privilege, kind, name),
        told=f"{role}: {privilege} on the catalog's {kind.lower()} {name}",
        make=(f"GRANT {privilege} ON {kind} {thing} TO {quoted(role)}",),
        unmake=(f"REVOKE {privilege} ON {kind} {thing} FROM {quoted(role)}",),
        order=10,
    )


def _future(role: str, privilege: str, owner: str) -> Item:
    where = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(owner)} IN SCHEMA {quoted(_SCHEMA)}"
    return Item(
        key=(KIND, "future", role, privilege),
        told=f"{role}: {privilege} on every table that the catalog will hold",
        make=(f"{where} GRANT {privilege} ON TABLES TO {quoted(role)}",),
        unmake=(f"{where} REVOKE {privilege} ON TABLES FROM {quoted(role)}",),
        order=10,
    )
