"""Step *aggregate*: benefit of the doubt. Each row is weighed by the weights that suit it best.

What belongs here: the linear programmes and their restrictions on weights. What does not: the solver (HiGHS, as SciPy
brings it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssc_index.aggregate import taking_part
from ssc_index.values import Floats

TOLERANCE = 1e-9  # by which a weighted sum may pass 1, and by which a score may differ from its proof
MOST_ROUNDS = 200
STEEP = 30  # rows that the first programme starts with


class DoubtError(ValueError):
    """Restrictions that leave a row no weights; the message says which row."""

    def __init__(self, rows: Sequence[int]) -> None:
        """Keep the rows."""
        super().__init__(f"restrictions leave rows {list(rows)} no weights")
        self.rows = tuple(rows)


@dataclass(frozen=True)
class Ratio:
    """Bounds on one child's weight as a multiple of another's: ``least ≤ w_first / w_second ≤ most``."""

    first: int
    second: int
    least: float
    most: float


def benefit_of_doubt(
    parts: Sequence[Floats],
    weights: Sequence[float],
    shares: Mapping[int, tuple[float, float]] | None = None,
    ratios: Sequence[Ratio] = (),
    min_coverage: float = 0.0,
) -> tuple[Floats, Floats]:
    """Score each row of a cohort by the weights that are best for it.

    ``max Σ w_k x_ik`` subject to ``Σ w_k x_jk ≤ 1`` for every row j of the cohort and ``w ≥ 0``. A row on the frontier
    scores 1. A missing cell is 0 both where a row is scored and where it is a peer, so that it neither helps nor binds.

    Rows are taken in the order of their scores, so that the result depends neither on their order nor on their names.
    Programmes hold only the peers that have bound so far; the others are checked and brought in where they are passed.
    In the end weights are scaled so that the best peer has exactly 1.

    Args:
        parts: Scores of each child, shape (n_rows,) each, never negative; NaN is missing.
        weights: Weight of each child; a child of weight 0 is left out, otherwise weights do not count.
        shares: Least and greatest share ``w_k x_ik / Σ w x_i`` of a child in a row's own score, by child.
        ratios: Bounds on ratios of weights.
        min_coverage: Least share of the children that must be present; a row below it is no peer.

    Returns:
        Scores between 0 and 1, shape (n_rows,), and the weights of each row, shape (n_rows, n_children), 0 where they
        do not matter; NaN where too few children are present.

    Raises:
        DoubtError: If shares leave a row no weights.

    Source: Melyn and Moesen (1991); Cherchye, Moesen, Rogge and Van Puyenbroeck (2007), Social Indicators Research 82
    (shares); Thompson, Langemeier, Lee, Lee and Thrall (1990) (ratios); Kuosmanen (2009), Journal of the Operational
    Research Society 60 (missing cells).

    >>> benefit_of_doubt([np.array([1.0, 2.0, 1.0]), np.array([2.0, 1.0, 1.0])], [1.0, 1.0])[0].round(12)
    array([1.        , 1.        , 0.66666667])
    """
    rows = _in_order(parts, np.flatnonzero(taking_part(parts, weights, min_coverage)))
    counted = [column for column, weight in enumerate(weights) if weight > 0]
    scores, chosen = np.full(parts[0].size, np.nan), np.full((parts[0].size, len(parts)), np.nan)
    if rows.size == 0:
        return scores, chosen
    table = np.column_stack([parts[column][rows] for column in counted])
    there = ~np.isnan(table)
    table = np.where(there, table, 0.0)
    largest = table.max(axis=0)
    table /= np.where(largest > 0, largest, 1.0)
    place = {column: number for number, column in enumerate(counted)}
    own_shares = {place[child]: bounds for child, bounds in (shares or {}).items() if child in place}
    own_ratios = [
        # weights of the scaled table are w · largest
        Ratio(place[one.first], place[one.second], one.least * scale, one.most * scale)
        for one in ratios
        if one.first in place
        and one.second in place
        and largest[place[one.first]] > 0
        and largest[place[one.second]] > 0
        for scale in (largest[place[one.first]] / largest[place[one.second]],)
    ]
    found = np.zeros(table.shape)
    solver = _Solver(table, own_ratios)
    stuck = []
    for row in range(len(rows)):
        rules = _share_rules(table[row], there[row], own_shares)
        weight = solver.best(table[row], rules)
        if weight is None:
            stuck.append(int(rows[row]))
            continue
        found[row] = weight
    if stuck:
        raise DoubtError(sorted(stuck))
    result = np.einsum("ij,ij->i", found, table)
    scores[rows] = np.where(result > 1.0 - TOLERANCE, 1.0, np.maximum(result, 0.0))
    chosen[rows] = 0.0
    chosen[np.ix_(rows, np.array(counted))] = found / np.where(largest > 0, largest, 1.0)
    return scores, chosen


def _in_order(parts: Sequence[Floats], rows: np.ndarray) -> np.ndarray:
    """Rows in the order of their scores."""
    ordered: np.ndarray = rows[np.lexsort([part[rows] for part in reversed(parts)])]
    return ordered


def _share_rules(own: Floats, there: np.ndarray, shares: Mapping[int, tuple[float, float]]) -> Floats:
    """Rows ``a`` with ``a · w ≤ 0`` that hold the shares of a row's children in its score."""
    rules = []
    for child, (least, most) in shares.items():
        if not there[child]:
            continue
        single = np.zeros(own.size)
        single[child] = own[child]
        if least > 0:
            rules.append(least * own - single)
        if most < 1:
            rules.append(single - most * own)
    return np.array(rules).reshape(len(rules), own.size)


class _Solver:
    """Programmes over one cohort: the peers that have bound so far, and HiGHS kept warm between rows."""

    def __init__(self, table: Floats, ratios: Sequence[Ratio]) -> None:
        """Start with the peers that are best at something."""
        self.table = table
        self.fixed = np.zeros((2 * len(ratios), table.shape[1]))
        for number, one in enumerate(ratios):
            self.fixed[2 * number, [one.first, one.second]] = -1.0, one.least
            if np.isfinite(one.most):
                self.fixed[2 * number + 1, [one.first, one.second]] = 1.0, -one.most
        first = {int(row) for row in np.argmax(table, axis=0)} | {
            int(row) for row in np.argsort(-table.sum(axis=1), kind="stable")[:STEEP]
        }
        self.peers = sorted(first)
        self.known = set(self.peers)
        self.warm = _warm(table.shape[1])
        if self.warm is not None:
            self.warm.start(self.table[self.peers], self.fixed)

    def best(self, own: Floats, rules: Floats) -> Floats | None:
        """Weights that are best for a row, scaled so that the best peer has 1; None if rules leave it none."""
        for _ in range(MOST_ROUNDS):
            if self.warm is None or rules.size:
                weight = _cold(own, self.table[self.peers], np.vstack([self.fixed, rules]))
            else:
                weight = self.warm.solve(own)
            sums = self.table @ weight
            passed = np.flatnonzero(sums > 1.0 + TOLERANCE)
            passed = passed[np.argsort(-sums[passed], kind="stable")][:STEEP]
            new = [int(row) for row in passed if int(row) not in self.known]
            if not new:
                top = sums.max()
                if own @ weight <= 0 < own.max() and rules.size:
                    return None
                return weight / top if top > 0 else weight
            self.peers += new
            self.known |= set(new)
            if self.warm is not None:
                self.warm.add(self.table[new])
        raise ArithmeticError("benefit of the doubt: the programme does not settle")


def _cold(own: Floats, peers: Floats, rules: Floats) -> Floats:
    """One programme from scratch."""
    from scipy.optimize import linprog

    matrix = np.vstack([peers, rules])
    bounds = np.concatenate([np.ones(len(peers)), np.zeros(len(rules))])
    done = linprog(-own, A_ub=matrix, b_ub=bounds, bounds=[(0.0, 0.0 if bad else None) for bad in _unbounded(peers)])
    if not done.success:
        raise ArithmeticError(f"benefit of the doubt: {done.message}")
    weight: Floats = np.maximum(done.x, 0.0)
    return weight


def _unbounded(peers: Floats) -> list[bool]:
    """Children that are 0 for every peer: their weight does nothing and has no bound."""
    nothing: list[bool] = (peers.max(axis=0) <= 0).tolist()
    return nothing


class _Warm:
    """HiGHS with its basis kept: only the row that is scored, and peers brought in, change between programmes."""

    def __init__(self, core: object, columns: int) -> None:
        """Hold the solver."""
        self.core, self.columns = core, columns
        self.index = np.arange(columns, dtype=np.int32)

    def start(self, peers: Floats, rules: Floats) -> None:
        """Set the first programme up."""
        core = self.core
        self.highs = highs = core._Highs()  # type: ignore[attr-defined]  # SciPy ships HiGHS without stubs
        for name, value in (
            ("output_flag", False),
            ("presolve", "off"),
            ("threads", 1),
            ("simplex_strategy", 4),  # primal: a new objective leaves the last weights allowed
            ("primal_feasibility_tolerance", 1e-10),
            ("dual_feasibility_tolerance", 1e-10),
        ):
            highs.setOptionValue(name, value)
        nothing = np.array([], dtype=np.int32)
        for bad in _unbounded(peers):
            highs.addCol(0.0, 0.0, 0.0 if bad else np.inf, 0, nothing, np.array([], dtype=np.float64))
        self.add(peers)
        self._rows(rules, 0.0)

    def add(self, peers: Floats) -> None:
        """Bring peers in."""
        self._rows(peers, 1.0)

    def _rows(self, rows: Floats, most: float) -> None:
        for row in rows:
            self.highs.addRow(-np.inf, most, self.columns, self.index, row)

    def solve(self, own: Floats) -> Floats:
        """Weights that are best for a row."""
        self.highs.changeColsCost(self.columns, self.index, -own)
        self.highs.run()
        if self.highs.getModelStatus() != self.core.HighsModelStatus.kOptimal:  # type: ignore[attr-defined]  # SciPy ships HiGHS without stubs
            status = self.highs.modelStatusToString(self.highs.getModelStatus())
            raise ArithmeticError(f"benefit of the doubt: the solver ends with {status!r}")
        weight: Floats = np.maximum(np.asarray(self.highs.getSolution().col_value), 0.0)
        return weight


def _warm(columns: int) -> _Warm | None:
    """HiGHS as SciPy carries it; None where this SciPy carries it elsewhere, and every programme starts cold."""
    try:
        from scipy.optimize._highspy import _core
    except ImportError:
        return None
    if not all(hasattr(_core, name) for name in ("_Highs", "HighsModelStatus")):
        return None
    return _Warm(_core, columns)
