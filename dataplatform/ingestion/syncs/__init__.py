"""Syncs of declared Fivetran connections: the raw tables and their step."""
