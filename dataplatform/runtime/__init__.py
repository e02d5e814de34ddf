"""How Dagster's own machinery runs here: its records, its workers, and what becomes of dead runs.

Nothing in this room knows a table; the command line and dagster.yaml are its only users.
"""
