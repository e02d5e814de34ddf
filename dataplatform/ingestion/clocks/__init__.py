"""Clocks of connections that declare a cron: Dagster keeps it, the connection is on manual."""
