"""A Fivetran-compatible service that really moves rows, as a program of its own.

It speaks the public REST API (version 1) over HTTP and syncs sources into a destination, so that
the platform is tried against the same requests that a real account answers. Written only from
the public documentation of that API. Nothing else in the platform imports it.
"""
