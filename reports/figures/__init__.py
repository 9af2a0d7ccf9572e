"""Figures: pure functions from data to SVG text, one look, the same bytes for the same data.

What belongs here: drawing. What does not: where the numbers come from and which are shown. Every figure carries a
title and a description for those who do not see it, and its colours as attributes that a page may override by class.
"""

from reports.figures.bars import Influence, sensitivity_bars
from reports.figures.distribution import Mark, distribution_strip
from reports.figures.gaps import Gap, weight_gaps
from reports.figures.intervals import RankInterval, rank_intervals
from reports.figures.maps import acceptability_map, correlation_map
from reports.figures.palette import BANDS
from reports.figures.slope import SlopeLine, slope_chart
from reports.figures.waterfall import WaterfallStep, waterfall
from reports.figures.wheel import Part, group, wheel

__all__ = [
    "BANDS",
    "Gap",
    "Influence",
    "Mark",
    "Part",
    "RankInterval",
    "SlopeLine",
    "WaterfallStep",
    "acceptability_map",
    "correlation_map",
    "distribution_strip",
    "group",
    "rank_intervals",
    "sensitivity_bars",
    "slope_chart",
    "waterfall",
    "weight_gaps",
    "wheel",
]
