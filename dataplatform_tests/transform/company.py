"""A small company with all its dirt, for tests of the dbt project alone.

Here live its rows, which a test may change; how they reach the raw tables is in ``raw_tables``. The
demo company that is served by real servers is elsewhere.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dataplatform_tests.transform.raw_shapes import COMMUNITY, POSTGRES, SALESFORCE

Row = dict[str, Any]


def at(text: str) -> datetime:
    """Return an instant in UTC from ISO text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Company:
    """The present rows of the sources, by table; change them freely, then sync."""

    postgres: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in POSTGRES})
    crm: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in SALESFORCE})
    community: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in COMMUNITY})

    def find(self, table: str, **key: Any) -> Row:
        """Return the first row of a PostgreSQL table with these values."""
        return next(
            row
            for row in self.postgres[table]
            if all(row[name] == value for name, value in key.items())
        )

    def remove(self, table: str, **key: Any) -> None:
        """Delete the rows of a PostgreSQL table with these values."""
        self.postgres[table] = [
            row
            for row in self.postgres[table]
            if not all(row[name] == value for name, value in key.items())
        ]


def small_company(seed: int = 7, customers: int = 60, orders: int = 300) -> Company:
    """Return a company with dirt: duplicates, orphans, odd names and phones, two currencies."""
    chance = random.Random(seed)
    company = Company()
    start = at("2025-01-01T00:00:00")
    names = ["  anna  maria", "José", "O'Brien ", "lee\tann", "Zoë", "van  der Berg"]
    phones = ["+1 (555) 010-9988", "555.010.2233", "0049 30 123456", "n/a", None]
    for number in range(1, customers + 1):
        created = start + timedelta(hours=number)
        company.postgres["customers"].append(
            {
                "customer_id": number,
                "email": f" Customer{number}@Example.com ",
                "first_name": chance.choice(names),
                "last_name": chance.choice(names),
                "phone": chance.choice(phones),
                "country": chance.choice(["DE", "US", "fr"]),
                "status": chance.choice(["active", "inactive", "prospect"]),
                "marketing_opt_in": chance.random() < 0.5,
                "preferences": '{"language": "en"}',
                "tags": '["a", "b"]',
                "created_at": created,
                "updated_at": created,
            }
        )
        # Some customers have no contact, some have two.
        for copy in range(chance.choice([0, 1, 1, 1, 2])):
            modified = created + timedelta(days=chance.randrange(50))
            company.crm["Contact"].append(
                {
                    "attributes": {"type": "Contact"},
                    "Id": f"003{number:06d}{copy:06d}AAA",
                    "AccountId": None,
                    "FirstName": chance.choice(names),
                    "LastName": chance.choice(names),
                    "Email": f" Contact{number}.{copy}@Example.com",
                    "Phone": chance.choice(phones),
                    "Birthdate": str(date(1950, 1, 1) + timedelta(days=chance.randrange(20000))),
                    "Customer_External_Id__c": str(number),
                    "MailingCity": " Den  Haag",
                    "IsDeleted": chance.random() < 0.05,
                    "CreatedDate": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                    "LastModifiedDate": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                    "SystemModstamp": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                }
            )
    # One born on a leap day, one with a birthday on the day ages are computed, one for nobody.
    for contact, birthdate in zip(
        company.crm["Contact"], ["2000-02-29", "1990-01-01"], strict=False
    ):
        contact["Birthdate"] = birthdate
    company.crm["Contact"][-1] |= {"Customer_External_Id__c": "unknown"}
    for number in range(1, orders + 1):
        add_order(company, number, chance, customers, start)
    company.postgres["payments"].append(company.postgres["payments"][0] | {"order_id": 999_999})
    for number in range(1, 21):
        company.community["users"].append(
            {
                "id": number,
                "name": f"User {number}",
                "username": f"user{number}",
                "email": f"User{number}@example.com",
                "address": {
                    "city": f" City  {number} ",
                    "geo": {"lat": "-37.3159", "lng": "81.1496"},
                },
                "phone": "1-770-736-8031 x56442",
                "website": "example.org",
                "company": {"name": "Romaguera"},
            }
        )
    for number in range(1, 81):
        # Users 19 and 20 write nothing; user 25 does not exist.
        author = 25 if number == 80 else chance.randrange(1, 19)
        company.community["posts"].append(
            {"userId": author, "id": number, "title": "t", "body": "b"}
        )
    for number in range(1, 201):
        company.community["comments"].append(
            {
                "postId": chance.randrange(1, 84),
                "id": number,
                "name": "n",
                "email": f"W{chance.randrange(30)}@example.com",
                "body": "b",
            }
        )
    return company


def add_order(
    company: Company, number: int, chance: random.Random, customers: int, start: datetime
) -> None:
    """Append one order with its items and, mostly, a payment."""
    ordered = start + timedelta(minutes=chance.randrange(60 * 24 * 40))
    currency = chance.choice(["EUR", "USD"])
    total = Decimal(0)
    for line in range(1, chance.randrange(1, 5)):
        price = Decimal(chance.randrange(100, 99999)) / 100
        quantity = chance.randrange(1, 9)
        total += price * quantity
        company.postgres["order_items"].append(
            {
                "order_id": number,
                "line_number": line,
                "product_id": 1,
                "quantity": quantity,
                "unit_price": price,
                "discount": Decimal("0.1250"),
                "updated_at": ordered,
            }
        )
    status = chance.choice(["placed", "paid", "shipped", "delivered", "cancelled", "returned"])
    company.postgres["orders"].append(
        {
            "order_id": number,
            "customer_id": chance.randrange(1, customers + 1),
            "status": status,
            "currency": currency,
            "total_amount": total,
            "ordered_at": ordered,
            "time_zone": "America/New_York",
            "shipped_at": ordered + timedelta(days=2) if status == "shipped" else None,
            "note": None,
            "updated_at": ordered,
        }
    )
    if chance.random() < 0.8:
        company.postgres["payments"].append(
            {
                "order_id": number,
                "method": "card",
                "amount": total,
                "currency": currency,
                "paid_at": ordered,
                "reference": f"R{number}",
                "updated_at": ordered,
            }
        )
