"""Who may read what: ``config/access.yml`` brought into each warehouse, and held against it."""
