"""Submissions: the city's workbook both ways, bulk history, receipts, derivation and demo data.

No Dagster and no DuckDB belong here.
"""
