"""Files of an uncertainty analysis: a case from files in, tables and a record out, one replication written out.

What belongs here: what ``ssc-index uncertainty`` reads and writes. What does not: the analysis (`run.py`) and the
command's options.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from ssc_index.errors import MethodError, SscIndexError, ValuesError
from ssc_index.files import (
    OUR_FILES,
    PACKAGES,
    columns_named,
    has_beside,
    read_beside,
    read_values,
    version_of,
    without_formulas,
)
from ssc_index.framework.load import read_framework_csv
from ssc_index.framework.save import framework_csv
from ssc_index.method import read_method
from ssc_index.result import IndexResult
from ssc_index.sensitivity.alternatives import one_at_a_time
from ssc_index.sensitivity.batches import Map
from ssc_index.sensitivity.ranks import (
    alternatives_frame,
    alternatives_of,
    groups_of,
    interactions_frame,
    rank_model,
    sensitivity_frame,
    shapley_frame,
)
from ssc_index.sensitivity.shapley import shapley_effects
from ssc_index.sensitivity.sobol import sensitivity as sobol_indices
from ssc_index.steps.derive import derived_codes
from ssc_index.uncertainty.case import Case, case_of
from ssc_index.uncertainty.inputs import Uncertainty, read_uncertainty
from ssc_index.uncertainty.plain import Replication, replication
from ssc_index.uncertainty.result import distribution_frame, pairs_frame, ranks_frame
from ssc_index.uncertainty.run import Result
from ssc_index.values import Values

RECORD = "uncertainty.json"
RANKS, DISTRIBUTION = "uncertainty_ranks.csv", "uncertainty_distribution.csv"
SENSITIVITY = "uncertainty_sensitivity.csv"
MOST = 1_000_000  # replications, where only a bound is given
BESIDE_FOR = {"measurement": "grade", "provisional": "provisional"}  # what stands beside values, by kind of input


def case_of_files(
    framework_path: Path,
    values_path: Path,
    method_path: Path,
    year: int | None = None,
    grades: Path | None = None,
    provisional: Path | None = None,
    **changes: Any,
) -> Case:
    """A case from the files that ``ssc-index compute`` takes.

    Args:
        framework_path: CSV file of the framework.
        values_path: CSV or Parquet file of the values.
        method_path: YAML file of the method, with a section ``uncertainty``.
        year: Year whose ranks are asked for; None is the last.
        grades: File of the data-quality grades (`files.read_beside`); None takes the column ``grade`` of a long file of
            values, if there is one.
        provisional: File of what was reported and is not verified; None takes the column ``provisional``, likewise.
        changes: What takes the place of ``replications``, ``seed`` and ``until`` of the section; None leaves them.

    Returns:
        The case. A value without a grade has the measurement error of one that declares none; bounds are the method's.

    Raises:
        FaultsError: With every fault of a file, or of the section; a file of its own that no input needs is one.
    """
    framework, method = read_framework_csv(framework_path), read_method(method_path)
    values = read_values(values_path, framework, columns_named(method.steps), derived_codes(method.steps))
    if method.uncertainty is None:
        raise MethodError(f"method {method.name}", ["uncertainty: missing; say what varies under 'inputs'"])
    section = {**method.uncertainty, **{key: value for key, value in changes.items() if value is not None}}
    method = method.model_copy(update={Uncertainty.SECTION: section})
    inputs = read_uncertainty(method, framework, tuple(values.groups), values.years is not None).inputs
    kinds = {one.kind for one in inputs.values()}
    beside = _beside(values, values_path, kinds, {"grade": grades, "provisional": provisional})
    return case_of(values, framework, method, year, beside["grade"], provisional=beside["provisional"])


def _beside(
    values: Values, values_path: Path, kinds: Collection[str], paths: Mapping[str, Path | None]
) -> dict[str, Any]:
    """Grades and provisional values, each if there is an input for it and a file has it; else None."""
    found: dict[str, Any] = dict.fromkeys(paths)
    faults = []
    for kind, column in BESIDE_FOR.items():
        path = paths[column] or (values_path if has_beside(values_path, column) else None)
        if kind in kinds and path is not None:
            found[column] = read_beside(path, values, column)
        elif kind not in kinds and (unread := paths[column]) is not None:
            faults.append(f"{unread.name}: the method has no input of kind {kind}, so that nothing would be read of it")
    if faults:
        raise ValuesError("uncertainty", faults)
    return found


def uncertainty_frames(result: Result) -> dict[str, pl.DataFrame]:
    """What an uncertainty analysis found, by file name.

    Returns:
        ``uncertainty_ranks.csv`` (`result.ranks_frame`), ``uncertainty_distribution.csv`` (every rank of every node)
        and ``uncertainty_pairs.csv`` (pairs of the root whose order is not sure).
    """
    distributions = [
        distribution_frame(result, node).insert_column(0, pl.lit(node).alias("node")) for node in result.kept
    ]
    return {
        RANKS: ranks_frame(result),
        DISTRIBUTION: pl.concat(distributions),
        "uncertainty_pairs.csv": pairs_frame(result, result.case.framework.root.code),
    }


def sensitivity_frames(
    result: Result, run: Map = map, *, second_order: bool = False, shapley: bool = False
) -> dict[str, pl.DataFrame]:
    """Which choice moves which score and rank of the root.

    Args:
        result: An uncertainty analysis.
        run: What calls batches of base points; the same bits from each.
        second_order: Whether to tell what every two choices do together: as many runs again.
        shapley: Whether to divide what choices do together among them: again almost as many.

    Returns:
        By file name: ``uncertainty_sensitivity.csv`` (Sobol' indices, `ranks.sensitivity_frame`) and
        ``uncertainty_alternatives.csv`` (`ranks.alternatives_frame`); if asked for ``uncertainty_interactions.csv``
        (`ranks.interactions_frame`) and ``uncertainty_shapley.csv`` (`ranks.shapley_frame`).
    """
    case, n_units = result.case, len(result.units)
    model, groups = rank_model(case, prepared=result.prepared), groups_of(case)
    indices = sobol_indices(model, groups, case.section.points, case.section.seed, second_order=second_order, run=run)
    alone = one_at_a_time(model, len(case.names), alternatives_of(case), slice(n_units, 2 * n_units))
    frames = {
        SENSITIVITY: sensitivity_frame(indices, result.units),
        "uncertainty_alternatives.csv": alternatives_frame(alone),
    }
    if second_order:
        frames["uncertainty_interactions.csv"] = interactions_frame(indices, result.units)
    if shapley:
        effects = shapley_effects(model, groups, case.section.points, case.section.seed, run=run)
        frames["uncertainty_shapley.csv"] = shapley_frame(effects, result.units)
    return frames


def write_uncertainty(
    result: Result,
    out: Path,
    inputs: Mapping[str, Path],
    frames: Mapping[str, pl.DataFrame],
    pictures: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write what an analysis found: all of it or nothing.

    The frames, the pictures, and ``uncertainty.json``: inputs' hashes, the method as it was run, replications, the
    way, versions. No clock, no path and no number of workers: the same bytes from one worker or many.

    Args:
        result: The result.
        out: Directory; made if need be. What an earlier analysis left in it is replaced, other files stay.
        inputs: Input files by what they are, for their hashes.
        frames: Tables of `uncertainty_frames`, and of `sensitivity_frames` if asked for, by file name.
        pictures: SVG by file name.

    Returns:
        Names of the files, in order.
    """
    texts = {name: without_formulas(frame).write_csv(line_terminator="\n") for name, frame in frames.items()}
    texts.update(pictures or {})
    record = {
        "inputs": _hashes(inputs),
        "method": result.case.method.as_mapping(),
        "year": result.case.year,
        "replications": result.replications,
        "replications_asked_for": result.case.section.replications,
        "way": result.way,
        "versions": _versions(),
        "files": list(texts),
    }
    stale = {path.name for path in out.glob("uncertainty_*") if OUR_FILES.fullmatch(path.name)} - texts.keys()
    return _place(out, {**texts, RECORD: _json(record)}, stale)


def write_replication(case: Case, number: int, out: Path) -> IndexResult:
    """Write a replication out as an index like any other: ``ssc-index compute`` on its files gives its scores.

    ``framework.csv`` (weights and goalposts as drawn), ``values.csv`` (with their measurement errors, as they reach the
    normalisation), ``method.yaml`` (options as drawn), ``scores.csv``.

    Args:
        case: The case.
        number: Its number, from 0.
        out: Directory; made if need be.

    Returns:
        The replication's result.

    Raises:
        SscIndexError: If the number is none.
    """
    from ssc_index.index import compute_index

    if number < 0:
        raise SscIndexError(f"replication {number}: replications are numbered from 0")
    one = replication(case, number)
    result = compute_index(one.values, one.framework, one.method)
    scores = without_formulas(result.scores_frame()).write_csv(line_terminator="\n")
    files = {
        "framework.csv": framework_csv(one.framework),
        "values.csv": values_csv(one.values),
        "method.yaml": _method_yaml(case, one, number),
        "scores.csv": scores,
    }
    _place(out, files)
    return result


def _method_yaml(case: Case, one: Replication, number: int) -> str:
    """The method of a replication as a file; which one it is stands in its name."""
    mapping = {**one.method.as_mapping(), "name": f"{case.method.name}-{case.section.seed}-{number}"}
    return yaml.safe_dump(json.loads(json.dumps(mapping, default=str)), sort_keys=False, allow_unicode=True)


def values_csv(values: Values) -> str:
    """Values in the wide form that `files.read_values` reads, numbers to the last bit."""
    columns = [pl.Series("unit", values.units, dtype=pl.String)]
    if values.years is not None:
        columns.append(pl.Series("year", values.years, dtype=pl.Int64))
    columns += [pl.Series(name, labels, dtype=pl.String) for name, labels in values.groups.items()]
    numbers = {**values.denominators, **dict(zip(values.codes, values.values.T, strict=True))}
    columns += [pl.Series(name, np.ascontiguousarray(column), nan_to_null=True) for name, column in numbers.items()]
    return pl.DataFrame(columns).write_csv(line_terminator="\n")


def _hashes(inputs: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Name and SHA-256 of the input files."""
    return {
        what: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for what, path in inputs.items()
    }


def _versions() -> dict[str, str | None]:
    """Versions of what the figures rest on."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in (*PACKAGES, "numba")}}


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"


def _place(out: Path, texts: Mapping[str, str], stale: Collection[str] = ()) -> tuple[str, ...]:
    """Write files beside their places, then move them there, the last one last; it goes first if it is there already.

    Whoever finds the last file finds all of them whole, and none of those that are stale.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SscIndexError(f"{out.name}: cannot be made a directory for the result: {error}") from error
    folder = out / f".writing-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        for name in (list(texts)[-1], *stale):
            (out / name).unlink(missing_ok=True)
        for name in texts:
            (folder / name).replace(out / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(texts)
