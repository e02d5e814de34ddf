"""The CRM's objects and their fields, as its API describes them. Data only."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field of an object.

    Attributes:
        name: as the API spells it.
        type: in Salesforce's words.
        sqlite: the column type it is kept in; every moment is text that sorts as it should.
        nillable: whether it may be empty.
        length: the longest text, for texts.
    """

    name: str
    type: str
    sqlite: str = "TEXT"
    nillable: bool = True
    length: int = 0


def _id() -> Field:
    return Field("Id", "id", nillable=False, length=18)


def _flag(name: str) -> Field:
    return Field(name, "boolean", "INTEGER", nillable=False)


def _moment(name: str) -> Field:
    return Field(name, "datetime", nillable=False)


def _text(name: str, length: int = 80, kind: str = "string") -> Field:
    return Field(name, kind, length=length)


OBJECTS: dict[str, tuple[Field, ...]] = {
    "Account": (
        _id(), _text("Name", 255), _text("Industry", 255, "picklist"), _text("BillingCountry"),
        Field("AnnualRevenue", "currency", "REAL"), _text("OwnerId", 18, "reference"),
        _flag("IsDeleted"), _moment("CreatedDate"), _moment("SystemModstamp"),
    ),
    "Contact": (
        _id(), _text("AccountId", 18, "reference"), _text("FirstName", 40), _text("LastName"),
        _text("Email", 80, "email"), _text("Phone", 40, "phone"), Field("Birthdate", "date"),
        _text("Customer_External_Id__c", 40), _text("MailingCity", 40), _flag("IsDeleted"),
        _moment("CreatedDate"), _moment("LastModifiedDate"), _moment("SystemModstamp"),
    ),
    "Opportunity": (
        _id(), _text("AccountId", 18, "reference"), _text("Name", 120),
        _text("StageName", 255, "picklist"), Field("Amount", "currency", "REAL"),
        _text("CurrencyIsoCode", 3, "picklist"), Field("CloseDate", "date", nillable=False),
        _flag("IsWon"), _flag("IsClosed"), _flag("IsDeleted"),
        _moment("CreatedDate"), _moment("SystemModstamp"),
    ),
    "Lead": (
        _id(), _text("FirstName", 40), _text("LastName"), _text("Email", 80, "email"),
        _text("Phone", 40, "phone"), _text("Company", 255), _text("Status", 255, "picklist"),
        _text("LeadSource", 255, "picklist"), _flag("IsConverted"), _flag("IsDeleted"),
        _moment("CreatedDate"), _moment("SystemModstamp"),
    ),
}  # fmt: skip
