"""Declared files: one module per kind, with its model, its loader and its errors."""
