"""Promotions: what stands against one, how it is carried out, and how it is undone."""
