"""Syncs that ended outside Dagster, and how they are told to it."""
