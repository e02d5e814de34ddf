"""What differs between two places that hold the same tables: rows, columns, verdicts, who reads.

``sides`` names the two, ``places`` brings their warehouses into one session, ``rows`` compares one
table by SQL that is run there (``asking``; ``bags`` without a key; ``expressions`` by dialect),
``tables`` chooses tables, ``verdicts`` compares checks, ``impact`` tells who reads what changed,
``whole`` puts it together; ``markdown`` and ``page`` are how it is shown. Nothing is changed in
either place.
"""
