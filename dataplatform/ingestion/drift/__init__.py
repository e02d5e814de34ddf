"""Drift: whether the account still holds each connection as it is declared."""
