"""What a change of a score is made of: the contribution of every node beneath, parts that sum to the whole.

What belongs here: the decomposition of the change between two years or two results. What does not: growth over
more than two points (`trends.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from ssc_index import elementary
from ssc_index.audit.structure import Rule, aggregation_rules
from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, rows_of, scores_in
from ssc_index.steps.state import Bools, Ints
from ssc_index.values import Floats

MOST_CHILDREN = 16
MOST_MEANS = 1 << 18  # that are computed at a time
ROUNDING = 1e-9
NOT_ALONE = "its score is not the mean of its children alone (rounded, filled, or held at a bound)"
NO_FORMULA = "its formula has no value between the two years, or lacks a child in one of them; or its score is rounded"
NO_RULE = "no step aggregates it by weights that all units share"


@dataclass(frozen=True)
class _Curve:
    """A function f for which the mean is ``f⁻¹(Σ w f(x) / Σ w)``, and its derivative."""

    f: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


CURVES: dict[str, _Curve] = {
    "geometric": _Curve(elementary.ln, lambda x: 1.0 / x),
    "harmonic": _Curve(lambda x: 1.0 / x, lambda x: -1.0 / (x * x)),
}


def change_contributions(
    before: IndexResult, after: IndexResult, year_before: int | None = None, year_after: int | None = None
) -> pl.DataFrame:
    """Decompose the change of each unit's index into contributions of all nodes.

    At a node whose mean is ``f(S) = Σ w f(s) / Σ w`` a child contributes ``w Δf(s) / Σ w · ΔS / Δf(S)``
    (``ΔS / Δf(S)`` → ``1 / f′(S)`` where S does not change). For the arithmetic mean that is ``w Δs``; for the
    geometric mean it is the logarithmic-mean weight of LMDI; both are exact, and equal whichever year comes first
    up to the sign. Where f has no value (a geometric mean with a 0), for other means and for formulas, children
    contribute their Shapley values; rules that look at other units are not divided. Contributions pass down the tree as
    shares of the node's own, and hold for a node whose score does not change while its parts do.

    A child that is missing in one year counts there with the score that its absence implies, its parent's; one
    missing in both years contributes nothing. What a node's change does not owe to its children (rounding, a
    filled score, a rule that is no mean of them, other weights) is its ``own``.

    Args:
        before: A result.
        after: Another, or the same in another year, with the same framework and the same weights and means.
        year_before: Year in the first; None if it knows at most one.
        year_after: Year in the second; None if it knows at most one.

    Returns:
        One row per unit with an index in both, and node: ``unit, node, parent, level, score_before,
        score_after`` (null where missing), ``change, contribution`` (to the change of the index), ``own``,
        ``reason`` (why a node's own part is what it is). ``contribution`` = ``own`` + the contributions of the
        children, and that of the root is the change of the index, to rounding. Sorted by unit and the order of
        the framework.

    Raises:
        ValuesError: If the frameworks have other nodes or parents, or a year is not there.

    Source: Ang (2015), Energy Policy 86, 233-238 (LMDI-I); Shapley (1953); Shorrocks (2013), J. Econ. Inequality 11.
    """
    if [(n.code, n.parent) for n in before.framework.nodes] != [(n.code, n.parent) for n in after.framework.nodes]:
        raise ValuesError("contributions", ["the two results have other nodes or another tree"])
    root = before.nodes.index(before.framework.root.code)
    places = [
        {result.units[row]: row for row in rows_of(result, year).tolist() if not np.isnan(result.scores[row, root])}
        for result, year in ((before, year_before), (after, year_after))
    ]
    units = sorted(set(places[0]) & set(places[1]))
    first = before.scores[[places[0][unit] for unit in units]]
    last = after.scores[[places[1][unit] for unit in units]]
    rules = [aggregation_rules(scores_in(*side)) for side in ((before, year_before), (after, year_after))]
    tree = _Tree(before.framework, rules, first, last)
    tree.walk(root)
    return tree.frame(units)


def contributions_between(before: Scores, after: Scores) -> tuple[Floats, Floats]:
    """Contributions of all nodes to the change of the index, row by row; as `change_contributions`.

    Args:
        before: Scores of some rows, by a framework and method.
        after: Scores of the same rows, by the same framework and method.

    Returns:
        ``contribution`` and ``own``, shape (n_rows, n_nodes) each; NaN in rows without an index in both.
    """
    rules = [aggregation_rules(one) for one in (before, after)]
    tree = _Tree(before.framework, rules, before.table, after.table)
    root = [node.code for node in before.framework.nodes].index(before.framework.root.code)
    tree.walk(root)
    unknown = np.isnan(before.table[:, root] + after.table[:, root])
    tree.contribution[unknown] = tree.own[unknown] = np.nan
    return tree.contribution, tree.own


class _Tree:
    """The walk down the tree, node by node, for all units at once."""

    def __init__(self, framework: Framework, rules: list[dict[str, Rule]], first: Floats, last: Floats) -> None:
        self.framework = framework
        self.rules = rules
        self.column = {node.code: i for i, node in enumerate(framework.nodes)}
        # Node by node: what is needed of a node lies side by side.
        self.first, self.last = np.asfortranarray(first), np.asfortranarray(last)
        self.whole_first, self.whole_last = self.first.copy("F"), self.last.copy("F")  # with what an absence implies
        self.contribution = np.zeros(first.shape, order="F")
        self.own = np.zeros(first.shape, order="F")
        self.factor = np.zeros(first.shape, order="F")  # contribution per point of the node's own change
        self.reasons: dict[str, str] = {}

    def walk(self, root: int) -> None:
        """Fill in contributions from the root down."""
        self.contribution[:, root] = self.last[:, root] - self.first[:, root]
        self.factor[:, root] = 1.0
        for node in self.framework.nodes:
            if node.code in self.framework.children:
                self._split(node.code)
            else:
                self.own[:, self.column[node.code]] = self.contribution[:, self.column[node.code]]

    def _split(self, code: str) -> None:
        """Divide a node's contribution among its children."""
        at, parts = self.column[code], [self.column[child.code] for child in self.framework.children[code]]
        s0, s1 = self.whole_first[:, at], self.whole_last[:, at]
        here = [~np.isnan(table[:, parts]) & ~np.isnan(table[:, [at]]) for table in (self.first, self.last)]
        counted = here[0] | here[1]
        x0 = np.where(here[0], self.first[:, parts], s0[:, None])
        x1 = np.where(here[1], self.last[:, parts], s1[:, None])
        self.whole_first[:, parts], self.whole_last[:, parts] = x0, x1
        old, new = (rules.get(code) for rules in self.rules)
        if old is None or old != new:
            if old and new and (old.how, old.floor, old.kept) == (new.how, new.floor, new.kept):
                said = "its children's weights differ between the two"
            else:
                said = "its rule differs between the two" if old or new else NO_RULE
            self._all_own(code, said)
            return
        if old.floor is not None:
            (
                x0,
                x1,
            ) = np.maximum(x0, old.floor), np.maximum(x1, old.floor)
        weights = np.where(counted, np.asarray(old.weights), 0.0)
        weights[weights.sum(axis=1) == 0] = 1.0  # missing in both years: it contributes nothing, and so do they
        if old.mean == "formula":  # which needs all of its children, and asks for no weights
            kept = np.array(old.kept)
            whole = np.asarray((here[0] & here[1] | ~kept).all(axis=1))
            weights = np.where(whole[:, None], kept.astype(np.float64), 0.0)
        found = _shares(old, weights, x0, x1, s0, s1)
        if found is None:
            self._all_own(code, f"no division is known for '{old.mean}' over {len(parts)} children")
            return
        share, per_point = found
        factor = self.factor[:, [at]]
        self.contribution[:, parts] = np.where(counted, factor * share, 0.0)
        self.factor[:, parts] = np.where(counted, factor * per_point, 0.0)
        own = self.contribution[:, at] - self.contribution[:, parts].sum(axis=1)
        size = np.maximum(np.abs(s0), np.abs(s1)) * np.abs(self.factor[:, at])
        self.own[:, at] = np.where(np.abs(own) <= ROUNDING * np.maximum(size, 1e-300), 0.0, own)
        if self.own[:, at].any():
            self.reasons[code] = NOT_ALONE if old.mean != "formula" else NO_FORMULA

    def _all_own(self, code: str, reason: str) -> None:
        """Keep a node's contribution with itself."""
        self.own[:, self.column[code]] = self.contribution[:, self.column[code]]
        self.reasons[code] = f"not divided among its children: {reason}"

    def frame(self, units: list[str]) -> pl.DataFrame:
        """The rows of the result."""
        nodes, shape = self.framework.nodes, self.first.shape
        names = {
            "node": [node.code for node in nodes],
            "parent": [node.parent for node in nodes],
            "level": [node.level for node in nodes],
        }
        figures = {
            "score_before": self.first,
            "score_after": self.last,
            "change": self.last - self.first,
            "contribution": self.contribution,
            "own": self.own,
        }
        rows, columns = np.nonzero(self.own)
        told = np.full(shape, None, dtype=object)
        told[rows, columns] = [self.reasons.get(nodes[column].code) for column in columns.tolist()]
        return pl.DataFrame(
            [
                pl.Series("unit", np.repeat(np.array(units, dtype=object), shape[1]), dtype=pl.String),
                *(pl.Series(name, column * shape[0], dtype=pl.String) for name, column in names.items()),
                *(pl.Series(name, np.ravel(array), nan_to_null=True) for name, array in figures.items()),
                pl.Series("reason", told.ravel().tolist(), dtype=pl.String),
            ]
        )


def _shares(
    rule: Rule, weights: Floats, x0: Floats, x1: Floats, s0: Floats, s1: Floats
) -> tuple[Floats, Floats] | None:
    """Contribution of each child to a node's change, and what it is per point of the child's change.

    Args:
        rule: How the node is made of its children.
        weights: Shape (n, k); 0 for children that do not count.
        x0: Children before, shape (n, k), no gaps.
        x1: Children after.
        s0: The node before, shape (n,).
        s1: The node after.

    Returns:
        Two arrays of shape (n, k), 0 in rows without a division; None where there are too many children for Shapley
        values, or where the rule looks at other units.
    """
    if rule.mean == "arithmetic":  # f(x) = x: a point is a point
        per_point = weights / weights.sum(axis=1, keepdims=True)
        return per_point * (x1 - x0), per_point
    share, per_point = np.zeros(x0.shape), np.zeros(x0.shape)
    curve = CURVES.get(rule.mean)
    fits = np.zeros(s0.shape, dtype=bool)
    if curve is not None:
        fits = ((x0 > 0) & (x1 > 0)).all(axis=1) & (s0 > 0) & (s1 > 0)
        w = weights[fits] / weights[fits].sum(axis=1, keepdims=True)
        level = 1.0 / _ratio(curve, s0[fits], s1[fits])[:, None]
        per_point[fits] = w * _ratio(curve, x0[fits], x1[fits]) * level
        share[fits] = per_point[fits] * (x1[fits] - x0[fits])
    for rows, counted in _alike(weights > 0, ~fits):
        if counted.size > MOST_CHILDREN or rule.how is None or rule.how.cohort:
            return None
        own = weights[rows[0], counted].tolist()
        combine = partial(rule.how.combine, weights=own, least=0.0)
        for start in range(0, rows.size, most := max(MOST_MEANS >> counted.size, 1)):
            at = np.ix_(rows[start : start + most], counted)
            with np.errstate(divide="ignore", invalid="ignore"):  # a formula without a value: no division
                values = shapley_values(combine, x0[at], x1[at])
            values[~np.isfinite(values).all(axis=1)] = 0.0
            share[at] = values
            change = x1[at] - x0[at]
            per_point[at] = np.divide(values, change, out=np.zeros(values.shape), where=change != 0)
    return share, per_point


def _alike(counted: Bools, among: Bools) -> list[tuple[Ints, Ints]]:
    """Rows in which the same children count, with these children; none for rows in which no child does."""
    patterns, place = np.unique(counted[among], axis=0, return_inverse=True)
    rows = np.flatnonzero(among)
    found = [(rows[place.ravel() == number], np.flatnonzero(pattern)) for number, pattern in enumerate(patterns)]
    return [(one, children) for one, children in found if children.size]


def _ratio(curve: _Curve, a: Floats, b: Floats) -> Floats:
    """``(f(b) − f(a)) / (b − a)``, and ``f′`` at the middle where the two are as good as equal."""
    middle = (a + b) / 2
    near = np.abs(b - a) <= 1e-5 * np.abs(middle)
    apart = np.where(near, 1.0, b - a)
    return np.where(near, curve.slope(np.where(near & (middle == 0), 1.0, middle)), (curve.f(b) - curve.f(a)) / apart)


def shapley_values(combine: Callable[[list[Floats]], Floats], before: Floats, after: Floats) -> Floats:
    """Average, over all orders in which parts change, of what each change does to the whole.

    Args:
        combine: The whole of each row from its parts, shape (n,) each.
        before: Shape (n, k), none missing.
        after: Shape (n, k), none missing.

    Returns:
        Shape (n, k); a row sums to the change of its whole. n · 2ᵏ wholes are computed.

    Source: Shapley (1953), A value for n-person games.

    >>> shapley_values(lambda parts: parts[0] * parts[1], np.array([[0.0, 4.0]]), np.array([[4.0, 9.0]])).tolist()
    [[26.0, 10.0]]
    """
    n, k = before.shape
    subsets = np.arange(2**k)
    changed = (subsets[:, None] >> np.arange(k)) & 1
    table = np.where(changed == 1, after[:, None, :], before[:, None, :]).reshape(-1, k)
    wholes = combine([table[:, i] for i in range(k)]).reshape(n, subsets.size)
    sizes = changed.sum(axis=1)
    coefficient = _order_shares(k)
    values = np.zeros((n, k))
    for i in range(k):
        without = subsets[changed[:, i] == 0]
        gain = wholes[:, without | (1 << i)] - wholes[:, without]
        values[:, i] = (coefficient[sizes[without]] * gain).sum(axis=1)
    return values


def _order_shares(k: int) -> Floats:
    """``s! (k − s − 1)! / k!`` for s = 0 … k − 1."""
    shares = np.empty(k)
    shares[0] = 1.0 / k
    for s in range(1, k):
        shares[s] = shares[s - 1] * s / (k - s)
    return shares
