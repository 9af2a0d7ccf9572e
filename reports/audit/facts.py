"""What an audit tells of an edition: sections of texts, tables and figures, ready to be set.

What belongs here: words, and which figures are told. What does not: layout (`page.py`, ``audit.typ``), numbers
(`evidence.py`), limits and verdicts (`rules.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reports import words
from reports.audit.evidence import DONE_BEFORE, FEWEST, Evidence
from reports.audit.rules import Conclusion, conclude
from reports.figures import (
    Gap,
    Influence,
    Mark,
    RankInterval,
    acceptability_map,
    correlation_map,
    distribution_strip,
    rank_intervals,
    sensitivity_bars,
    weight_gaps,
)
from reports.sureness import MOST_INTERVALS, MOST_RANKS, MOST_UNITS, TOLD_OF_INFLUENCES
from ssc_index.audit.correlation import CorrelationLimits

Block = dict[str, Any]
Row = dict[str, Any]
MOST_ROWS = 15
TITLE = "Statistical audit"
INTERNAL = "Internal: it rests on what cities have not agreed to show. Do not pass it on."
SECTIONS = {
    "coverage": "Coverage",
    "outliers": "Outliers and treatment",
    "imputation": "Imputation",
    "correlation": "Correlation structure",
    "dimensionality": "Dimensionality",
    "importance": "Weights against importance",
    "uncertainty": "How sure the ranks are",
    "sensitivity": "What moves the ranks",
    "choices": "What hangs on each choice",
}


def audit_facts(evidence: Evidence, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything that the audit of an edition tells.

    Args:
        evidence: The figures.
        names: What cities are called; None takes the names of the mart. The PDF gives keys for names that no font has.

    Returns:
        ``conclusions``: rows of rule, condition, figure, verdict, sentence, source; ``sections``: each with heading,
        conclusions and blocks (``text``, ``table``, ``figure``); and what stands on the first page.
    """
    writer = _Writer(evidence, names or {key: row["name"] for key, row in evidence.mart.city_rows.items()})
    conclusions = conclude(evidence.measures)
    about = evidence.about
    counted = Counter(one.verdict for one in conclusions)
    return {
        "title": f"{TITLE} {evidence.edition}",
        "edition": str(evidence.edition),
        "workspace": evidence.mart.workspace,
        "status": about["status"],
        "notice": " ".join([INTERNAL] * (not evidence.mart.is_public) + [words.DEMO_NOTICE] * bool(about["is_demo"])),
        "draft": words.DRAFT_NOTICE if about["status"] == "draft" else "",
        "content": evidence.mart.content_sha256,
        "key_figures": [
            [f"{counted['holds']} of {len(conclusions)}", "rules hold"],
            [
                str(len(evidence.ranked)),
                "of " + words.count(len(evidence.index_rows), "city is ranked", "cities are ranked"),
            ],
            [
                str(len(evidence.open_cities)),
                "of these show their values" if evidence.mart.is_public else "of these have values",
            ],
            [str(len(evidence.points)), "data points are scored"],
        ],
        "introduction": writer.introduction(),
        "summary": _summary(conclusions),
        "conclusions": [
            [one.rule.name, one.rule.condition, one.value, one.verdict, one.sentence, one.rule.source]
            for one in conclusions
        ],
        "sections": [
            {
                "key": key,
                "heading": heading,
                "conclusions": [[one.verdict, one.sentence] for one in conclusions if one.rule.section == key],
                "blocks": getattr(writer, key)(),
            }
            for key, heading in SECTIONS.items()
        ],
        "method": writer.method(),
    }


def _summary(conclusions: Sequence[Conclusion]) -> str:
    counts = Counter(one.verdict for one in conclusions)
    said = f"{counts['holds']} of {len(conclusions)} rules hold"
    failed = [one.rule.name for one in conclusions if one.verdict == "does not hold"]
    said += f"; not: {', '.join(failed)}" if failed else ""
    missing = counts["cannot be told"]
    return said + (f". {missing} cannot be told from this mart." if missing else ".")


class _Writer:
    """Sections, one method each, by the names of `SECTIONS`."""

    def __init__(self, evidence: Evidence, names: Mapping[str, str]) -> None:
        self.of, self.cities = evidence, names
        dimensions = {node["name"] for node in evidence.mart.nodes if node["level"] == "dimension"}
        self.names = {
            node["node"]: f"{node['name']} (sub-dimension)"
            if node["level"] == "sub_dimension" and node["name"] in dimensions
            else node["name"]
            for node in evidence.mart.nodes
        }

    def introduction(self) -> list[str]:
        of = self.of
        return [
            f"This audit looks at the edition {of.edition} of the Global Smart Sustainable Cities Index in the "
            "manner of the audits that the European Commission's Joint Research Centre makes of composite indices: "
            "are the data there, does the structure hold, do weights mean what they say, how sure are the ranks, and "
            "what hangs on each choice?",
            self._basis(),
            "Conclusions follow from rules that were written down before: each has a figure, a limit and a sentence "
            "for either side of it. A rule that does not hold is a question to the method, not a verdict on a city.",
        ]

    def _basis(self) -> str:
        """Which cities the audit looks at."""
        if not self.of.mart.is_public:
            return (
                "It rests on the internal mart: all cities, whether they have agreed to be shown or not. It is for the "
                "index team alone; the audit that may be published is made from the public mart: other figures."
            )
        return (
            "It rests on the public mart and on nothing else, so that anyone who has the mart can make it again; what "
            "cities do not show is in no figure. Scores and ranks are those of all cities that are shown; figures of "
            "values, intervals and variants are of the cities that show their values, ranked among each other."
        )

    def coverage(self) -> list[Block]:
        of = self.of
        unranked = [row for row in of.index_rows if row["rank"] is None]
        reasons = Counter(self._kind(row["excluded_because"]) for row in unranked)
        marks = [Mark(self.cities[row["city_id"]], 100 * row["coverage"]) for row in of.ranked]
        told = (
            f"Share of the scored data points that each of {len(marks)} ranked cities reports for {of.edition} itself."
        )
        rows = [
            [
                self.names[row["node"]],
                str(row["n"]),
                *(words.percent(row[f"coverage_{end}"]) for end in ("mean", "least")),
            ]
            for row in of.coverage
        ]
        cities = len(of.open_cities)
        few = [(point, n) for point, n in of.availability if cities and n / cities < 0.8][:MOST_ROWS]
        blocks = [
            _text(
                f"{words.count(len(of.index_rows), 'city is', 'cities are')} shown, "
                f"{words.count(len(of.ranked), 'of them is', 'of them are')} ranked. "
                + (f"Not ranked: {_listed(reasons)}." if reasons else "All are ranked.")
            ),
            _table("Coverage of the ranked cities", ["", "Cities", "Mean", "Least"], rows),
        ]
        if marks:
            blocks.append(
                _figure(distribution_strip(marks, title="Coverage", description=told, unit="%", ident="coverage"), told)
            )
        if few:
            blocks.append(
                _table(
                    f"Data points that fewer than 80 % of the {cities} cities with open values report for {of.edition}",
                    ["Data point", "Cities", "Share"],
                    [[self.point(point), str(n), words.percent(n / cities)] for point, n in few],
                )
            )
        return blocks

    def _kind(self, because: str | None) -> str:
        """A reason without its numbers, to be counted."""
        if not because:
            return "no public index score"
        return "no data point for this year" if " 0 of " in because and "(0 of" in because else "too little reported"

    def outliers(self) -> list[Block]:
        of = self.of
        treats = [given for step in of.method.as_mapping()["steps"] for name, given in step.items() if name == "treat"]
        beyond = sum(row["worse"] + row["better"] for row in of.shapes)
        n = sum(row["n"] for row in of.shapes)
        said = (
            f"The method treats outliers: {', '.join(f'{key} {value}' for key, value in treats[0].items())}."
            if treats
            else "No step of the method treats outliers: what lies beyond a goalpost scores as the goalpost does, so "
            "that an extreme cannot stretch the scale, and no score moves with who else reports."
        )
        blocks = [_text(said)]
        if not of.shapes:
            return [*blocks, _text(_too_few("cities with open values"))]
        raw = sum(row["has_outliers"] for row in of.shapes)
        kept = sum(row["scores_have_outliers"] for row in of.shapes)
        blocks.append(
            _text(
                f"{beyond} of {n} values of {len(of.shapes)} measured data points ({words.score(100 * beyond / n)} "
                f"%) lie beyond a goalpost. By the rule of skewness and kurtosis {raw} data points have outliers in "
                f"their values and {kept} in their scores. Data points that are answered by yes or no are left aside."
            )
        )
        listed = [row for row in of.shapes if row["scores_have_outliers"]]
        listed.sort(key=lambda row: (-(row["kurtosis"] or 0.0), row["point"]))
        if listed:
            blocks.append(
                _table(
                    "Data points with outliers in their scores" + _first(listed),
                    ["Data point", "Values", "Skewness", "Kurtosis", "Beyond worse", "Beyond better"],
                    [
                        [
                            self.point(row["point"]),
                            str(row["n"]),
                            *(_number(row[k], 1) for k in ("skewness", "kurtosis")),
                            str(row["worse"]),
                            str(row["better"]),
                        ]
                        for row in listed[:MOST_ROWS]
                    ],
                )
            )
        ends = [row for row in of.shapes if of.is_at_an_end(row)]
        if ends:
            blocks.append(
                _table(
                    "Data points where half of the cities or more stand at one end of the scale" + _first(ends),
                    ["Data point", "Scores", "At 0", "At 100", "Pairs told apart"],
                    [
                        [
                            self.point(row["point"]),
                            str(row["n_scores"]),
                            str(row["at_floor"]),
                            str(row["at_ceiling"]),
                            words.percent(None if math.isnan(row["apart"]) else row["apart"]),
                        ]
                        for row in ends[:MOST_ROWS]
                    ],
                )
            )
        return blocks

    def imputation(self) -> list[Block]:
        of = self.of
        steps = [given for step in of.method.as_mapping()["steps"] for name, given in step.items() if name == "impute"]
        how = "; ".join(
            f"its own last verified value of up to {given['max_years']} years before stands in for a missing one"
            if given.get("method") == "last_value" and "max_years" in given
            else f"missing values are filled by {given.get('method')}"
            for given in steps
        )
        imputed = sum(row["n_imputed"] for row in of.ranked)
        carried = sum(row["n_carried"] for row in of.ranked)
        blocks = [
            _text(f"By the method {how}." if how else "The method fills no missing value."),
            _text(
                f"Of the {len(of.ranked) * len(of.points):,} scored data points of the ranked cities {carried:,} are "
                f"carried and {imputed - carried:,} are filled in other ways; what is left is missing, and its "
                "weight goes to its siblings."
            ),
        ]
        rows = [
            [self.names[row["node"]], words.percent(row["carried"]), words.percent(row["carried_most"])]
            for row in of.coverage
        ]
        blocks.append(_table("Share of the data points that is carried", ["", "Mean", "Most of any city"], rows))
        most = sorted(of.ranked, key=lambda row: (-row["n_carried"], row["city_id"]))
        most = [row for row in most if row["n_carried"]][:8]
        if most:
            blocks.append(
                _table(
                    "Cities that rest most on carried values",
                    ["City", "Carried", "Share", "Rank"],
                    [
                        [
                            self.cities[row["city_id"]],
                            str(row["n_carried"]),
                            words.percent(of.carried_share(row)),
                            str(row["rank"]),
                        ]
                        for row in most
                    ],
                )
            )
        if (found := of.carried_against_score) is not None:
            blocks.append(
                _text(
                    f"The share that is carried and the index correlate at {_number(found, 2)} (Spearman): a figure "
                    "far from 0 would say that it pays, or costs, to report seldom."
                )
            )
        return blocks

    def correlation(self) -> list[Block]:
        of = self.of
        nodes = [of.root, *of.of_level("dimension"), *of.of_level("sub_dimension")]
        if not of.correlations:
            return [_text(_too_few("cities"))]
        matrix = [[self._coefficient(a, b) for b in nodes] for a in nodes]
        told = "Correlations (Pearson) of siblings, and of a node with its parent. Grey: not of one family."
        figure = correlation_map([self.names[n] for n in nodes], matrix, title="Correlations", description=told)
        rows = []
        for node in nodes[1:]:
            parent = of.parent(node) or of.root
            pair = [of.correlations.get((measure, node, parent)) for measure in ("pearson", "spearman")]
            rows.append(
                [
                    self.names[node],
                    self.names[parent],
                    *(_number(None if row is None else row["coefficient"], 2) for row in pair),
                    _probability(None if pair[0] is None else pair[0]["p_value"]),
                    "–" if pair[0] is None else str(pair[0]["n_cities"]),
                ]
            )
        limits = CorrelationLimits()
        blocks = [
            _figure(figure, told, wide=True),
            _table(
                "Each part with what it belongs to",
                ["Part", "Belongs to", "Pearson", "Spearman", "p", "Cities"],
                rows,
                left=[1],
            ),
        ]
        flags = Counter(row["flag"] for row in of.flagged)
        if flags:
            listed = [
                [self.names[row["node_a"]], self.names[row["node_b"]], _number(row["coefficient"], 2), row["flag"]]
                for row in of.flagged[:MOST_ROWS]
            ]
            blocks += [
                _text(
                    f"At all levels {_listed(flags)}. High: siblings above {limits.high:g}. Weak: below "
                    f"{limits.weak:g}, with siblings or with what they belong to. Negative: below "
                    f"{_number(limits.negative, 1)}. Among hundreds of pairs some are flagged by chance."
                ),
                _table(
                    "Flagged pairs, upper levels first" + _first(of.flagged),
                    ["Part", "With", "Pearson", "Flag"],
                    listed,
                ),
            ]
        return blocks

    def _coefficient(self, a: str, b: str) -> float:
        if a == b:
            return 1.0
        row = self.of.correlations.get(("pearson", a, b))
        return math.nan if row is None or row["coefficient"] is None else float(row["coefficient"])

    def dimensionality(self) -> list[Block]:
        rows = [
            [
                group.name,
                str(len(group.codes)),
                str(group.n),
                _number(group.alpha, 2),
                _number(group.kmo, 2),
                "–" if group.first is None else words.percent(group.first),
                "–" if group.n_above_one is None else str(group.n_above_one),
            ]
            for group in self.of.groups
        ]
        eigenvalues = [
            f"{group.name}: {', '.join(f'{one:.2f}' for one in group.eigenvalues)}."
            for group in self.of.groups[:2]
            if group.eigenvalues
        ]
        missing = [f"{group.name}: {group.reason}." for group in self.of.groups if group.reason]
        return [
            _text(
                "Do the parts of a node measure one thing? Cronbach's alpha says how much of their sum they have in "
                "common, the measure of Kaiser, Meyer and Olkin (KMO) whether components may be looked at (two parts "
                "always have 0.5), and the first principal component how much of their variance one number can hold."
            ),
            _table(
                "Consistency and principal components of scores",
                ["Parts", "Number", "Cities", "Alpha", "KMO", "First component", "Eigenvalues above 1"],
                rows,
            ),
            *([_text("Eigenvalues. " + " ".join(eigenvalues))] if eigenvalues else []),
            *([_text("Not told: " + " ".join(missing))] if missing else []),
        ]

    def importance(self) -> list[Block]:
        of = self.of
        known = [row for level in of.importance.values() for row in level if row["share"] is not None]
        if not known:
            reasons = sorted({row["reason"] for level in of.importance.values() for row in level if row["reason"]})
            return [_text(f"Importance is not told: {'; '.join(reasons) or _too_few('cities')}")]
        told = "Share of the weights and share of the variance of the index that each part accounts for alone."
        gaps = [
            Gap(self.names[row["part"]], row["weight_share"], row["share"], row["level"] == "dimension")
            for row in known
        ]
        rows = [
            [
                self.names[row["part"]],
                words.percent(row["weight"]),
                _number(row["r2"], 2),
                _number(row["main_effect"], 2),
                words.percent(row["weight_share"]),
                words.percent(row["share"]),
                words.change(100 * row["gap"]),
            ]
            for row in known
        ]
        return [
            _text(
                "A weight is what a part is given; importance is what it has: the share of the variance of the index "
                "that the part alone accounts for, by any curve (main effect; Paruolo, Saisana and Saltelli 2013). "
                "It grows with the spread of the part and with its correlation to others. The gap is its share less "
                "the share of its weight, in percentage points of its level: above 0 it drives the index more than "
                "meant."
            ),
            _figure(weight_gaps(gaps, title="Weights against importance", description=told), told, wide=True),
            _table(
                "Weights and importance",
                ["Part", "Weight", "r²", "Main effect", "Share of weights", "Share of effects", "Gap"],
                rows,
            ),
        ]

    def uncertainty(self) -> list[Block]:
        of = self.of
        sure = of.sureness
        if not sure:
            return [_text(f"No rank has an interval: {_too_few('cities with open values').lower()}")]
        shown = list(sure.items())[:MOST_INTERVALS]
        intervals = [RankInterval(self.cities[city], one.rank, one.low, one.high) for city, one in shown]
        widths = sorted(one.high - one.low + 1 for one in sure.values())
        middle = widths[len(widths) // 2]
        told = f"Rank and 90 % interval of {len(shown)} cities, over {of.replications:,} replications of the index."
        inputs = of.method.as_mapping().get("uncertainty", {}).get("inputs", {})
        tiers: dict[int, list[str]] = {}
        for city, one in sure.items():
            if one.tier is not None:
                tiers.setdefault(one.tier, []).append(self.cities[city])
        blocks = [
            _text(
                f"The index was computed {of.replications:,} times, with choices that another panel might have made "
                "and with values that are as wrong as their grades admit"
                + (f" ({', '.join(name.replace('_', ' ') for name in inputs)})" if inputs else "")
                + f". Ranks are among the {len(sure)} cities with open values. A 90 % interval spans {widths[0]} to "
                f"{widths[-1]} places; half of them span {middle} or fewer."
            ),
            _figure(rank_intervals(intervals, title="Rank intervals", description=told), told, wide=True),
            _table(
                "Tiers: the first of a tier is not ahead of its others with 95 %",
                ["Tier", "Cities", "Number"],
                [[str(tier), ", ".join(cities), str(len(cities))] for tier, cities in sorted(tiers.items())],
                left=[1],
                broad=1,
            ),
        ]
        if figure := self._acceptability([city for city, _ in shown][:MOST_UNITS]):
            blocks.append(figure)
        return blocks

    def _acceptability(self, cities: Sequence[str]) -> Block | None:
        """How often each city took each rank."""
        rows = self.of.table("fact_rank_distribution").to_dicts()
        shares = {(row["city_id"], row["rank"]): row["share"] for row in rows if row["city_id"] in set(cities)}
        if not shares:
            return None
        last = min(MOST_RANKS, max(rank for _, rank in shares))
        matrix = [[shares.get((city, rank), 0.0) for rank in range(1, last + 1)] for city in cities]
        told = f"Share of the replications in which each city had each of the ranks 1 to {last}."
        names = [self.cities[city] for city in cities]
        return _figure(acceptability_map(names, matrix, title="Chance of each rank", description=told), told, wide=True)

    def sensitivity(self) -> list[Block]:
        of = self.of
        if not of.movers:
            return [_text("No choice moves a rank of these cities, or there are too few of them.")]
        bars = [Influence.of(row) for row in of.movers]
        rows = [
            [
                row["input"].replace("_", " "),
                _number(row["first"], 2),
                _range(row["first_low"], row["first_high"]),
                _number(row["total"], 2),
                _range(row["total_low"], row["total_high"]),
                str(of.moved_most.get(row["input"], 0)),
            ]
            for row in of.movers
        ]
        alone = sum(row["first"] for row in of.movers)
        settings = [
            [
                row["input"].replace("_", " "),
                self._setting(row),
                _number(row["mean_rank_shift"], 2),
                _number(row["largest_rank_shift"], 0),
                str(row["n_compared"]),
            ]
            for row in of.alone
        ]
        return [
            _text(
                "Which of the uncertain choices moves the ranking, and by how much of the variance? First order: what "
                "a choice does alone. Total: what it does together with others as well. First orders add up to "
                f"{_number(alone, 2)}: what is missing from 1 comes of choices in company, or of the error of the "
                "estimates. An interval that reaches 0 says that the choice may be fixed without loss. The rank of a "
                "city may hang on another choice than the ranking as a whole: the last column tells of how many "
                "cities each choice moves the rank most."
            ),
            _figure(
                sensitivity_bars(bars, title="What moves the ranks", description=TOLD_OF_INFLUENCES),
                TOLD_OF_INFLUENCES,
                wide=True,
            ),
            _table(
                f"Sobol' indices of the mean shift of ranks, over {of.movers[0]['n_points']:,} base points",
                ["Choice", "First order", "95 %", "Total", "95 %", "Cities moved most"],
                rows,
            ),
            _table(
                "One choice alone made otherwise, all others as the method has them" + _first(settings),
                ["Choice", "Made otherwise", "Mean shift of ranks", "Largest", "Cities"],
                settings[:MOST_ROWS],
                left=[1],
                broad=1,
            ),
        ]

    def _setting(self, row: Row) -> str:
        """A setting of a choice in words: a node that is left out by its name, draws by their number."""
        if row["setting"] is None:
            return f"{row['draws']} draws: mean and largest"
        before, without, node = row["setting"].partition("without ")
        return f"{before}{without}{self.names.get(node, node)}".translate(str.maketrans("", "", "{}'"))

    def choices(self) -> list[Block]:
        of = self.of
        if of.result is None:
            return [
                _text(
                    "The index cannot be computed anew from the values of this mart: fewer than "
                    f"{FEWEST} cities show them, or the method looks at more than they show."
                )
            ]
        n = len(of.result.values.units)
        left_aside = len(of.open_cities) - n
        blocks = [
            _text(
                f"The index was computed anew from the public values of {n} ranked cities"
                + (f" ({left_aside} more rest on values that are not public)" if left_aside else "")
                + ", first as it is – which gives the published scores – and then with one thing changed. Mean and "
                "largest shift are of ranks among these cities."
            ),
            _table(
                "Other methods",
                ["One choice changed", "Mean shift", "Largest", "City", "Spearman"],
                [self._variant(row["variant"], row) for row in of.variants],
                left=[3],
            ),
        ]
        for level, rows in of.left_out.items():
            listed = [row for row in rows if row["reason"] is None]
            name = {"dimension": "dimension", "sub_dimension": "sub-dimension", "category": "category"}[level]
            blocks.append(
                _table(
                    f"Without one {name}" + _first(listed),
                    ["Left out", "Mean shift", "Largest", "City", "Spearman"],
                    [self._variant(self._with_parent(row["variant"]), row) for row in listed[:MOST_ROWS]],
                    left=[3],
                )
            )
        return blocks

    def _with_parent(self, node: str) -> str:
        """A node's name; a category with its sub-dimension, for some names occur twice."""
        name = self.names[node]
        parent = self.of.parent(node)
        return (
            f"{name} ({self.of.nodes[parent]['name']})"
            if parent and self.of.nodes[node]["level"] == "category"
            else name
        )

    def _variant(self, name: str, row: Row) -> list[str]:
        if row["reason"] is not None:
            return [name, "–", "–", row["reason"], "–"]
        moved = self.cities[row["largest_unit"]] if row["largest_shift"] else "–"
        return [
            name,
            _number(row["mean_shift"], 2),
            _number(row["largest_shift"], 0),
            moved,
            _number(row["spearman"], 3),
        ]

    def point(self, node: str) -> str:
        """A data point's name with the code of its KPI."""
        return f"{self.names[node]} ({self.of.nodes[node]['printed_code'] or self.of.nodes[node]['kpi_code']})"

    def method(self) -> list[str]:
        about = self.of.about
        return [
            f"Framework {about['framework_version']}, method {about['method']} (SHA-256 {about['method_sha256']}).",
            "Coverage, scores, ranks, correlations, importance, intervals and tiers are rows of the mart: "
            "fact_score, fact_value, fact_correlation, fact_importance, fact_rank_uncertainty, "
            "fact_rank_distribution, fact_rank_shift, fact_one_at_a_time, fact_sensitivity. "
            "Skewness, alpha, KMO, components and variants "
            "are computed from its scores and "
            "values by ssc_index/audit; formulas and sources stand in docs/audit.md and docs/uncertainty.md. The "
            f"variants leave out the steps {' and '.join(DONE_BEFORE)}, whose outcome the mart holds.",
            "Rules and limits: reports/audit/rules.yaml. The same mart gives the same bytes.",
        ]


def _text(text: str) -> Block:
    return {"kind": "text", "text": text}


def _table(caption: str, head: list[str], rows: list[list[str]], *, left: Sequence[int] = (), broad: int = 0) -> Block:
    """A table; the first column names the row, the others are figures but for those that are at the `left`.

    The column `broad` takes the room that is left.
    """
    aligned = ["left" if column in (0, *left) else "right" for column in range(len(head))]
    return {"kind": "table", "caption": caption, "head": head, "rows": rows, "align": aligned, "broad": broad}


def _figure(svg: str, told: str, *, wide: bool = False) -> Block:
    return {"kind": "figure", "svg": svg, "told": told, "wide": wide}


def _first(rows: Sequence[object]) -> str:
    return f" (the first {MOST_ROWS} of {len(rows)})" if len(rows) > MOST_ROWS else ""


def _too_few(what: str) -> str:
    return f"Fewer than {FEWEST} {what}."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:z.{decimals}f}".replace("-", "−")


def _range(low: float | None, high: float | None) -> str:
    return f"{_number(low, 2)} to {_number(high, 2)}"


def _probability(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
