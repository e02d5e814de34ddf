"""Verdicts of Great Expectations' core expectations, engine by engine."""
