"""Profiles: what a table holds, column by column, and which rules that suggests.

``table`` reads a table in two statements, ``rules`` draws suggestions from what was read,
``page`` shows it. Nothing here promises anything: promises are contracts, written by people.
"""

from dataplatform.quality.profile.model import Bar, ColumnProfile, TableProfile, Value
from dataplatform.quality.profile.rules import Suggestion, contract_schema, suggested_rules
from dataplatform.quality.profile.table import profile_table

__all__ = [
    "Bar",
    "ColumnProfile",
    "Suggestion",
    "TableProfile",
    "Value",
    "contract_schema",
    "profile_table",
    "suggested_rules",
]
