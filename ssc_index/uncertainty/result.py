"""What an uncertainty analysis found, as frames.

What belongs here: rows and columns. What does not: any figure (`distribution.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ssc_index.uncertainty.distribution import QUANTILES
from ssc_index.uncertainty.run import Result
from ssc_index.values import Floats

SURE = 0.9995  # pairs at least so sure are left out of the frame of pairs


def ranks_frame(result: Result, among: str = "all") -> pl.DataFrame:
    """One row per node and unit of the set: where it stands, how surely, and against the method as it stands.

    Units are ranked among a set of them at the root only; all of them at every node that is kept.

    Returns:
        Columns ``unit, node, replications, ranked_share, score, rank`` (as the method stands), ``mean_score,
        mean_score_error, sd_score, score_p05 … score_p95, mean_rank, mean_rank_error, sd_rank, rank_p05 … rank_p95,
        rank_p05_error … rank_p95_error, top_10, top_10_error, top_quarter, top_quarter_error, better_than_nominal,
        worse_than_nominal, tier, n_ahead_of, n_behind``; null where a unit has no rank, or pairs were not counted.
    """
    nominal = result.nominal
    frames = []
    for slot, node in enumerate(result.kept):
        if (node, among) not in result.tallies:
            continue
        tally, figures = result.tallies[node, among], result.figures(node, among)
        score = np.where(tally.among, nominal[:, slot], np.nan)
        rank = result.case.method.rank.ranks_of(score)
        better, worse = _against(tally.ranks, tally.ranked, rank, tally.rank_width)
        columns: dict[str, Floats] = {
            "ranked_share": figures.ranked,
            "score": score,
            "rank": rank,
            "mean_score": figures.mean_score,
            "mean_score_error": figures.mean_score_error,
            "sd_score": figures.sd_score,
            **_quantiles("score", figures.score_quantiles),
            "mean_rank": figures.mean_rank,
            "mean_rank_error": figures.mean_rank_error,
            "sd_rank": figures.sd_rank,
            **_quantiles("rank", figures.rank_quantiles),
            **_quantiles("rank", figures.rank_quantile_errors, "_error"),
            "top_10": figures.top_ten,
            "top_10_error": figures.top_ten_error,
            "top_quarter": figures.top_quarter,
            "top_quarter_error": figures.top_quarter_error,
            "better_than_nominal": better,
            "worse_than_nominal": worse,
            "tier": np.where(figures.tier > 0, figures.tier, np.nan),
            "n_ahead_of": np.where(figures.ahead_of >= 0, figures.ahead_of, np.nan),
            "n_behind": np.where(figures.behind >= 0, figures.behind, np.nan),
        }
        frame = pl.DataFrame(
            [
                pl.Series("unit", result.units, dtype=pl.String),
                pl.Series("node", [node] * len(result.units), dtype=pl.String),
                pl.Series("replications", [figures.replications] * len(result.units), dtype=pl.Int64),
                *(pl.Series(name, column, nan_to_null=True) for name, column in columns.items()),
            ]
        )
        whole = ["rank", *(name for name in frame.columns if name.startswith("rank_p") and name[-1] != "r")]
        whole += ["tier", "n_ahead_of", "n_behind"]
        frames.append(frame.with_columns(pl.col(whole).cast(pl.Int64)).filter(pl.Series(tally.among)))
    return pl.concat(frames)


def _quantiles(name: str, table: Floats, end: str = "") -> dict[str, Floats]:
    """A column for each quantile."""
    return {f"{name}_p{round(100 * share):02d}{end}": table[:, place] for place, share in enumerate(QUANTILES)}


def _against(ranks: np.ndarray, ranked: np.ndarray, nominal: Floats, width: int) -> tuple[Floats, Floats]:
    """Share of replications with a better and with a worse rank than the nominal; NaN where ranks share bins."""
    better, worse = np.full(nominal.shape, np.nan), np.full(nominal.shape, np.nan)
    if width > 1:
        return better, worse
    for unit in np.flatnonzero(~np.isnan(nominal) & (ranked > 0)).tolist():
        place = int(nominal[unit]) - 1
        better[unit] = ranks[unit, :place].sum() / ranked[unit]
        worse[unit] = ranks[unit, place + 1 :].sum() / ranked[unit]
    return better, worse


def distribution_frame(result: Result, node: str, among: str = "all", most: int | None = None) -> pl.DataFrame:
    """Rank acceptability: one row per unit and rank that it had at least once.

    Args:
        result: The result.
        node: Which node.
        among: Which set of units.
        most: Greatest number of ranges of ranks; None has each rank alone, with more than 2,000 units no more ranges
            than these.

    Returns:
        Columns ``unit, rank, share, share_error``, by unit and rank; where ranks share a range ``rank`` is its last.
    """
    tally = result.tallies[node, among]
    counts, n_units = tally.ranks, int(tally.among.sum())
    together = 1 if most is None else max(1, -(-n_units // (most * tally.rank_width)))
    if together > 1:
        counts = np.add.reduceat(counts, np.arange(0, counts.shape[1], together), axis=1)
    unit, place = np.nonzero(counts)
    ranked = tally.ranked[unit].astype(np.float64)
    share = counts[unit, place] / ranked
    last = np.minimum((place + 1) * tally.rank_width * together, n_units)
    return pl.DataFrame(
        {
            "unit": pl.Series(result.units, dtype=pl.String).gather(unit),
            "rank": last.astype(np.int64),
            "share": share,
            "share_error": np.sqrt(share * (1.0 - share) / ranked),
        }
    )


def pairs_frame(result: Result, node: str, among: str = "all", sure: float = SURE) -> pl.DataFrame:
    """Pairs of units whose order is not sure, the better by mean rank first.

    Args:
        result: The result.
        node: Which node: the root.
        among: Which set of units.
        sure: Pairs that are in the order of their mean ranks in that share of the replications or more are left out.

    Returns:
        Columns ``unit, other, ahead, behind, ahead_error``: shares of the replications in which the unit has a better,
        and a worse, rank than the other; what is missing to 1 are ties.
    """
    tally, figures = result.tallies[node, among], result.figures(node, among)
    total = max(tally.replications, 1)
    order = [unit for unit in np.argsort(figures.mean_rank, kind="stable").tolist() if tally.ranked[unit] > 0]
    place = np.zeros(len(tally.among), dtype=np.int64)
    place[order] = np.arange(len(order))
    if not tally.ahead.size:
        return pairs_frame_of(pl.Series(dtype=pl.String), pl.Series(dtype=pl.String), np.zeros(0), np.zeros(0), total)
    share = tally.ahead / total
    known = tally.ranked > 0
    first = known[:, None] & known[None, :] & (place[:, None] < place[None, :])
    one, other = np.nonzero(first & (share < sure))
    units = pl.Series(result.units, dtype=pl.String)
    return pairs_frame_of(units.gather(one), units.gather(other), share[one, other], share[other, one], total)


def pairs_frame_of(units: pl.Series, others: pl.Series, ahead: Floats, behind: Floats, total: int) -> pl.DataFrame:
    """Rows of pairs."""
    return pl.DataFrame(
        {
            "unit": units,
            "other": others,
            "ahead": ahead,
            "behind": behind,
            "ahead_error": np.sqrt(ahead * (1.0 - ahead) / total),
        }
    )
