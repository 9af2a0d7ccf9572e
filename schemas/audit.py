"""Tables of schema ``audit``: what can be said of an edition once computed.

What belongs here: their columns. What does not: the figures (`ssc_index/audit/`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.benchmark import _AUDIENCE
from schemas.index import _EDITION
from schemas.table import Column, Table

LEVELS = ("dimension", "sub_dimension", "category", "kpi")
MEASURES = ("pearson", "spearman")
RELATIONS = ("siblings", "parent")
FLAGS = ("high", "weak", "negative")
PARTS = ("children", "indicators")

_N_CITIES = Column(pl.Int32, "Cities with a score of both nodes.")
_REASON = Column(pl.String, "Why there is no figure.", nullable=True)
_SHARE = (checks.between(0, 1),)

CORRELATIONS = Table(
    name="audit.correlations",
    description="One row per edition, audience, measure and pair of nodes: siblings, and a node with its parent. "
    "Missing under five cities, and where a score does not vary.",
    key=("edition", "audience", "measure", "node_a", "node_b"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "measure": Column(pl.String, "pearson or spearman.", checks=(checks.one_of(MEASURES, "measure"),)),
        "node_a": Column(pl.String, "A node."),
        "node_b": Column(pl.String, "Its sibling, or its parent."),
        "relation": Column(
            pl.String, "siblings, or parent: b is the parent of a.", checks=(checks.one_of(RELATIONS, "relation"),)
        ),
        "n_cities": _N_CITIES,
        "coefficient": Column(pl.Float64, "Correlation, -1 to 1.", nullable=True, checks=(checks.between(-1, 1),)),
        "p_value": Column(
            pl.Float64, "Of the two-sided test of no correlation (Student's t).", nullable=True, checks=_SHARE
        ),
        "flag": Column(
            pl.String,
            "high: siblings above 0.9; weak: below 0.3; negative: below -0.4.",
            nullable=True,
            checks=(checks.one_of(FLAGS, "flag"),),
        ),
        "reason": _REASON,
    },
)

IMPORTANCE = Table(
    name="audit.importance",
    description="One row per edition, audience, node and part of it: what the part drives beside the weight it was "
    "given. Missing under ten cities, and where a score does not vary.",
    key=("edition", "audience", "node", "part"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "node": Column(pl.String, "The whole: the index with its parts of any level, or a node with its children."),
        "part": Column(pl.String, "The part."),
        "level": Column(pl.String, "Level of the part.", checks=(checks.one_of(LEVELS, "level"),)),
        "n_cities": _N_CITIES,
        "weight": Column(pl.Float64, "Nominal weight of the part in the node, 0 to 1.", checks=_SHARE),
        "r2": Column(
            pl.Float64,
            "Variance of the node that a line in the part accounts for.",
            nullable=True,
            checks=_SHARE,
        ),
        "main_effect": Column(
            pl.Float64,
            "Variance of the node that any curve in it accounts for.",
            nullable=True,
            checks=_SHARE,
        ),
        "share": Column(
            pl.Float64, "Main effect over the sum of those of its level in the node.", nullable=True, checks=_SHARE
        ),
        "weight_share": Column(
            pl.Float64, "Weight over the sum of those of its level in the node.", nullable=True, checks=_SHARE
        ),
        "gap": Column(
            pl.Float64,
            "share less weight_share: above 0 it drives more than meant.",
            nullable=True,
            checks=(checks.between(-1, 1),),
        ),
        "reason": _REASON,
    },
)

RELIABILITY = Table(
    name="audit.reliability",
    description="One row per edition, audience, node and kind of parts: whether they measure one thing.",
    key=("edition", "audience", "node", "of"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "node": Column(pl.String, "A node with children."),
        "of": Column(pl.String, "children of the node.", checks=(checks.one_of(PARTS, "of"),)),
        "n_parts": Column(pl.Int32, "Parts."),
        "n_complete": Column(pl.Int32, "Cities with a score of every part."),
        "alpha": Column(pl.Float64, "Cronbach's alpha, pairwise complete.", nullable=True),
        "kmo": Column(pl.Float64, "Kaiser-Meyer-Olkin measure over the complete cities.", nullable=True, checks=_SHARE),
        "bartlett": Column(pl.Float64, "Bartlett's statistic that no two parts correlate.", nullable=True),
        "p_value": Column(pl.Float64, "Of Bartlett's test.", nullable=True, checks=_SHARE),
        "reason": _REASON,
    },
)

TABLES = (CORRELATIONS, IMPORTANCE, RELIABILITY)
