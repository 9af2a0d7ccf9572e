"""Imputation under a multivariate normal: EM for its mean and covariance, conditional means, random draws.

What belongs here: the model, what it says of a missing cell, and draws from it for multiple imputation. What does
not: which cells of which table are filled (`steps/impute.py`).

Every result depends on the table, the parameters and the seed only: rows are worked off in parts of a fixed size,
and the parts are summed in order, whatever the number of workers. Products of matrices go through BLAS: another BLAS,
another kind of processor, or more than one BLAS thread, may move the last digits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

PART = 512  # rows of one part; fixed, so that sums over parts have one order
COMPILED_FROM = 200_000  # cells from which the compiled step is worth its compilation
SMALLEST_PIVOT = 1e-5  # of a matrix of correlations: a column of which the others explain all but this counts as theirs
RESAMPLES = 100


class NormalError(ValueError):
    """A table to which no multivariate normal can be fitted; the message says why and what to do."""


@dataclass(frozen=True)
class Normal:
    """A multivariate normal fitted to the columns of a table.

    Attributes:
        columns: Columns that it describes: those with two different values or more, shape (k,).
        mean: Their means, shape (k,), in the units of the table.
        covariance: Their covariances (sums divided by n, as maximum likelihood has them), shape (k, k).
        iterations: Steps that EM took.
    """

    columns: NDArray[np.int64]
    mean: Floats
    covariance: Floats
    iterations: int


def fit_normal(
    table: Floats,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
    ridge: float = 0.0,
    compiled: bool | None = None,
) -> Normal:
    """Estimate mean and covariance by EM from rows with missing cells.

    E: a row's missing part given its observed part has mean ``μ_m − C Λ_mo (x_o − μ_o)`` and covariance
    ``C = Λ_mm⁻¹``, with ``Λ = Σ⁻¹``. M: mean and covariance (÷ n) of the completed rows, plus the mean of ``C``.
    Columns are standardised inside; the result does not depend on their units.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing; rows without any value are left out.
        tolerance: EM stops once no mean and no covariance of the standardised columns moves by more.
        max_iterations: Steps within which it must get there.
        ridge: Covariances between columns are divided by ``1 + ridge`` in every step: 0 is maximum likelihood,
            more steadies a table with few rows for its columns.
        compiled: Whether the E step runs compiled; None decides by the size of the table. Both ways agree to
            rounding.

    Returns:
        The fitted normal.

    Raises:
        NormalError: If the covariance is singular, or EM does not get there in time.

    Source: Dempster, Laird and Rubin (1977); Little and Rubin, Statistical Analysis with Missing Data (2002), 11.2.

    >>> table = np.array([[1.0, 2.0], [2.0, 5.0], [3.0, 6.0], [6.0, np.nan]])
    >>> fit_normal(table).mean.round(4)
    array([3.    , 6.3333])
    """
    columns = np.flatnonzero(_varies(table))
    block = table[:, columns]
    block = np.ascontiguousarray(block[~np.isnan(block).all(axis=1)])
    if not columns.size:
        return Normal(columns, np.zeros(0), np.zeros((0, 0)), 0)
    centre, spread = np.nanmean(block, axis=0), np.nanstd(block, axis=0)
    block = (block - centre) / spread
    there = ~np.isnan(block)
    known = np.where(there, block, 0.0)
    mean, covariance = np.zeros(columns.size), np.diag(np.ones(columns.size))
    if compiled is None:
        compiled = block.size >= COMPILED_FROM
    for iteration in range(1, max_iterations + 1):
        total, products = _expectation(known, there, mean, precision(covariance), compiled)
        shift = total / known.shape[0]
        new_mean = mean + shift
        new_covariance = products / known.shape[0] - np.outer(shift, shift)
        new_covariance = (new_covariance + ridge * np.diag(np.diag(new_covariance))) / (1.0 + ridge)
        change = max(np.abs(new_mean - mean).max(), np.abs(new_covariance - covariance).max())
        mean, covariance = new_mean, new_covariance
        if change <= tolerance:
            precision(covariance)
            return Normal(columns, centre + spread * mean, covariance * np.outer(spread, spread), iteration)
    raise NormalError(
        f"EM still moves by {change:.2g} after {max_iterations} steps (tolerance {tolerance:g}); "
        "allow more steps, a greater tolerance, or a ridge"
    )


def _varies(table: Floats) -> NDArray[np.bool_]:
    """Columns with two different values or more."""
    highest = np.max(table, axis=0, where=~np.isnan(table), initial=-np.inf)
    lowest = np.min(table, axis=0, where=~np.isnan(table), initial=np.inf)
    return np.asarray(highest > lowest)


def precision(covariance: Floats) -> Floats:
    """Inverse of a covariance matrix, or a refusal where it is singular.

    Args:
        covariance: Shape (k, k).

    Returns:
        Its inverse, symmetric to the last bit.

    Raises:
        NormalError: If it is not positive definite, as far as numbers can tell.
    """
    try:
        pivots = np.diag(np.linalg.cholesky(covariance)) ** 2
    except np.linalg.LinAlgError:
        pivots = np.zeros(1)
    if pivots.min() < SMALLEST_PIVOT:
        raise NormalError(
            "the covariance is singular: columns depend on each other, or there are too few rows for them; "
            "use fewer indicators, or a ridge such as 0.05"
        )
    inverse = np.linalg.inv(covariance)
    return np.asarray((inverse + inverse.T) / 2.0)


def _expectation(
    known: Floats, there: NDArray[np.bool_], mean: Floats, inverse: Floats, compiled: bool
) -> tuple[Floats, Floats]:
    """Sums over the completed rows: of their distances from the mean, shape (k,), and of the products of these with
    the conditional covariances, shape (k, k)."""
    step = _compiled_part() if compiled else _part
    cuts = [slice(start, min(start + PART, known.shape[0])) for start in range(0, known.shape[0], PART)]

    def run(rows: slice) -> tuple[Floats, Floats]:
        centred, spare = step(known[rows], there[rows], mean, inverse)
        return centred.sum(axis=0), centred.T @ centred + spare

    workers = min(len(cuts), os.cpu_count() or 1) if compiled else 1
    total, products = np.zeros(mean.shape), np.zeros(inverse.shape)
    with ThreadPoolExecutor(workers) as pool:
        for of_rows, of_pairs in map(run, cuts) if workers == 1 else pool.map(run, cuts):
            total += of_rows
            products += of_pairs
    return total, products


def _part(known: Floats, there: NDArray[np.bool_], mean: Floats, inverse: Floats) -> tuple[Floats, Floats]:
    """The E step of a part, in NumPy: rows with equally many holes together; completed rows less the mean."""
    centred = np.where(there, known - mean, 0.0)
    spare = np.zeros(inverse.size)
    for rows, holes, blocks, shift in conditionals(known, there, mean, inverse):
        centred[rows[:, None], holes] = shift
        flat = holes[:, :, None] * inverse.shape[0] + holes[:, None, :]
        spare += np.bincount(flat.ravel(), weights=blocks.ravel(), minlength=spare.size)
    return centred, spare.reshape(inverse.shape)


def conditionals(
    known: Floats, there: NDArray[np.bool_], mean: Floats, inverse: Floats
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]]:
    """Distribution of each row's missing part given its observed part, rows with equally many holes together.

    Args:
        known: Shape (n_rows, k); the number where it is missing does not matter.
        there: Which cells are observed, shape (n_rows, k).
        mean: Shape (k,).
        inverse: Inverse of the covariance, shape (k, k).

    Yields:
        Rows, shape (r,); their missing columns, shape (r, m); the conditional covariances, shape (r, m, m); and
        the conditional means less ``mean``, shape (r, m).
    """
    rest = np.where(there, known - mean, 0.0)
    push = -(rest @ inverse)
    count = (~there).sum(axis=1)
    for holes_in_row in np.unique(count[count > 0]).tolist():
        rows = np.flatnonzero(count == holes_in_row)
        holes: NDArray[np.int64] = np.nonzero(~there[rows])[1].reshape(rows.size, holes_in_row).astype(np.int64)
        blocks = np.linalg.inv(inverse[holes[:, :, None], holes[:, None, :]])
        shift = np.einsum("rij,rj->ri", blocks, push[rows[:, None], holes])
        yield rows.astype(np.int64), holes, np.asarray(blocks, dtype=np.float64), shift


@cache
def _compiled_part() -> Callable[[Floats, NDArray[np.bool_], Floats, Floats], tuple[Floats, Floats]]:
    """The E step of a part, compiled: some rows' missing blocks are inverted side by side."""
    import numba

    from ssc_index.compiled_normal import LANES, complete_part

    compiled: Any = numba.njit(nogil=True, cache=True)(complete_part)

    def part(known: Floats, there: NDArray[np.bool_], mean: Floats, inverse: Floats) -> tuple[Floats, Floats]:
        centred, spare = np.where(there, known - mean, 0.0), np.zeros(inverse.shape)
        compiled(there, -(centred @ inverse), inverse, centred, spare, LANES)
        return centred, spare

    return part


def conditional_means(table: Floats, normal: Normal) -> tuple[Floats, Floats]:
    """Fill missing cells by their mean given the row's other cells.

    A column outside the normal that has a value (the same in every row) is filled by that value; a column without
    any stays missing, and so does a row without any value.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        normal: The distribution of its rows.

    Returns:
        The filled table, and the standard deviation of each filled cell given the row's other cells (NaN elsewhere;
        the uncertainty of mean and covariance themselves is not in it).
    """
    return _completed(table, normal, None)


def _completed(table: Floats, normal: Normal, noise: Floats | None) -> tuple[Floats, Floats]:
    """Fill by the conditional mean, plus noise of the conditional covariance where noise is given."""
    filled = np.array(table, order="F")
    error = np.full(table.shape, np.nan, order="F")
    missing = np.isnan(table)
    some = np.flatnonzero(~missing.all(axis=1))
    constant: NDArray[np.bool_] = np.asarray(~missing.all(axis=0))
    constant[normal.columns] = False
    for column in np.flatnonzero(constant).tolist():
        empty = some[missing[some, column]]
        filled[empty, column] = np.nanmax(table[:, column])
        error[empty, column] = 0.0
    block = table[:, normal.columns]
    rows = np.flatnonzero(~np.isnan(block).all(axis=1))
    if not rows.size or not normal.columns.size:
        return filled, error
    spread = np.sqrt(np.diag(normal.covariance))
    inverse = precision(normal.covariance / np.outer(spread, spread))
    scaled = np.ascontiguousarray((block[rows] - normal.mean) / spread)
    there = ~np.isnan(scaled)
    for start in range(0, rows.size, PART):
        part = slice(start, start + PART)
        nothing = np.zeros(normal.columns.size)
        for within, holes, blocks, shift in conditionals(scaled[part], there[part], nothing, inverse):
            row = rows[part][within][:, None]
            if noise is not None:
                shift = shift + np.einsum("rij,rj->ri", np.linalg.cholesky(blocks), noise[row, holes])
            place = row, normal.columns[holes]
            filled[place] = normal.mean[holes] + spread[holes] * shift
            error[place] = spread[holes] * np.sqrt(np.diagonal(blocks, axis1=1, axis2=2))
    return filled, error


def draw(
    table: Floats,
    seed: int,
    number: int,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
    ridge: float = 0.0,
    resample: bool = True,
    stream: int = 0,
) -> Floats:
    """Fill missing cells by one random draw from their distribution given the observed cells.

    The generator is keyed by (seed, number, stream): a draw is the same alone, among others, in any order. With
    ``resample`` the normal is fitted to rows drawn with replacement, so that draws differ by the uncertainty of mean
    and covariance too (bootstrapped EM).

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        seed: Seed of all draws, 0 or more.
        number: Number of the draw, from 0.
        tolerance: As in `fit_normal`.
        max_iterations: As in `fit_normal`.
        ridge: As in `fit_normal`.
        resample: Whether the normal is fitted to resampled rows; False fits it to the table itself.
        stream: Tells tables of the same seed apart, for example by their year, 0 or more.

    Returns:
        The filled table; observed cells as they were.

    Raises:
        NormalError: As in `fit_normal`.

    Source: Rubin (1987), multiple imputation; Honaker and King (2010), EM with bootstrapping.
    """
    counter = np.array([0, 0, 0, stream], dtype=np.uint64)
    random = np.random.Generator(np.random.Philox(key=np.array([seed, number], dtype=np.uint64), counter=counter))
    sample = _resampled(table, random) if resample else table
    normal = fit_normal(sample, tolerance, max_iterations, ridge)
    noise = random.standard_normal((table.shape[0], normal.columns.size))
    return _completed(table, normal, noise)[0]


def _resampled(table: Floats, random: np.random.Generator) -> Floats:
    """Rows drawn with replacement, again until every column that varies still does."""
    rows = np.flatnonzero(~np.isnan(table).all(axis=1))
    varies = _varies(table)
    for _ in range(RESAMPLES):
        sample = table[np.sort(rows[random.integers(rows.size, size=rows.size)])] if rows.size else table
        if np.array_equal(_varies(sample), varies):
            return sample
    raise NormalError(
        f"in {RESAMPLES} resamples of the rows some indicator was always missing or constant; it has too few values "
        "for draws with resampling"
    )


def draws(
    table: Floats,
    count: int,
    seed: int,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
    ridge: float = 0.0,
    resample: bool = True,
) -> Iterator[Floats]:
    """Multiple imputation: tables that differ in their filled cells only, one after the other.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        count: How many.
        seed: Seed of all draws.
        tolerance: As in `fit_normal`.
        max_iterations: As in `fit_normal`.
        ridge: As in `fit_normal`.
        resample: As in `draw`.

    Yields:
        ``draw(table, seed, number, …)`` for number 0, 1, … count − 1.
    """
    for number in range(count):
        yield draw(table, seed, number, tolerance, max_iterations, ridge, resample)
