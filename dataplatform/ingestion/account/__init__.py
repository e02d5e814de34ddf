"""Connections as code: what is declared compared with the account, and brought into it."""
