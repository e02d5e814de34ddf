"""Extracts: sources outside Fivetran, written to the lake's raw layer as immutable objects."""
