"""The demo company's source systems, generated from a seed.

Each system keeps its own data and its own clock: ``production`` in PostgreSQL, ``crm`` and
``community`` behind HTTP. ``demo`` makes them and lets time pass in all three.
"""
