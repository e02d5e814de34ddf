"""What every mart must hold, computed from the sources and not from the warehouse.

Here live the business rules a second time, written from their meaning: SQL on the source
PostgreSQL for what is counted and summed, plain Python for what is cleaned and chosen. Nothing is
shared with the dbt project, so an error in one of the two shows.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = tuple[Any, ...]
Record = dict[str, Any]

EUR_RATES = {"EUR": Decimal(1), "USD": Decimal("0.92")}

# The columns that are compared, in the order of the expected rows; the first ones are the key.
COLUMNS: dict[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "stg_customers": """
            customer_id contact_id account_id first_name last_name email phone birthdate age
            mailing_city created_at updated_at
        """,
        "dim_customers": """
            customer_id first_name last_name email phone country status age order_count
            first_ordered_at last_ordered_at lifetime_value_eur updated_at
        """,
        "fact_orders": """
            order_id customer_id status currency total_amount total_amount_eur item_count quantity
            paid_amount ordered_at ordered_on shipped_at updated_at
        """,
        "daily_sales": """
            sales_date currency order_count customer_count gross_amount gross_amount_eur
        """,
        "community_engagement": """
            user_id username email city post_count comment_count commenter_count
        """,
    }.items()
}

MARTS = ("dim_customers", "fact_orders", "daily_sales", "community_engagement")


@dataclass(frozen=True)
class Sources:
    """The source systems as they stand.

    Attributes:
        postgres: an open psycopg connection to the production database.
        crm: records by object name, with the CRM's own field names (``Contact``: [...]).
        community: rows by resource, as the API gives them (``users``, ``posts``, ``comments``).
        as_of: the day at which ages are computed.
    """

    postgres: Any
    crm: dict[str, list[Record]] = field(default_factory=dict)
    community: dict[str, list[Record]] = field(default_factory=dict)
    as_of: date = date(2026, 1, 1)


def expected_mart(name: str, sources: Sources) -> list[Row]:
    """Return the rows a mart (or ``stg_customers``) must hold, in an order of their own.

    Raises:
        KeyError: there is no rule for a table of that name.
    """
    return sorted(_RULES[name](sources), key=str)


def found_rows(name: str, connection: Any, schema: str = "marts") -> list[Row]:
    """Return the rows a DuckDB warehouse holds, in the form and order of ``expected_mart``."""
    columns = ", ".join(COLUMNS[name])
    rows = connection.execute(f"select {columns} from {schema}.{name}").fetchall()
    return sorted((_plain(row) for row in rows), key=str)


def differences(name: str, sources: Sources, connection: Any, schema: str = "marts") -> list[str]:
    """Return one line for each row that is missing, unexpected or there too often."""
    expected = Counter(expected_mart(name, sources))
    found = Counter(found_rows(name, connection, schema))
    lines = [f"{name}: missing {row}" for row in (expected - found).elements()]
    return lines + [f"{name}: unexpected {row}" for row in (found - expected).elements()]


def _plain(row: Iterable[Any]) -> Row:
    return tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row)


def _fact_orders(sources: Sources) -> list[Row]:
    rates = ", ".join(f"('{code}', {rate})" for code, rate in EUR_RATES.items())
    rows = sources.postgres.execute(
        f"""
        with item as (
            select order_id, count(*) as lines, sum(quantity) as pieces
            from public.order_items group by 1
        ), paid as (
            select order_id, sum(amount) as amount from public.payments group by 1
        )
        select o.order_id, o.customer_id, o.status::text, o.currency::text, o.total_amount,
            round(o.total_amount * r.rate, 2), coalesce(lines, 0), coalesce(pieces, 0),
            coalesce(paid.amount, 0), o.ordered_at, (o.ordered_at at time zone 'UTC')::date,
            o.shipped_at, o.updated_at
        from public.orders o
        left join (values {rates}) as r (code, rate) on r.code = o.currency::text
        left join item using (order_id)
        left join paid using (order_id)
        """
    ).fetchall()
    return [_plain(row) for row in rows]


def _daily_sales(sources: Sources) -> list[Row]:
    amounts: dict[tuple[date, str], list[Decimal]] = defaultdict(list)
    customers: dict[tuple[date, str], set[int]] = defaultdict(set)
    for order in _sold(sources):
        day = (order.ordered_at.date(), order.currency)
        amounts[day].append(order.amount)
        customers[day].add(order.customer)
    return [
        (
            *day,
            len(paid),
            len(customers[day]),
            sum(paid, Decimal(0)),
            sum((_eur(amount, day[1]) for amount in paid), Decimal(0)),
        )
        for day, paid in amounts.items()
    ]


def _stg_customers(sources: Sources) -> list[Row]:
    latest: dict[int, Record] = {}
    for contact in sources.crm.get("Contact", []):
        number = contact["Customer_External_Id__c"]
        if contact.get("IsDeleted") or number is None or not re.fullmatch(r"\s*\d+\s*", number):
            continue
        other = latest.get(int(number))
        if other is None or _recency(contact) > _recency(other):
            latest[int(number)] = contact
    return [_customer(number, contact, sources.as_of) for number, contact in latest.items()]


def _dim_customers(sources: Sources) -> list[Row]:
    contacts = {row[0]: row for row in _stg_customers(sources)}
    bought: dict[int, list[_Order]] = defaultdict(list)
    for order in _sold(sources):
        bought[order.customer].append(order)
    rows = []
    for number, first, last, email, phone, country, status, updated in sources.postgres.execute(
        "select customer_id, first_name, last_name, email, phone, country::text, status::text, "
        "updated_at from public.customers"
    ).fetchall():
        contact = dict(zip(COLUMNS["stg_customers"], contacts.get(number, ()), strict=False))
        orders = bought[number]
        moments = [order.ordered_at for order in orders]
        rows.append(
            (
                number,
                contact.get("first_name") or _name(first),
                contact.get("last_name") or _name(last),
                contact.get("email") or _email(email),
                contact.get("phone") or _digits(phone),
                country.upper() if country else country,
                status,
                contact.get("age"),
                len(orders),
                min(moments, default=None),
                max(moments, default=None),
                sum((_eur(order.amount, order.currency) for order in orders), Decimal(0)),
                max(t for t in (updated.astimezone(UTC), contact.get("updated_at")) if t),
            )
        )
    return rows


def _community_engagement(sources: Sources) -> list[Row]:
    posts = sources.community.get("posts", [])
    author = {post["id"]: post["userId"] for post in posts}
    written = Counter(author.values())
    answers: dict[int, list[str | None]] = defaultdict(list)
    for comment in sources.community.get("comments", []):
        if comment["postId"] in author:
            answers[author[comment["postId"]]].append(_email(comment["email"]))
    return [
        (
            user["id"],
            user["username"],
            _email(user["email"]),
            _text(_nested(user["address"]).get("city")),
            written[user["id"]],
            len(answers[user["id"]]),
            len({mail for mail in answers[user["id"]] if mail}),
        )
        for user in sources.community.get("users", [])
    ]


@dataclass(frozen=True)
class _Order:
    customer: int
    currency: str
    amount: Decimal
    ordered_at: datetime


def _sold(sources: Sources) -> list[_Order]:
    """Return the orders that count as sales: all but the cancelled ones."""
    rows = sources.postgres.execute(
        "select customer_id, currency::text, total_amount, ordered_at from public.orders "
        "where status::text <> 'cancelled'"
    ).fetchall()
    return [_Order(c, currency, amount, t.astimezone(UTC)) for c, currency, amount, t in rows]


def _customer(number: int, contact: Record, as_of: date) -> Row:
    born = date.fromisoformat(contact["Birthdate"]) if contact["Birthdate"] else None
    age = None
    if born:
        age = as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))
    return (
        number,
        contact["Id"],
        contact["AccountId"],
        _name(contact["FirstName"]),
        _name(contact["LastName"]),
        _email(contact["Email"]),
        _digits(contact["Phone"]),
        born,
        age,
        _text(contact["MailingCity"]),
        _instant(contact["CreatedDate"]),
        _instant(contact["LastModifiedDate"]),
    )


def _recency(contact: Record) -> tuple[datetime, datetime, str]:
    edited, stamped = _instant(contact["LastModifiedDate"]), _instant(contact["SystemModstamp"])
    return (edited, stamped, contact["Id"])


def _instant(text: str) -> datetime:
    """Read a CRM timestamp, such as 2025-01-31T10:00:00.000+0000."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _nested(value: Any) -> Record:
    return json.loads(value) if isinstance(value, str) else (value or {})


def _eur(amount: Decimal, currency: str) -> Decimal:
    return (amount * EUR_RATES[currency]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _text(text: str | None) -> str | None:
    return " ".join(re.split(r"[ \t\n\r\f\v]+", text)).strip() or None if text else None


def _name(text: str | None) -> str | None:
    cleaned = _text(text)
    return cleaned.upper() if cleaned else None


def _email(text: str | None) -> str | None:
    return text.strip(" ").lower() or None if text else None


def _digits(text: str | None) -> str | None:
    return "".join(c for c in text if c in "0123456789") or None if text else None


_RULES: dict[str, Callable[[Sources], list[Row]]] = {
    "stg_customers": _stg_customers,
    "dim_customers": _dim_customers,
    "fact_orders": _fact_orders,
    "daily_sales": _daily_sales,
    "community_engagement": _community_engagement,
}
