"""The dbt project as assets and checks, and the way from candidates to published marts."""
