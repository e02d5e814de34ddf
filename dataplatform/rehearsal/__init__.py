"""Incidents as a feature: break a copy on purpose, and see what notices.

``company`` makes the tables that are broken, ``incidents`` and ``damage_*`` break them, ``place``
holds the copy, ``drill`` runs the project's own checks, models and publication on it, ``verdict``
reads what happened, and ``quiet`` counts the alarms of days on which nothing happened. Nothing
here touches a real table.
"""
