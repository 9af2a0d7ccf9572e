"""Pictures of an uncertainty analysis of any index: rank intervals, chances of ranks, what moves the ranks.

What belongs here: which rows of its tables are drawn. What does not: the drawing (`figures/`), and the pictures of an
edition's audit, which come from its mart (`audit/facts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reports.figures import Influence, RankInterval, acceptability_map, rank_intervals, sensitivity_bars
from ssc_index.uncertainty.outputs import DISTRIBUTION, RANKS, SENSITIVITY

MOST_INTERVALS, MOST_UNITS, MOST_RANKS = 60, 30, 40
TOLD_OF_INFLUENCES = (
    "Sobol' indices of each uncertain choice: its share of the variance of the mean distance of all ranks from those "
    "of the method, alone and in all, with 95 % intervals."
)


def pictures(frames: Mapping[str, pl.DataFrame], root: str) -> dict[str, str]:
    """Draw the root of an index.

    Args:
        frames: Tables by file name (`outputs.uncertainty_frames`, and `outputs.sensitivity_frames` if there are any).
        root: Code of the root.

    Returns:
        SVG by file name: ``uncertainty_intervals.svg``, ``uncertainty_acceptability.svg``, and
        ``uncertainty_influences.svg`` where a table tells what moves the ranks. What cannot be drawn, for no unit has
        a rank or no choice moves any, is not among them.
    """
    ranked = frames[RANKS].filter(
        pl.col("node") == root, pl.col("rank").is_not_null(), pl.col("rank_p05").is_not_null()
    )
    ranked = ranked.sort("rank", "unit")
    if ranked.is_empty():
        return {}
    drawn = {
        "uncertainty_intervals.svg": _intervals(ranked),
        "uncertainty_acceptability.svg": _acceptability(ranked, frames[DISTRIBUTION].filter(node=root)),
    }
    if SENSITIVITY in frames:
        moved = frames[SENSITIVITY].filter(pl.col("measure") == "mean_rank_shift", pl.col("total").is_not_null())
        if moved.height:
            drawn["uncertainty_influences.svg"] = _influences(moved.sort("total", "input", descending=[True, False]))
    return drawn


def _first(shown: int, of: int) -> str:
    return f"{of} units" if shown == of else f"the first {shown} of {of} units"


def _intervals(ranked: pl.DataFrame) -> str:
    rows = [
        RankInterval(unit, rank, low, high)
        for unit, rank, low, high in ranked.head(MOST_INTERVALS)
        .select("unit", "rank", "rank_p05", "rank_p95")
        .iter_rows()
    ]
    which, replications = _first(len(rows), ranked.height), ranked["replications"][0]
    told = f"Rank and 90 % interval of {which}, over {replications:,} replications."
    return rank_intervals(rows, title="Rank intervals", description=told)


def _acceptability(ranked: pl.DataFrame, distribution: pl.DataFrame) -> str:
    units = ranked["unit"].head(MOST_UNITS).to_list()
    shown = distribution.filter(pl.col("unit").is_in(units))
    share = dict(zip(zip(shown["unit"], shown["rank"], strict=True), shown["share"], strict=True))
    # Where ranks share a range, with more than 2,000 units, a range is a column, named by its last rank.
    columns = sorted(rank for rank in distribution["rank"].unique() if rank <= shown["rank"].max())[:MOST_RANKS]
    matrix = [[share.get((unit, rank), 0.0) for rank in columns] for unit in units]
    told = f"Share of the replications in which {_first(len(units), ranked.height)} had each rank up to {columns[-1]}."
    return acceptability_map(units, matrix, columns, title="Chance of each rank", description=told)


def _influences(moved: pl.DataFrame) -> str:
    rows = [Influence.of(row) for row in moved.iter_rows(named=True)]
    return sensitivity_bars(rows, title="What moves the ranks", description=TOLD_OF_INFLUENCES)
