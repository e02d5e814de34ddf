"""What is usual for a table, learned from its own history, and what is not.

``judge`` compares one measurement of a table with those before it; ``series`` knows what range a
single figure keeps; ``calendar`` knows weekdays, month ends and holidays. Plain Python: no
Dagster, no warehouse. Where history is kept is ``resources.monitor_store``'s business.
"""
