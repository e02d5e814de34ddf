"""The lake: what lies in object storage, by layer.

The raw layer is written by ingestion; here published marts become Parquet in the curated layer,
and what lies in the lake is listed and verified.
"""
