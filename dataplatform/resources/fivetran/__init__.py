"""The client of Fivetran's REST API: dagster-fivetran's workspace with its known faults mended.

The same code speaks to a Fivetran account and to the local service. What is declared, and what
is done with the rows, lives in the rooms.
"""
