"""What counts over replications say: means, quantiles, chances, order and tiers, each with its Monte Carlo error.

What belongs here: figures from a `Tally`. What does not: counting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index.steps.state import Bools, Ints
from ssc_index.uncertainty.tally import Counts, Scale, Tally
from ssc_index.values import Floats

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figures:
    """Figures of one node among one set of units; every array starts with the axis of units; NaN without a rank.

    Attributes:
        replications: How many there were.
        ranked: Share of them in which a unit had a rank; the other figures rest on these.
        mean_score: Mean score; its standard error; standard deviation of the scores.
        mean_score_error: See ``mean_score``.
        sd_score: See ``mean_score``.
        score_quantiles: 5, 25, 50, 75, 95 %, shape (n_units, 5), to within a bin of scores.
        mean_rank: Mean rank; its standard error; standard deviation of the ranks.
        mean_rank_error: See ``mean_rank``.
        sd_rank: See ``mean_rank``.
        rank_quantiles: Smallest rank up to which the share of replications lies, shape (n_units, 5).
        rank_quantile_errors: Half the distance between the quantiles one standard error of the share to either side.
        top_ten: Chance of the first ten; its standard error.
        top_ten_error: See ``top_ten``.
        top_quarter: Chance of the first quarter; its standard error.
        top_quarter_error: See ``top_quarter``.
        tier: Tier, from 1; 0 without a rank. A tier begins with the best unit by mean rank that is left, and holds
            those after it until one of which the first is ahead with 95 %. In replications in which a unit has no rank
            it counts as the last for this.
        ahead_of: How many units it is ahead of with 95 %; −1 where pairs were not counted.
        behind: How many are ahead of it with 95 %.
    """

    replications: int
    ranked: Floats
    mean_score: Floats
    mean_score_error: Floats
    sd_score: Floats
    score_quantiles: Floats
    mean_rank: Floats
    mean_rank_error: Floats
    sd_rank: Floats
    rank_quantiles: Floats
    rank_quantile_errors: Floats
    top_ten: Floats
    top_ten_error: Floats
    top_quarter: Floats
    top_quarter_error: Floats
    tier: Ints
    ahead_of: Ints
    behind: Ints


def figures_of(tally: Tally, scale: Scale) -> Figures:
    """Figures of counts."""
    n = np.where(tally.ranked > 0, tally.ranked, np.nan).astype(np.float64)
    mean_score, sd_score = _moments(tally.score_sum, tally.score_squares, n)
    mean_rank, sd_rank = _moments(tally.rank_sum, tally.rank_squares, n)
    top_ten, top_quarter = tally.top_ten / n, tally.top_quarter / n
    score_quantiles = np.stack([_inside(tally.scores, scale, n, share) for share in QUANTILES], axis=1)
    rank_quantiles = np.stack([_rank_at(tally, n, np.full(n.shape, share)) for share in QUANTILES], axis=1)
    spread = [np.sqrt(share * (1 - share) / n) for share in QUANTILES]
    rank_errors = np.stack(
        [
            (_rank_at(tally, n, share + error) - _rank_at(tally, n, share - error)) / 2.0
            for share, error in zip(QUANTILES, spread, strict=True)
        ],
        axis=1,
    )
    tier, ahead_of, behind = _order(tally)
    return Figures(
        replications=tally.replications,
        ranked=tally.ranked / max(tally.replications, 1),
        mean_score=mean_score * scale.unit,
        mean_score_error=sd_score * scale.unit / np.sqrt(n),
        sd_score=sd_score * scale.unit,
        score_quantiles=score_quantiles,
        mean_rank=mean_rank,
        mean_rank_error=sd_rank / np.sqrt(n),
        sd_rank=sd_rank,
        rank_quantiles=rank_quantiles,
        rank_quantile_errors=rank_errors,
        top_ten=top_ten,
        top_ten_error=np.sqrt(top_ten * (1 - top_ten) / n),
        top_quarter=top_quarter,
        top_quarter_error=np.sqrt(top_quarter * (1 - top_quarter) / n),
        tier=tier,
        ahead_of=ahead_of,
        behind=behind,
    )


def _moments(total: Counts, squares: Counts, n: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (n − 1) from whole sums, without loss where the deviation is small."""
    mean = total / n
    exact = np.array(
        [
            (int(count) * int(square) - int(one) ** 2) / (count * max(count - 1.0, 1.0)) if count == count else np.nan
            for one, square, count in zip(total.tolist(), squares.tolist(), n.tolist(), strict=True)
        ],
        dtype=np.float64,
    )
    return mean, np.sqrt(exact)


def _inside(bins: NDArray[np.int32], scale: Scale, n: Floats, share: float) -> Floats:
    """Quantile of scores: straight within the bin in which the share is reached."""
    up_to = np.cumsum(bins, axis=1, dtype=np.int64)
    wanted = np.nan_to_num(share * n)
    place = np.minimum((up_to < wanted[:, None]).sum(axis=1), bins.shape[1] - 1)
    row = np.arange(len(bins))
    before = up_to[row, place] - bins[row, place]
    part = (wanted - before) / np.maximum(bins[row, place], 1)
    return np.where(np.isnan(n), np.nan, scale.low + (place + part) * scale.width)


def _rank_at(tally: Tally, n: Floats, share: Floats) -> Floats:
    """Smallest rank up to which a share of the replications lies; the upper end of its bin where bins are wider."""
    up_to = np.cumsum(tally.ranks, axis=1, dtype=np.int64)
    wanted = np.nan_to_num(np.clip(share, 0, 1) * n)
    place = np.minimum((up_to < wanted[:, None] - 1e-9).sum(axis=1), tally.ranks.shape[1] - 1)
    last = np.minimum((place + 1) * tally.rank_width, tally.among.sum())
    return np.where(np.isnan(n), np.nan, last.astype(np.float64))


def _order(tally: Tally) -> tuple[Ints, Ints, Ints]:
    """Tiers, and how many units each is surely ahead of and behind."""
    n = len(tally.among)
    tier = np.zeros(n, dtype=np.int64)
    if not tally.ahead.size:
        return tier, np.full(n, -1), np.full(n, -1)
    surely = tally.ahead >= CONFIDENCE * tally.replications
    known = tally.ranked > 0
    # Without a rank a unit is behind all, as in the pairs: one that is seldom ranked, and then first, leads nobody.
    places = tally.rank_sum + (tally.replications - tally.ranked) * known.sum()
    first, number = -1, 0
    for unit in (unit for unit in np.argsort(places, kind="stable").tolist() if known[unit]):
        if first < 0 or surely[first, unit]:
            first, number = unit, number + 1
        tier[unit] = number
    # A unit without a rank in any replication is behind all who have one; who is told of it would learn that it exists.
    pairs: Bools = surely & known[:, None] & known[None, :]
    return tier, pairs.sum(axis=1), pairs.sum(axis=0)
