"""Thin Dagster assets: load, call the engine, write, report. No numbers are made here."""
