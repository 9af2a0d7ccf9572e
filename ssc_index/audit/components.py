"""Principal components of a group of columns.

What belongs here: the components and what they explain. What does not: weights made of them (a weighting step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ssc_index.errors import ComputationError
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of, rows_of, scores_of, year_column
from ssc_index.statistics import is_constant
from ssc_index.values import Floats

NO_LOADING = 1e-9


@dataclass(frozen=True)
class Components:
    """Principal components of standardised columns, the largest first.

    Attributes:
        codes: One per column.
        n: Complete rows.
        eigenvalues: Of the correlation matrix, shape (k,); they sum to k.
        vectors: Loadings of unit length, a component per column, shape (k, k). A component's sign is such that
            its loadings sum to more than 0, or, where they sum to 0, that the first that is not 0 is above.
    """

    codes: tuple[str, ...]
    n: int
    eigenvalues: Floats
    vectors: Floats

    @property
    def explained(self) -> Floats:
        """Share of the variance that each component has."""
        shares: Floats = self.eigenvalues / self.eigenvalues.sum()
        return shares

    @property
    def correlations(self) -> Floats:
        """Correlation of each column with each component, ``vector √eigenvalue``, shape (k, k)."""
        return self.vectors * np.sqrt(self.eigenvalues)

    @property
    def n_above_one(self) -> int:
        """Components with an eigenvalue above 1 (Kaiser's rule)."""
        return int((self.eigenvalues > 1.0 + 1e-9).sum())


def principal_components(table: Floats, codes: Sequence[str]) -> Components:
    """Principal components of columns at mean 0 and standard deviation 1, from their correlation matrix.

    Args:
        table: Shape (n_rows, k); rows with a NaN are left out.
        codes: One per column.

    Returns:
        The components. Where there are fewer rows than columns, the last eigenvalues are 0.

    Raises:
        ComputationError: If fewer than three rows are complete, or a column is constant over them.

    Source: OECD/JRC Handbook (2008), step 4; Jolliffe (2002), Principal Component Analysis.

    >>> found = principal_components(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), ["a", "b"])
    >>> found.eigenvalues.round(12).tolist()
    [2.0, 0.0]
    """
    missing = np.isnan(table).any(axis=1)
    complete = table[~missing] if missing.any() else table
    n = complete.shape[0]
    faults = [] if n >= 3 else [f"{n} complete rows; at least 3 are needed"]
    if not faults:
        faults = [f"{code} is constant" for column, code in enumerate(codes) if is_constant(complete[:, column])]
    if faults:
        raise ComputationError("principal components", faults)
    centred = complete - complete.mean(axis=0)
    covariances = centred.T @ centred / (n - 1)
    spread = np.sqrt(np.diag(covariances))
    eigenvalues, vectors = np.linalg.eigh(covariances / np.outer(spread, spread))
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1]
    return Components(tuple(codes), n, eigenvalues, vectors * _signs(vectors))


def _signs(vectors: Floats) -> Floats:
    """Sign of each component, shape (k,), that no rounding decides."""
    sums, first = vectors.sum(axis=0), (np.abs(vectors) > NO_LOADING).argmax(axis=0)
    telling = np.where(np.abs(sums) > NO_LOADING, sums, vectors[first, np.arange(vectors.shape[1])])
    return np.where(telling < 0, -1.0, 1.0)


def component_frames(result: IndexResult, year: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Components of the scores of each node's children, and of the indicators beneath it where they are others.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.

    Returns:
        ``year, node, of, component, eigenvalue, explained, cumulative, reason`` (a node without components
        has one row, with the reason), and ``year, node, of, code, component, loading, correlation``.
    """
    framework, rows = result.framework, rows_of(result, year)
    wholes: list[tuple[object, ...]] = []
    loadings: list[tuple[object, ...]] = []
    for node in framework.nodes:
        if len(framework.children.get(node.code, ())) == 0 or len(framework.leaves_under[node.code]) < 2:
            continue
        children = tuple(child.code for child in framework.children[node.code])
        groups = [("children", children), ("indicators", framework.leaves_under[node.code])]
        for kind, codes in groups:
            if len(codes) < 2 or (kind == "indicators" and codes == children):
                continue
            table = scores_of(result, rows, codes)
            try:
                found = principal_components(table, codes)
            except ComputationError as error:
                wholes.append((node.code, kind, None, None, None, None, "; ".join(error.faults)))
                continue
            cumulative = np.cumsum(found.explained)
            wholes += [
                (node.code, kind, i + 1, *(float(x[i]) for x in (found.eigenvalues, found.explained, cumulative)), None)
                for i in range(len(codes))
            ]
            loadings += [
                (node.code, kind, code, i + 1, float(found.vectors[j, i]), float(found.correlations[j, i]))
                for i in range(len(codes))
                for j, code in enumerate(codes)
            ]
    return (
        year_column(
            frame_of(
                wholes, node=str, of=str, component=int, eigenvalue=float, explained=float, cumulative=float, reason=str
            ),
            result,
            year,
        ),
        year_column(
            frame_of(loadings, node=str, of=str, code=str, component=int, loading=float, correlation=float),
            result,
            year,
        ),
    )
