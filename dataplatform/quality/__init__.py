"""Quality: contracts become checks that run, are gated on, and are shown.

Contracts compile to dbt tests (``compile_dbt``), to check steps on raw tables (``defs``) and to
Great Expectations suites (``gx``); ``profile`` says what tables hold, ``report`` shows what was
found. What a check means lives in ``checks``, outside this room.
"""
