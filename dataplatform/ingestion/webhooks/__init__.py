"""Fivetran's webhooks: the receiver that verifies them, and the spool that the sensor reads.

Nothing here touches a table. What a verified event leads to is decided in ``arrivals``.
"""
