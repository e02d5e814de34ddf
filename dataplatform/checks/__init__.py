"""What a table promises, said once for every engine.

Contracts compile to checks (``spec``, ``contract_rules``), checks to one scan (``scan``), and a
scan's row to verdicts (``verdicts``). Plain Python: no Dagster, no warehouse client, no files.
"""
