"""Units outside the cohort: scored by the parameters that an earlier run saved.

What belongs here: reading a result's parameters, and what a method must be for a unit to be scored alone. What does
not: any formula; the same steps run as for the cohort, with saved numbers in the place of those they would take from
the units.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ssc_index.errors import ComputationError, MethodError, SscIndexError
from ssc_index.files import columns_named, read_values, write_result
from ssc_index.framework.load import read_framework_csv
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import Method, method_from_mapping
from ssc_index.result import IndexResult
from ssc_index.steps.aggregate import Aggregate, mean_at
from ssc_index.steps.derive import derived_codes
from ssc_index.steps.impute import level_of_scores
from ssc_index.steps.impute_parameters import ImputeNone
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.saved import Distribution, Saved
from ssc_index.steps.walk import indicators_meant, nodes_meant
from ssc_index.values import Values

ROW_WISE_STEPS = ("screen", "derive", "denominate", "treat", "normalise", "impute", "aggregate")
ROW_WISE_MEANS = (
    "arithmetic",
    "geometric",
    "harmonic",
    "generalised",
    "median",
    "minimum",
    "owa",
    "formula",
    "counting",
)
FILE = re.compile(r"(parameters|distributions)_(\d+)_[a-z]+\.csv")
QUOTED = r"^'([=+\-@\t\r])"


def score_outside(values: Values, framework: Framework, method: Method, saved: Saved) -> IndexResult:
    """Score units by what an earlier run took from its cohort.

    A unit of the cohort gets the scores that it had there, to the last bit; one beyond the cohort's best or worst
    value may score beyond the scale, where nothing clips it. Imputation is left out: a unit alone has no others to
    be filled from. There are no ranks.

    Args:
        values: The units, columns in the order of the framework's indicators.
        framework: The framework of the earlier run.
        method: Its method.
        saved: What it saved.

    Returns:
        The result, every rank NaN.

    Raises:
        MethodError: If a step of the method compares units in a way that no parameters can stand for.
        ComputationError: If a cell is missing that the method would fill, a parameter is, or a step has no value.
    """
    faults = _method_faults(method, framework)
    if faults:
        raise MethodError(f"method {method.name}", faults)
    filling = [step for step in method.steps if step.step == "impute" and not isinstance(step, ImputeNone)]
    without = [ImputeNone(method="none") if step in filling else step for step in method.steps]
    result = compute_index(values, framework, replace_steps(method, without), saved)
    faults = [fault for step in filling for fault in _holes(result, step)]
    if faults:
        raise ComputationError(f"method {method.name}", list(dict.fromkeys(faults)))
    return replace(result, method=method, ranks=np.full(result.ranks.shape, np.nan))


def replace_steps(method: Method, steps: list[Parameters]) -> Method:
    """The method with other steps."""
    return method.model_copy(update={"steps": tuple(steps)})


def _method_faults(method: Method, framework: Framework) -> list[str]:
    """Steps that a unit cannot be put through alone."""
    faults = []
    for number, step in enumerate(method.steps):
        place = f"steps[{number}].{step.step}"
        if step.step not in ROW_WISE_STEPS:
            faults.append(f"{place}: looks at all units together; a unit outside them has no score")
        if isinstance(step, Aggregate):
            means = {node.code: mean_at(step, node) for node in framework.nodes if node.code in framework.children}
            faults += [
                f"{place}: {mean} at {code} compares units with each other; a unit outside them has no score"
                for code, mean in means.items()
                if mean not in ROW_WISE_MEANS
            ]
            if getattr(step, "blend", None) is not None:
                faults.append(f"{place}.blend: draws on the other units of a group; a unit outside them has no score")
    return faults


def _holes(result: IndexResult, step: Any) -> list[str]:
    """Missing cells that an imputation would have filled."""
    framework = result.framework
    level = level_of_scores(framework, step)
    if level is None:
        meant = indicators_meant(framework, step.only)
    else:
        meant = tuple(node.code for node in nodes_meant(framework, level, step.only))
    columns = [result.nodes.index(code) for code in meant]
    missing = np.isnan(result.scores[:, columns]) & result.included[:, None]
    return [
        f"{result.values.row_name(row)}, {meant[column]}: missing; the method fills it from other cells "
        f"({step.method}), which is not done outside the cohort; give the value"
        for row, column in np.argwhere(missing).tolist()
    ]


def read_saved(folder: Path) -> tuple[Saved, Mapping[str, Any]]:
    """Read what a run saved.

    Args:
        folder: Directory of a result, with ``run.json``.

    Returns:
        The parameters, and the record of the run.

    Raises:
        SscIndexError: If the directory holds no result.
    """
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        frames = {
            (match[1], int(match[2])): pl.read_csv(folder / name, infer_schema_length=None)
            for name in record["files"]
            if (match := FILE.fullmatch(name))
        }
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise SscIndexError(f"{folder.name}: holds no result of 'ssc-index compute': {error}") from error
    parameters: dict[int, dict[tuple[str, int | None], dict[str, float]]] = {}
    distributions: dict[int, dict[tuple[str, int | None], Distribution]] = {}
    for (kind, number), read in frames.items():
        frame = read.with_columns(pl.col("code").cast(pl.String).str.replace(QUOTED, "$1"))
        if kind == "parameters":
            parameters[number] = {
                (row["code"], row["year"]): numbers
                for row in frame.iter_rows(named=True)
                if (
                    numbers := {
                        name: float(cell)
                        for name, cell in row.items()
                        if name not in ("code", "year") and cell is not None
                    }
                )
            }
            continue
        distributions[number] = {
            (code, year): Distribution(
                year, code, part["value"].cast(pl.Float64).to_numpy(), part["n"].cast(pl.Float64).to_numpy()
            )
            for (code, year), part in frame.partition_by("code", "year", as_dict=True, maintain_order=True).items()
        }
    return Saved(parameters, distributions), record


def compute_outside(framework_path: Path, values_path: Path, parameters: Path, out: Path) -> IndexResult:
    """Score units of a file by the parameters of an earlier result: ``ssc-index compute --parameters DIR``.

    Args:
        framework_path: CSV file of the framework, the same as the earlier run's to the byte.
        values_path: CSV or Parquet file of the units.
        parameters: Directory of the earlier result.
        out: Directory of the new result; another one.

    Returns:
        The result.

    Raises:
        SscIndexError: If the directory holds no result, the framework is another one, or as `score_outside`.
    """
    if out.resolve() == parameters.resolve():
        raise SscIndexError(f"{out.name}: holds the parameters; write the result into another directory")
    saved, record = read_saved(parameters)
    known = record.get("inputs", {}).get("framework", {}).get("sha256")
    framework = read_framework_csv(framework_path)
    if known != hashlib.sha256(framework_path.read_bytes()).hexdigest():
        raise SscIndexError(
            f"{framework_path.name}: is not the framework of the run in {parameters.name} (SHA-256 {known}); "
            "give that one"
        )
    method = method_from_mapping(record["method"], f"{parameters.name}/run.json")
    values = read_values(values_path, framework, columns_named(method.steps), derived_codes(method.steps))
    result = score_outside(values, framework, method, saved)
    paths = {"framework": framework_path, "values": values_path, "parameters": parameters / "run.json"}
    write_result(result, out, paths)
    return result
