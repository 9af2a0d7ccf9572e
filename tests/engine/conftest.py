"""What the engine's tests share: where the golden files lie, and COINr's files in the engine's form."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from ssc_index.files import compute
from ssc_index.result import IndexResult

GOLDENS = Path(__file__).parents[3] / "shared" / "goldens"


@dataclass(frozen=True)
class Run:
    """A run of `compute`: its result and the directory it wrote."""

    result: IndexResult
    out: Path

    def table(self, name: str) -> pl.DataFrame:
        """A file of the run, read back."""
        return pl.read_csv(self.out / name, infer_schema_length=None)


@pytest.fixture(scope="session")
def goldens() -> Path:
    if not GOLDENS.is_dir():
        pytest.skip("../shared/goldens is not there; it is handed over beside the project")
    return GOLDENS


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Run the engine on files: rows of a framework, a method as data, and a values file or its columns."""

    def run_files(framework: Path | list[dict[str, Any]], values: Path | pl.DataFrame, method: Any) -> Run:
        if not isinstance(framework, Path):
            framework = write_framework(tmp_path / "framework.csv", framework)
        if not isinstance(values, Path):
            values.write_csv(tmp_path / "values.csv")
            values = tmp_path / "values.csv"
        if not isinstance(method, Path):
            text = yaml.safe_dump({"name": "test", **method}, sort_keys=False)
            (tmp_path / "method.yaml").write_text(text, encoding="utf-8")
            method = tmp_path / "method.yaml"
        out = tmp_path / "out"
        return Run(compute(framework, values, method, out), out)

    return run_files


def write_framework(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a framework file with the columns that its rows use."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


LEVELS = {"1": "indicator", "2": "pillar", "3": "sub_index", "4": "Index"}


@dataclass(frozen=True)
class Coinr:
    """COINr's files on its ASEM example."""

    folder: Path

    def frame(self, name: str, key: str = "uCode") -> pl.DataFrame:
        """A file with its units sorted; NA and NaN are null."""
        frame = pl.read_csv(self.folder / f"{name}.csv", infer_schema_length=None, null_values=["NaN"])
        return frame.sort(key) if key in frame.columns else frame

    def framework(self, weights: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
        """Its structure as rows of a framework file."""
        rows = []
        for node in self.frame("asem_imeta").iter_rows(named=True):
            if node["Type"] not in ("Indicator", "Aggregate"):
                continue
            leaf = node["Type"] == "Indicator"
            rows.append(
                {
                    "code": node["iCode"],
                    "parent": node["Parent"] or "",
                    "name": node["iName"],
                    "direction": {1: "higher", -1: "lower"}[node["Direction"]] if leaf else "",
                    "weight": node["Weight"] if weights is None else weights[node["iCode"]],
                    "level": LEVELS[str(node["Level"])],
                }
            )
        return rows

    def values(self, name: str, *groups: str) -> pl.DataFrame:
        """A file of it as a values file, with group columns of the raw data."""
        table = self.frame(name).rename({"uCode": "unit"})
        if not groups:
            return table
        raw = self.frame("asem_idata").select(pl.col("uCode").alias("unit"), *groups)
        return table.join(raw, on="unit", how="left", maintain_order="left")

    def compare(self, ours: pl.DataFrame, name: str, rtol: float = 1e-9) -> int:
        """Assert that every cell of a file is ours too; return how many were compared."""
        theirs = self.frame(name)
        ours = ours.sort("unit")
        assert ours["unit"].to_list() == theirs["uCode"].to_list()
        codes = [code for code in theirs.columns if code not in ("uCode", "uName", "Time")]
        for code in codes:
            np.testing.assert_allclose(
                ours[code].cast(pl.Float64).to_numpy(),
                theirs[code].cast(pl.Float64).to_numpy(),
                rtol=rtol,
                atol=1e-12,
                err_msg=f"{name}: {code}",
            )
        return len(codes) * theirs.height


@pytest.fixture(scope="session")
def coinr(goldens: Path) -> Coinr:
    return Coinr(goldens / "coinr_asem")


@pytest.fixture(scope="session")
def awkward_columns() -> np.ndarray:
    """300 rows of what sorting could trip over, a column each."""
    random = np.random.Generator(np.random.Philox(key=5))
    plain = random.random((300, 10)) * 90.0 - 45.0
    plain[random.random(plain.shape) < 0.25] = np.nan
    table = np.asfortranarray(plain)
    table[:, 2] = np.round(table[:, 2] / 10.0)  # ties
    table[:, 3] = np.nan
    table[:, 4] = np.where(random.random(300) < 0.5, 0.0, -0.0)
    table[:, 5] = (
        1.0 + random.integers(0, 3, 300) * 2.0**-52
    )  # some values closer together than sorting by digits tells
    table[[7, 170], 5] = 1e9, 1e-9
    table[:, 6] = 1.0 + random.integers(0, 500, 300) * 2.0**-52  # and so many that it is left to NumPy
    table[[7, 170], 6] = 1e9, 1e-9
    table[5, 7], table[6, 7] = np.inf, -np.inf
    table[:, 8] = np.exp(600.0 * random.random(300) - 300.0)
    table[:, 9] = 7.5
    return table
