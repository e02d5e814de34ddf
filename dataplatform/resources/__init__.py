"""Clients of outside systems, each a Dagster resource that opens nothing until it is used."""
