"""What a table tells of itself in Dagster: metadata, and one check per rule with counts and samples.

What belongs here: turning frames and failures into Dagster's words. What does not: judging rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg
import polars as pl

from schemas.table import Table
from schemas.validate import Failure

SAMPLE = 10
# What of a fault Dagster is told: the file by its hash, never city, value, message or path. The rest stands in the
# internal mart (fact_finding).
OF_A_FAULT = ("rule", "severity", "file", "sheet", "cell", "data_point")


def asset_key(table: Table) -> dg.AssetKey:
    """Key of a table's asset: its schema and name, or ``marts`` and its name."""
    schema, _, name = table.name.rpartition(".")
    return dg.AssetKey([schema or "marts", name])


def asset_spec(
    table: Table,
    group: str,
    deps: Sequence[dg.AssetKey] = (),
    partitions: dg.PartitionsDefinition | None = None,
    freshness: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """Spec of a table's asset: its description and columns are those of the table."""
    columns = [
        dg.TableColumn(
            name,
            str(column.dtype),
            column.description,
            dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (name,)),
        )
        for name, column in table.columns.items()
    ]
    return dg.AssetSpec(
        asset_key(table),
        deps=list(deps),
        description=table.description,
        group_name=group,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "key": ", ".join(table.key) or "none",
        },
        kinds={"duckdb", "table"},
        partitions_def=partitions,
        freshness_policy=freshness,
    )


def schema_checks(tables: Iterable[Table]) -> list[dg.AssetCheckSpec]:
    """For each table the check that stops what follows if its shape or a value is wrong."""
    return [
        dg.AssetCheckSpec(
            "schema",
            asset=asset_key(table),
            description="Columns, types, keys, codes and bounds of the Pandera schema.",
            blocking=True,
        )
        for table in tables
    ]


def schema_result(table: Table, failures: Sequence[Failure]) -> dg.AssetCheckResult:
    """Outcome of a table's schema check."""
    return dg.AssetCheckResult(
        check_name="schema",
        asset_key=asset_key(table),
        passed=not failures,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "failures": len(failures),
            "sample": dg.MetadataValue.md("\n".join(f"- {told}" for told in _told_failures(failures)) or "none"),
        },
    )


def _told_failures(failures: Sequence[Failure]) -> list[str]:
    """The first failures by place and check; a value may be one that nobody has consented to."""
    return [
        f"{'the frame' if one.row is None else f'row {one.row}'}: {one.column or 'columns'} fails {one.check}"
        for one in failures[:SAMPLE]
    ]


def fault_result(table: Table, name: str, severity: str, faults: pl.DataFrame) -> dg.AssetCheckResult:
    """Outcome of a check that stops nothing: rows by rule with a sample; it fails if any has the severity."""
    counts = faults.group_by("rule", "severity").len("rows").sort("rule", "severity")
    concerned = faults.filter(pl.col("severity") == severity)
    sample = concerned.head(SAMPLE).with_columns(pl.col("file_sha256").str.head(12).alias("file")).select(OF_A_FAULT)
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(table),
        passed=concerned.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "rows": faults.height,
            f"{severity}s": concerned.height,
            "by_rule": table_metadata(counts),
            "sample": table_metadata(sample),
        },
    )


def table_metadata(frame: pl.DataFrame) -> dg.MetadataValue:
    """A small frame as a table that the UI shows."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({name: "" if value is None else str(value) for name, value in row.items()})
            for row in frame.to_dicts()
        ],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in frame.columns]),
    )
