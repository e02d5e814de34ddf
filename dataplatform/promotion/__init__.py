"""From one environment to another: what is promoted, under which conditions, and back if need be.

``plan`` says what would change and what stands against it (``gates``), ``carry_out`` builds,
publishes, looks (``smoke``) and goes back by itself, ``record`` is the audit in the warehouse.
How a run is done is handed in by the command.
"""
