"""Whether every warehouse gives the same rows and verdicts for the same inputs.

``stage`` makes a copy of the project for each engine, ``build`` fills it with the inputs, builds
and judges, ``compare`` says what differs and ``trace`` which expression made it. Starting servers
and printing are the command line's.
"""
