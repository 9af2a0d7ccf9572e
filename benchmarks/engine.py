"""The steps of the engine on 10,000 units × 91 indicators: ``python -m benchmarks.engine [part of a name …]``.

Each line runs our step, then what a user would write with scipy, scikit-learn or pandas, in one process, so that the
ratio means something on any machine. Seconds are those of the clock and those of the processors, which a busy machine
does not change as much; the usual way and the ratio are told in the latter. A case is a function that returns a `Case`;
the list `CASES` holds them all.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.uncertainty_case import framework
from ssc_index import impute
from ssc_index.benchmark import peers_of_blocks
from ssc_index.benefit_of_doubt import benefit_of_doubt
from ssc_index.files import read_values
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.impute_neighbours import fill_by_neighbours
from ssc_index.impute_normal import NormalError, fit_normal
from ssc_index.index import beginning, compute_index, compute_scores
from ssc_index.method import method_from_mapping, read_method
from ssc_index.outranking import copeland
from ssc_index.rank import rank_blocks
from ssc_index.steps.registry import STEPS
from ssc_index.values import Values, values_from_columns
from ssc_index.weights_data import component_weights

UNITS, INDICATORS = 10_000, 91


@dataclass
class Case:
    """One line of the table.

    Attributes:
        what: What is measured.
        ours: Our way; called once to warm up (imports, compilation), then timed.
        allowed: Seconds that are allowed; None where none were set.
        theirs: The usual way; None where there is none. Timed once.
        tool: What the usual way is written with.
        share: Part of the work that the usual way does; its time is divided by it.
        repeats: How often our way is timed; the quickest counts.
    """

    what: str
    ours: Callable[[], object]
    allowed: float | None = None
    theirs: Callable[[], object] | None = None
    tool: str = ""
    share: float = 1.0
    repeats: int = 3


def cohort(units: int = UNITS, indicators: int = INDICATORS, missing: float = 0.2) -> np.ndarray:
    """Values that hang together by five factors, a share of them missing; the same every time."""
    random = np.random.Generator(np.random.Philox(key=2026))
    factors = random.standard_normal((units, 5)) @ random.standard_normal((5, indicators))
    table = factors + random.standard_normal((units, indicators))
    table[random.random(table.shape) < missing] = np.nan
    return np.asfortranarray(table)


def in_units(table: np.ndarray) -> Values:
    """A table as the values of an index."""
    units = [f"city {row:05d}" for row in range(len(table))]
    region = [str(row % 20) for row in range(len(table))]
    return values_from_columns(units, None, framework().codes, table, {"region": region})


def step_alone(mapping: dict[str, Any], table: np.ndarray) -> Callable[[], object]:
    """A step of the method with all that belongs to it, from the table it is given to the one it leaves."""
    method = method_from_mapping({"name": "one step", "steps": [mapping]})
    state, step = beginning(in_units(table), framework(), method), method.steps[0]
    return lambda: STEPS[step.step].run(replace(state, number=1, scaled=set(), transforms={}), step)


def winsorised() -> Case:
    table = np.exp(0.6 * cohort())
    share = 45  # the usual way takes three of the indicators

    def scipy_way() -> object:
        from scipy import stats

        capped = table[:, ::share].copy()
        for column in capped.T:
            known = column[~np.isnan(column)]
            while abs(stats.skew(known, bias=False)) >= 2 and stats.kurtosis(known, bias=False) >= 3.5:
                top = known.max()
                known[known == top] = known[known < top].max()
        return capped

    return Case(
        "treat: winsorise until the rule holds",
        step_alone({"treat": {"max_points": UNITS, "fallback": "none"}}, table),
        0.02,
        scipy_way,
        "scipy.stats, step by step (three of the indicators)",
        share=len(range(0, INDICATORS, share)) / INDICATORS,
        repeats=9,
    )


def scaled(method: dict[str, Any], usual: Callable[[Any], object], tool: str) -> Case:
    """One way of normalising."""
    table = np.abs(cohort()) if method["method"] == "fraction_of_max" else cohort()
    what = f"normalise: {method['method'].replace('_', ' ')}"
    return Case(what, step_alone({"normalise": method}, table), 0.05, lambda: usual(table), tool, repeats=9)


def with_sklearn(name: str, **settings: object) -> Callable[[Any], object]:
    def way(table: Any) -> object:
        from sklearn import preprocessing

        return getattr(preprocessing, name)(**settings).fit_transform(table)

    return way


def with_pandas(call: Callable[[Any], object]) -> Callable[[Any], object]:
    def way(table: Any) -> object:
        import pandas as pd

        return call(pd.DataFrame(table))

    return way


def minmax_scale() -> Case:
    return scaled({"method": "minmax"}, with_sklearn("MinMaxScaler"), "scikit-learn")


def zscore_scale() -> Case:
    return scaled({"method": "zscore"}, with_sklearn("StandardScaler"), "scikit-learn")


def goalpost_scale() -> Case:
    usual = with_pandas(lambda frame: ((frame - 5.0) / 90.0).clip(0.0, 1.0) * 100.0)
    return scaled({"method": "goalposts"}, usual, "pandas")


def best_scale() -> Case:
    return scaled({"method": "fraction_of_max"}, with_sklearn("MaxAbsScaler"), "scikit-learn")


def logistic_scale() -> Case:
    usual = with_pandas(lambda frame: 100.0 / (1.0 + np.exp(-(frame - frame.mean()) / frame.std())))
    return scaled({"method": "logistic"}, usual, "pandas")


def category_scale() -> Case:
    shares = [0.2, 0.4, 0.6, 0.8]

    def usual(table: Any) -> object:
        import pandas as pd

        frame = pd.DataFrame(table)
        return frame.apply(lambda column: pd.qcut(column, [0.0, *shares, 1.0], labels=False))

    method = {"method": "categorical", "percentiles": shares, "scores": [0, 25, 50, 75, 100]}
    return scaled(method, usual, "pandas")


def rank_scale() -> Case:
    return scaled({"method": "rank"}, with_pandas(lambda frame: frame.rank(method="min")), "pandas")


def percentile_scale() -> Case:
    return scaled({"method": "percentile"}, with_pandas(lambda frame: frame.rank(pct=True)), "pandas")


def borda_scale() -> Case:
    def scipy_way(table: Any) -> object:
        from scipy import stats

        return stats.rankdata(table, axis=0, nan_policy="omit") - 1.0

    return scaled({"method": "borda"}, scipy_way, "scipy.stats")


def group_median() -> Case:
    table = cohort()
    groups = np.arange(UNITS) % 20

    def pandas_way() -> object:
        import pandas as pd

        frame = pd.DataFrame(table)
        return frame.fillna(frame.groupby(groups).transform("median"))

    every = np.ones(table.shape, dtype=bool)
    return Case(
        "impute: median of 20 groups",
        lambda: impute.fill_by_group(table, groups, "median", every),
        None,
        pandas_way,
        "pandas",
    )


def neighbours() -> Case:
    table = cohort()
    holes = np.isnan(table)

    def sklearn_way() -> object:
        from sklearn.impute import KNNImputer

        return KNNImputer(n_neighbors=5).fit_transform(table)

    return Case(
        "impute: 5 nearest neighbours",
        lambda: fill_by_neighbours(table, 5, range(INDICATORS), False, holes),
        0.8,
        sklearn_way,
        "scikit-learn",
    )


def em_step() -> Case:
    table = cohort()
    share = 20  # the plain way runs on a twentieth of the rows
    mean, covariance = np.nanmean(table, axis=0), np.diag(np.nanvar(table, axis=0)) + 0.3

    def ten() -> None:
        with contextlib.suppress(NormalError):
            fit_normal(table, 1e-300, 10)

    def row_by_row() -> object:
        filled, spare = table[::share].copy(), np.zeros(covariance.shape)
        for row in filled:
            there = ~np.isnan(row)
            gain = np.linalg.solve(covariance[np.ix_(there, there)], covariance[np.ix_(there, ~there)]).T
            row[~there] = mean[~there] + gain @ (row[there] - mean[there])
            spare[np.ix_(~there, ~there)] += (
                covariance[np.ix_(~there, ~there)] - gain @ covariance[np.ix_(there, ~there)]
            )
        return filled, spare

    return Case("impute: 10 iterations of EM", ten, 0.5, row_by_row, "NumPy, row by row", share=1 / share / 10)


def duels() -> Case:
    table = cohort()
    parts = [table[:, column].copy() for column in range(INDICATORS)]
    few = [part[:1000] for part in parts]
    return Case(
        "aggregate: Copeland, 10,000 units, 20 % missing",
        lambda: copeland(parts, [1.0] * INDICATORS),
        1.5,
        lambda: copeland(few, [1.0] * INDICATORS, compiled=False),
        "NumPy, row against all (a tenth of the units)",
        share=0.01,
    )


def doubt() -> Case:
    random = np.random.Generator(np.random.Philox(key=2026))
    table = 0.05 + 0.5 * random.random((1000, 1)) + 0.45 * random.random((1000, 22))
    parts = [table[:, column].copy() for column in range(22)]

    def linprog_way() -> object:
        from scipy.optimize import linprog

        return [linprog(-table[row], A_ub=table, b_ub=np.ones(1000)) for row in range(0, 1000, 25)]

    return Case(
        "aggregate: benefit of the doubt, 1,000 units × 22",
        lambda: benefit_of_doubt(parts, [1.0] * 22),
        1.0,
        linprog_way,
        "scipy.optimize.linprog, a programme a unit",
        share=0.04,
        repeats=1,
    )


def component() -> Case:
    table = np.ascontiguousarray(cohort(missing=0.0))

    def sklearn_way() -> object:
        from sklearn.decomposition import PCA

        return PCA().fit((table - table.mean(axis=0)) / table.std(axis=0, ddof=1))

    def ours() -> object:
        return component_weights(table, "square")

    return Case("weights: first principal component", ours, 0.01, sklearn_way, "scikit-learn")


def default_method() -> Case:
    """The method of 2026 as it is shipped, on the catalogue's tree, with the ranks of all nodes."""
    from ssc_index.framework.catalogue import load_catalogue

    tree = load_catalogue().framework(2026)
    random = np.random.Generator(np.random.Philox(key=2026))
    ends = [(node.low or 0.0, 1.0 if node.high is None else node.high) for node in tree.indicators]
    low, high = np.array(ends).T
    table = low + (high - low) * (0.02 + 0.96 * random.random((UNITS, len(ends))))
    table[random.random(table.shape) < 0.2] = np.nan
    values = values_from_columns([f"city {row:05d}" for row in range(UNITS)], [2026] * UNITS, tree.codes, table)
    method = read_method(Path(__file__).parent.parent / "methods" / "index-2026.yaml")

    def pandas_way() -> object:
        import pandas as pd

        frame = pd.DataFrame(table, columns=list(tree.codes))
        frame = ((frame - low) / (high - low)).clip(0.0, 1.0) * 100.0
        for depth in range(len(tree.levels) - 1, 0, -1):
            parents = [node for node in reversed(tree.nodes) if node.code in tree.children]
            for node in parents:
                children = [child.code for child in tree.children[node.code]]
                if tree.levels.index(node.level) == depth - 1 and node.code not in frame:
                    frame[node.code] = frame[children].mean(axis=1)
            frame = frame.copy()
        return frame.rank(ascending=False, method="min")

    return Case(
        f"the method of 2026: {len(ends)} data points, all {len(tree.nodes)} nodes ranked",
        lambda: compute_index(values, tree, method),
        0.3,
        pandas_way,
        "pandas (scale, means, ranks; neither screen nor record)",
        repeats=5,
    )


def long_rows() -> Case:
    """A long Parquet file of 10,000 cities, ten years and 150 indicators, a quarter of the cells empty, shuffled."""
    import polars as pl

    cities, years, items = 10_000, 10, 150
    random = np.random.Generator(np.random.Philox(key=2026))
    order = random.permutation(cities * years * items).astype(np.int32)
    value = random.random(order.size) * 90.0 + 5.0
    value[random.random(order.size) < 0.25] = np.nan
    name = pl.Series([f"city {number:05d}" for number in range(cities)])
    code = pl.Series([f"K{number:03d}" for number in range(items)])
    file = Path(tempfile.mkdtemp()) / "long.parquet"
    pl.DataFrame(
        {
            "unit": name.gather(order // (years * items)),
            "year": pl.Series(2016 + order // items % years),
            "code": code.gather(order % items),
            "value": pl.Series(value, nan_to_null=True),
        }
    ).write_parquet(file)
    nodes = [Node(code="index", parent=None, name="", level="index")]
    nodes += [Node(code=f"C{number}", parent="index", name="", level="category") for number in range(22)]
    nodes += [
        Node(code=f"K{number:03d}", parent=f"C{number % 22}", name="", level="indicator", direction="higher")
        for number in range(items)
    ]
    tree = framework_from_nodes(nodes)
    steps: list[dict[str, Any]] = [
        {"impute": {"method": "group_median", "group": "region"}},
        {"normalise": {"method": "minmax", "over": "panel"}},
        {"aggregate": {}},
    ]
    method = method_from_mapping({"name": "long", "steps": steps})

    def ours() -> None:
        clock = [time.perf_counter()]
        values = read_values(file, tree)
        region = tuple(str(int(unit[-5:]) % 20) for unit in values.units)
        clock.append(time.perf_counter())
        table = compute_scores(replace(values, groups={"region": region}), tree, method).table
        clock.append(time.perf_counter())

        years = [rows for _, rows in values.year_slices()]
        rank_blocks(table, years)
        clock.append(time.perf_counter())
        peers_of_blocks(table, region, years)
        clock.append(time.perf_counter())
        parts = dict(zip(("read", "scores", "ranks", "peers"), np.diff(clock).round(2).tolist(), strict=True))
        LONG.update(parts)

    def polars_way() -> object:
        frame = pl.read_parquet(file).with_columns(
            (pl.col("unit").str.slice(-5).cast(pl.Int32) % 20).alias("region"),
            (pl.col("code").str.slice(1).cast(pl.Int32) % 22).alias("category"),
        )
        median = pl.col("value").median().over("region", "year", "code")
        frame = frame.with_columns(pl.col("value").fill_null(median))
        low, high = pl.col("value").min().over("code"), pl.col("value").max().over("code")
        frame = frame.with_columns(((pl.col("value") - low) / (high - low) * 100.0).alias("score"))
        categories = frame.group_by("unit", "year", "region", "category").agg(pl.col("score").mean())
        index = categories.group_by("unit", "year", "region").agg(pl.col("score").mean())
        ranked = frame.with_columns(pl.col("score").rank("min", descending=True).over("year", "code"))
        shares = [pl.col("score").quantile(share).alias(str(share)) for share in (0.25, 0.5, 0.75)]
        return index, ranked, frame.group_by("region", "year", "code").agg(shares)

    return Case(
        "15 million long rows from Parquet: impute, normalise, aggregate, rank, peers",
        ours,
        3.0,
        polars_way,
        "polars, long",
        repeats=2,
    )


LONG: dict[str, float] = {}


CASES: list[Callable[[], Case]] = [
    default_method,
    long_rows,
    winsorised,
    goalpost_scale,
    minmax_scale,
    zscore_scale,
    best_scale,
    logistic_scale,
    category_scale,
    rank_scale,
    percentile_scale,
    borda_scale,
    group_median,
    neighbours,
    em_step,
    component,
    duels,
    doubt,
]


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processors that one call takes."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("name", nargs="*", help="run only the cases whose function's name holds one of these")
    wanted = parser.parse_args().name
    table = Table(title=f"{UNITS:,} units × {INDICATORS} indicators, seconds", title_justify="left", box=None)
    table.add_column("step, and beside what", width=32)
    for column in ("clock", "processor", "allowed", "usual way", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    console = Console(width=max(80, Console().width))
    for make in CASES:
        if wanted and not any(name in make.__name__ for name in wanted):
            continue
        with console.status(make.__name__):
            case = make()
            case.ours()
            clock, ours = np.array([seconds(case.ours) for _ in range(case.repeats)]).min(axis=0)
            theirs = None if case.theirs is None else seconds(case.theirs)[1] / case.share
        table.add_row(
            case.what + (f"\n[dim]  {case.tool}[/dim]" if case.tool else ""),
            f"{clock:.3f}",
            f"{ours:.3f}",
            "" if case.allowed is None else f"{case.allowed:g}",
            "" if theirs is None else f"{theirs:.3f}",
            "" if theirs is None else f"{theirs / ours:.1f}",
        )
    console.print(table)
    if LONG:
        console.print("15 million rows, seconds of the last run:", LONG)


if __name__ == "__main__":
    main()
