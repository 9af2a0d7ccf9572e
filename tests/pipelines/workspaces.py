"""Helpers of the end-to-end tests: a small invented workspace, builds of it, and what its marts hold.

The cohort is made by ``ssc_index demo``'s own functions: seven cities, 2018 to 2020, twenty-three workbooks, two of
them revisions, none with a planted fault. Register and consent are set by hand on top, so that there is one city of
each kind of consent and a peer group large enough to be shown.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import duckdb
import polars as pl
from typer.testing import CliRunner, Result

from assets.workspace import Workspace, open_workspace
from intake.demo import make_demo
from intake.receipts import Receipt, receipt_path, write_receipts
from intake.template import City, Entry, write_workbook
from pipelines import run
from pipelines.cli import app
from pipelines.ranges import received_years
from ssc_index.framework.catalogue import load_catalogue

PROJECT = Path(__file__).resolve().parents[2]
SEED = 2026
YEARS = (2018, 2019, 2020)

# Cities of the cohort by what they let us publish.
SECRET = "demo-003-covaldale"
SCORES_ONLY = "demo-002-braenvika"
REPORT = "demo-007-glasucruzo"
CONSENTS = {
    "demo-001-aldermoor": "values",
    SCORES_ONLY: "scores",
    SECRET: "none",
    "demo-004-dunhythe": "values",
    "demo-005-elvanpolis": "values",
    "demo-006-fjorbruck": "values",
    REPORT: "report",
}
REGION = "Demo region of all"
# What submissions of a test name as their source: without one, no value counts.
SOURCE = "Demo office (invented)"

PUBLIC, INTERNAL = "ssc_index", "ssc_index_internal"

# No network, no colours, no width that depends on the terminal.
ENVIRONMENT = {"DAGSTER_TELEMETRY_ENABLED": "false", "COLUMNS": "120", "NO_COLOR": "1"}


def make_small(root: Path) -> None:
    """Write the raw submissions of the small workspace."""
    make_demo(root, load_catalogue(), seed=SEED, cities=len(CONSENTS), years=YEARS, workers=1)
    for receipt in sorted((root / "raw").rglob("*.receipt.csv")):
        change_receipt(receipt, lambda row: {**row, "consent": CONSENTS[row["city_id"]]})
    change_register(root, lambda row: {**row, "region": REGION})
    few_replications(root)


def few_replications(root: Path) -> None:
    """Have a workspace use the shipped method with as few replications as a test can do with: its builds are many."""
    shipped = (PROJECT / "methods" / "index-2026.yaml").read_text(encoding="utf-8")
    few = re.sub(r"replications: \d+", "replications: 100\n  points: 16", shipped)
    assert few != shipped
    (root / "method.yaml").write_text(few, encoding="utf-8")
    with (root / "workspace.yaml").open("a", encoding="utf-8") as marker:
        marker.write("method: method.yaml\n")


def change_receipt(path: Path, change: Any) -> None:
    """Rewrite each line of a receipt."""
    _rewrite(path, change)


def change_register(root: Path, change: Any) -> None:
    """Rewrite each line of a workspace's register."""
    _rewrite(root / "raw" / "cities.csv", change)


def _rewrite(path: Path, change: Any) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def add_to_register(root: Path, *cities: str) -> None:
    """Register further invented cities."""
    with (root / "raw" / "cities.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for city in cities:
            writer.writerow((city, city.title(), "XXA", "Demo land", REGION, "High income", "", "invented for a test"))


def add_submission(
    root: Path,
    name: str,
    city: str,
    year: int,
    entries: Mapping[str, Entry],
    population: float | None = 200_000.0,
    **receipt: Any,
) -> Path:
    """Write a workbook with its receipt: with sources, verified and fully published unless said otherwise."""
    path = root / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_workbook(
        path,
        load_catalogue(),
        city=City(city, city.title(), "Demo land"),
        year=year,
        profile={"population": population, "households": 80_000.0},
        entries={
            point: replace(entry, verified=True, source=entry.source or SOURCE) for point, entry in entries.items()
        },
        is_demo=True,
    )
    write_receipts(path, [receipt_for(city, year, **receipt)])
    return path


def receipt_for(city: str, year: int, **given: Any) -> Receipt:
    """A receipt of a verified submission, received in the May after its year."""
    facts: dict[str, Any] = {
        "received_at": datetime(year + 1, 5, 2, 9, tzinfo=UTC),
        "received_from": "Demo city office (invented)",
        "verification_mode": "remote",
        "verification_outcome": "verified",
        "verifier": "Demo verifier (invented)",
        "consent": "values",
    }
    return Receipt(city, year, **{**facts, **given})


def write_bulk(path: Path, rows: Sequence[Sequence[object]], header: Sequence[str], **receipts: Any) -> Path:
    """Write a bulk CSV, a source in each line, and, for each city and year in it, a receipt line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([(*header, "source"), *((*row, SOURCE) for row in rows)])
    keys = {(str(row[0]), int(str(row[1]))) for row in rows if row[0] and str(row[1]).isdecimal()}
    write_receipts(path, [receipt_for(city, year, **receipts) for city, year in keys])
    return path


def drop_submission(path: Path) -> None:
    """Remove a submission with its receipt."""
    path.unlink()
    receipt_path(path).unlink()


def copy_workspace(source: Path, target: Path, *, built: bool = True) -> Path:
    """Copy a workspace, without Dagster's history; without anything that was built, if so wished."""
    names = [".dagster", "*.lock"] if built else [".dagster", "*.lock", "warehouse.duckdb", "marts", "as-of"]
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*names))
    return target


def drop_built(root: Path) -> None:
    """Delete warehouse and marts."""
    (root / "warehouse.duckdb").unlink()
    shutil.rmtree(root / "marts")


@contextmanager
def dagster_in_memory() -> Any:
    """Have builds keep Dagster's history in memory: on disk it costs more than all else of a small build."""

    def in_memory(*_: str) -> dg.DagsterInstance:
        return dg.DagsterInstance.ephemeral()

    with mock.patch.dict(os.environ), mock.patch.object(dg.DagsterInstance, "from_config", in_memory):
        yield


def build(
    root: Path,
    first: int | None = None,
    last: int | None = None,
    as_of: datetime | None = None,
    *,
    afresh: bool = False,
) -> Workspace:
    """Build a workspace in this process: a range of editions, or all years with receipts."""
    workspace = open_workspace(root, as_of)
    years = received_years(workspace) if first is None else (first, last or first)
    with dagster_in_memory():
        run.build(workspace, *years, afresh=afresh)
    return workspace


def invoke(*arguments: object) -> Result:
    """Run ``ssc-index`` in this process; an error that it does not know how to tell is raised here."""
    with dagster_in_memory():
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=ENVIRONMENT)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def command(*arguments: object) -> list[str]:
    """The command line ``ssc-index`` with arguments, run by this Python."""
    return [sys.executable, "-m", "pipelines.cli", *map(str, arguments)]


def run_cli(*arguments: object, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``ssc-index`` in a process of its own, and end all that it started if it does not come back."""
    process = start_cli(*arguments, **environment)
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException:
        kill_group(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_cli(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start ``ssc-index`` in a process group of its own."""
    return subprocess.Popen(
        command(*arguments),
        cwd=PROJECT,
        env={**os.environ, **ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process and everything it started, at once, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def tables(path: Path) -> dict[str, pl.DataFrame]:
    """Every table and view of a mart with all its rows, in a fixed order."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        names = connection.sql(
            "select table_name from information_schema.tables where table_schema = 'main' order by table_name"
        ).fetchall()
        return {name: connection.sql(f'select * from "{name}" order by all').pl() for (name,) in names}


def mart_tables(root: Path, name: str = INTERNAL) -> dict[str, pl.DataFrame]:
    """Tables of a workspace's mart."""
    return tables(root / "marts" / f"{name}.duckdb")


def manifest(root: Path, name: str) -> dict[str, Any]:
    """Manifest of a workspace's mart."""
    content: dict[str, Any] = json.loads((root / "marts" / f"{name}_manifest.json").read_text(encoding="utf-8"))
    return content


def parquet_bytes(root: Path, name: str) -> dict[str, bytes]:
    """Bytes of the Parquet files beside a mart."""
    return {path.name: path.read_bytes() for path in sorted((root / "marts" / f"{name}_parquet").iterdir())}


def content(root: Path, *names: str) -> dict[str, Any]:
    """Everything that two builds of the same content must have in common, flat and short: a failure tells what differs.

    Args:
        root: Folder of the workspace.
        names: Marts; both if none is named.
    """
    same: dict[str, Any] = {}
    for name in names or (PUBLIC, INTERNAL):
        same |= {f"{name}, manifest: {field}": told for field, told in manifest(root, name).items()}
        for file, data in parquet_bytes(root, name).items():
            same[f"{name}, bytes of {file}"] = hashlib.sha256(data).hexdigest()
        for table, frame in mart_tables(root, name).items():
            same[f"{name}, rows of {table}"] = hashlib.sha256(repr(frame.rows()).encode()).hexdigest()
    return same


def addresses(root: Path) -> tuple[str, str]:
    """Content addresses of the public and the internal mart, from their manifests."""
    return manifest(root, PUBLIC)["content_sha256"], manifest(root, INTERNAL)["content_sha256"]


def findings(root: Path, **where: object) -> list[dict[str, Any]]:
    """Rows of ``fact_finding`` with these values."""
    frame = mart_tables(root)["fact_finding"]
    return frame.filter(**where).to_dicts() if where else frame.to_dicts()
