"""The engine: composite-index mathematics and the U4SSC catalogue.

Arrays and frames in, arrays and frames out. No Dagster, no DuckDB, no clock and no hidden randomness
belong here; the file list is the methodology.
"""
