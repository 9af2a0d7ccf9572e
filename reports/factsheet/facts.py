"""What a factsheet tells: one city in one edition, gathered from the public mart, as texts that are ready to be set.

What belongs here: which figures are told, and how. What does not: their layout (``factsheet.typ``, `page.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from reports import words
from reports.changes.of_mart import stories_of
from reports.changes.story import NAMES
from reports.factsheet.certificate import certificate_facts
from reports.figures import Part, WaterfallStep, group, waterfall, wheel
from reports.figures.palette import UNCOMPARED, legend
from reports.figures.waterfall import NARROW
from reports.mart import PublicMart, ReportError
from reports.weights import aggregate_step
from ssc_index.framework.catalogue import Catalogue
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.aggregate import mean_at
from ssc_index.weights import sibling_weights

MOST, AROUND, MOST_CAUSES = 8, 2, 7
GROUP_WORDS = {"income_group": "its income group", "region": "its region", "size_class": "cities of its size"}
Row = dict[str, Any]


class FactsheetMaker:
    """Gathers the facts of cities of one edition; made once, asked for each city."""

    def __init__(self, mart: PublicMart, catalogue: Catalogue, method: Method, edition: int) -> None:
        mart.must_be_public()
        self.mart, self.catalogue, self.method, self.edition = mart, catalogue, method, edition
        self.about = mart.edition_row(edition)
        upper = ["index", "dimension", "sub_dimension"]
        self._scores = _by_city(mart["fact_score"].filter(pl.col("level").is_in(upper)))
        self._values = _by_city(_of(mart, "fact_value", edition))
        points = mart["fact_score"].filter((pl.col("level") == "data_point") & (pl.col("edition") == edition))
        self._point_scores = _by_city(points)
        self._benchmark = _by_city(_of(mart, "fact_benchmark", edition))
        self._places = _by_city(_of(mart, "fact_peer_position", edition).filter(pl.col("measure") == "value"))
        peers = _of(mart, "fact_peer", edition).to_dicts()
        self._peers = {(row["grouping"], row["peer_group"], row["measure"], row["item"]): row for row in peers}
        self._nodes = {node["node"]: node for node in mart.nodes}
        self._children: dict[str, list[Row]] = {}
        for node in mart.nodes:
            self._children.setdefault(node["parent"] or "", []).append(node)
        self._units = {code: unit.symbol for code, unit in catalogue.codes.units.items()}
        framework = catalogue.framework(edition)
        self._top = top_mean(framework, method)
        self._sureness = mart.sureness(edition)
        self._before, told = stories_of(mart, edition)
        self._stories = {one.key: one for one in told}

    @property
    def cities(self) -> list[str]:
        """Keys of the cities with any score of the edition."""
        return sorted(city for city, rows in self._scores.items() if any(r["edition"] == self.edition for r in rows))

    @property
    def leader(self) -> str:
        """Key of the first of the ranking, the first by key among equals.

        Raises:
            ReportError: If no city is ranked.
        """
        rows = self.mart["fact_score"].filter(edition=self.edition, level="index").drop_nulls("rank")
        if rows.is_empty():
            raise ReportError(f"No city is ranked in the edition {self.edition}.")
        return str(rows.sort("rank", "city_id")["city_id"][0])

    def facts(self, city: str) -> Row:
        """Everything that the factsheet of a city tells.

        Raises:
            ReportError: If nothing of the city is public in this edition.
        """
        about = self.mart.city_rows[city]
        history = self._scores.get(city, [])
        scores = {row["node"]: row for row in history if row["edition"] == self.edition}
        if "index" not in scores:
            raise ReportError(f"Nothing of {about['name']} ({city}) is public in the edition {self.edition}.")
        values = {row["data_point"]: row for row in self._values.get(city, [])}
        cuts = {(row["cut"], row["node"]): row for row in self._benchmark.get(city, []) if row["kpi_level"] == "all"}
        points = {row["node"]: row for row in self._benchmark.get(city, []) if row["cut"] == "data_point"}
        index = scores["index"]
        total = cuts.get(("total", "index"))
        return {
            "city": about["name"],
            "city_id": city,
            "country_code": about["country_code"],
            "edition": str(self.edition),
            "status": self.about["status"],
            "notice": words.DEMO_NOTICE if about["is_demo"] else "",
            "draft": words.DRAFT_NOTICE if self.about["status"] == "draft" else "",
            "profile": self._profile(about),
            "key_figures": self._key_figures(city, index, total),
            "because": words.reason(index["excluded_because"], self.mart.names) if index["excluded_because"] else "",
            "scores": self._score_rows(about, scores),
            "score_peers": self._score_peers(about),
            "wheel": self._wheel(about["name"], cuts, points, values),
            "wheel_told": self._wheel_told(values, points),
            **self._strengths(about, city, values),
            "progress": self._progress(history),
            **self._contributions(about["name"], history),
            "sureness": (sureness := self._neighbours(city)),
            "names": {city: about["name"]} | {row["city_id"]: row["name"] for row in sureness.get("rows", ())},
            "causes": self._causes(city),
            "dimensions": [node["name"] for node in self._of_level("dimension")],
            "sdgs": _sdgs(cuts),
            "quality": self._quality(values, index),
            "has_values": bool(values),
            "legend": legend(grey="not reported" if values else "not public"),
            "method": self._method(),
            "content": self.mart.content_sha256[:16],
        }

    def certificate(self, city: str) -> Row:
        """What the certificate of a city attests; raises as `facts` does."""
        facts = self.facts(city)
        (index,) = [r for r in self._scores[city] if r["edition"] == self.edition and r["node"] == "index"]
        n_kpis = len(self._of_level("kpi"))
        return certificate_facts(facts, self.about, index, self._values.get(city, []), self._n_points(), n_kpis)

    def _n_points(self) -> int:
        return sum(node["level"] == "data_point" for node in self.mart.nodes)

    def _profile(self, about: Row) -> list[list[str]]:
        people = (
            f"{words.amount(about['population'])} inhabitants"
            if about["population"]
            else words.size(about["size_class"])
        )
        return [
            ["Country", about["country"]],
            ["Region", about["region"]],
            ["Income group", about["income_group"]],
            ["Inhabitants", people],
        ]

    def _key_figures(self, city: str, index: Row, total: Row | None) -> list[list[str]]:
        """Figure and what it is, for the head of the page."""
        if index["rank"] is None:
            figures = [["not ranked", "too little reported" if index["excluded_because"] else "no public index score"]]
        else:
            figures = [[str(index["rank"]), f"rank of {self.about['n_ranked']}"]]
            if sure := self._sureness.get(city):
                tier = "" if sure.tier is None else f", tier {sure.tier}"
                told = f"90 % rank interval{tier}; rank {sure.rank} of {sure.among} with open values"
                figures.append([f"{sure.low} to {sure.high}", told])
            figures.append([words.score(index["score"]), "index score of 100"])
        figures.append([words.percent(index["coverage"]), "of scored data points reported"])
        if total is not None and total["percentage"] is not None:
            figures.append([f"{words.score(total['percentage'])} %", "of U4SSC benchmark points"])
        return figures

    def _neighbours(self, city: str) -> Row:
        """The city and those around it with their rank intervals, for a small figure; empty where it has none."""
        order = list(self._sureness)
        if city not in self._sureness:
            return {}
        place = order.index(city)
        start = max(0, min(place - AROUND, len(order) - 2 * AROUND - 1))
        own = self._sureness[city]

        def at(rank: int) -> float:
            return (rank - 1) / max(1, own.among - 1)

        rows = []
        for other in order[start : start + 2 * AROUND + 1]:
            sure = self._sureness[other]
            name = self.mart.city_rows[other]["name"]
            rows.append(
                {
                    "city_id": other,
                    "name": name,
                    "is_own": other == city,
                    "rank": sure.rank,
                    "low": sure.low,
                    "high": sure.high,
                    "at": [at(sure.low), at(sure.rank), at(sure.high)],
                }
            )
        tier = [other for other, sure in self._sureness.items() if sure.tier == own.tier]
        told = f"Rank and 90 % interval among the {own.among} cities with open values."
        if own.tier is not None:
            told += f" Tier {own.tier} holds {len(tier)} {'city' if len(tier) == 1 else 'cities'}."
        return {"rows": rows, "told": told}

    def _causes(self, city: str) -> Row:
        """Why score and rank changed since the edition before; empty where nothing is known of it."""
        story = self._stories.get(city)
        if story is None:
            return {}
        parts = [
            [
                NAMES[name],
                words.change(story.score_parts.get(name), 2),
                words.change(story.rank_parts.get(name), 1),
            ]
            for name in NAMES
            if story.score_parts.get(name) or story.rank_parts.get(name)
        ]
        return {
            "before": str(self._before),
            "told": story.sentences[0],
            "more": next((one for one in story.sentences if one.startswith("Not divided")), ""),
            "parts": parts,
            "total": [words.change(story.score_change, 2), words.change(story.rank_change, 0)],
            "kpis": [[name, words.change(value, 2)] for name, value in story.kpis][:MOST_CAUSES],
        }

    def _score_rows(self, about: Row, scores: Mapping[str, Row]) -> list[Row]:
        rows = []
        for node in self.mart.nodes:
            if node["level"] not in ("index", "dimension", "sub_dimension"):
                continue
            own = scores.get(node["node"])
            peers = self._peers.get(("income_group", about["income_group"], "score", node["node"]), {})
            rows.append(
                {
                    "name": node["name"],
                    "is_main": node["level"] != "sub_dimension",
                    "score": "not public" if own is None else words.score(own["score"]),
                    "share": 0.0 if own is None or own["score"] is None else own["score"] / 100,
                    "rank": "–" if own is None or own["rank"] is None else str(own["rank"]),
                    "peers": words.score(peers.get("median")),
                }
            )
        return rows

    def _score_peers(self, about: Row) -> str:
        peers = self._peers.get(("income_group", about["income_group"], "score", "index"), {})
        if peers.get("n_cities") is None:
            return "Peers: cities of its income group; shown from five cities up."
        return f"Peers: median of the {peers['n_cities']} ranked cities of its income group ({about['income_group']})."

    def _wheel(
        self, name: str, cuts: Mapping[tuple[str, str], Row], points: Mapping[str, Row], values: Mapping[str, Row]
    ) -> str:
        """The benchmark wheel as SVG."""

        def cut(name: str, key: tuple[str, str], parts: tuple[Part, ...]) -> Part:
            row = cuts.get(key)
            if row is None or row["percentage"] is None:
                return group(name, None, "no benchmark" if values else "not public", parts)
            return group(name, row["band"], f"{words.score(row['percentage'])} % of benchmark points", parts)

        def point(node: Row) -> Part:
            row, value = points.get(node["node"]), values.get(node["node"])
            if value is None:
                return Part(node["name"], None, "not reported" if values else "not public")
            told = words.amount(value["value"], node["unit"])
            if value["is_carried"]:
                told += f", carried from {value['value_year']}"
            band = None if row is None else row["band"]
            return Part(node["name"], band or UNCOMPARED.key, told if band else f"{told}, no benchmark")

        dimensions = []
        for dimension in self._of_level("dimension"):
            categories = []
            for sub in self._children[dimension["node"]]:
                for category in self._children[sub["node"]]:
                    kpis = self._children[category["node"]]
                    parts = tuple(point(one) for kpi in kpis for one in self._children[kpi["node"]])
                    key = ("category", f"{dimension['node']}: {category['name']}")
                    categories.append(cut(category["name"], key, parts))
            dimensions.append(cut(dimension["name"], ("dimension", dimension["node"]), tuple(categories)))
        total = cuts.get(("total", "index"))
        centre = words.score(total["percentage"]) if total else "–"
        told = (
            "Rings from the inside: dimensions, categories, data points, coloured by the share of the target reached."
        )
        return wheel(
            dimensions, (centre, "% of benchmark points"), title=f"Benchmark wheel of {name}", description=told
        )

    def _wheel_told(self, values: Mapping[str, Row], points: Mapping[str, Row]) -> str:
        """What of the wheel is in colour, what is hatched and what is grey; the parts add up to all data points."""
        asked = self._n_points()
        if not values:
            return f"None of the {asked} data points is public."
        carried = sum(row["is_carried"] for row in values.values())
        compared = sum(points.get(code, {}).get("band") is not None for code in values)
        untargeted = len(values) - compared - carried
        lines = [f"{carried} carried from earlier years"] if carried else []
        lines += [f"{untargeted} without a target"] if untargeted else []
        hatched = f", {' and '.join(lines)} are hatched" if lines else ""
        grey = f"{asked - len(values)} are grey."
        return f"Of {asked} data points {compared} are compared with their targets{hatched}; {grey}"

    def _of_level(self, level: str) -> list[Row]:
        return [node for node in self.mart.nodes if node["level"] == level]

    def _strengths(self, about: Row, city: str, values: Mapping[str, Row]) -> Row:
        """Best and worst data points against the first peer group that has enough cities."""
        rows = [row for row in self._places.get(city, []) if row["item"] in values]
        rows = [row for row in rows if self._nodes[row["item"]]["direction"] in ("higher", "lower")]
        for grouping in GROUP_WORDS:
            placed = [row for row in rows if row[f"{grouping}_percentile"] is not None]
            if len(placed) >= 2:
                break
        else:
            return {"strengths": [], "weaknesses": [], "peers": ""}
        placed.sort(key=lambda row: (-row[f"{grouping}_percentile"], row["item"]))
        half = min(MOST, len(placed) // 2)
        group = about[grouping]

        def told(row: Row) -> Row:
            node = self._nodes[row["item"]]
            peers = self._peers.get((grouping, group, "value", row["item"]), {})
            return {
                "name": node["name"],
                "unit": self._units.get(node["unit"] or "", ""),
                "value": words.amount(row["figure"], node["unit"]),
                "median": words.amount(peers.get("median"), node["unit"]),
                "ahead": f"{row[f'{grouping}_percentile']:.0f} %",
            }

        name = words.size(group) if grouping == "size_class" else group
        return {
            "strengths": [told(row) for row in placed[:half]],
            "weaknesses": [told(row) for row in reversed(placed[-half:])],
            "peers": f"{GROUP_WORDS[grouping]}: {name}",
        }

    def _progress(self, history: Sequence[Row]) -> list[list[str]]:
        """Edition, rank, index, dimensions, coverage; the latest first."""
        dimensions = [node["node"] for node in self._of_level("dimension")]
        rows = []
        for edition in reversed([year for year in self.mart.editions if year <= self.edition]):
            nodes = {row["node"]: row for row in history if row["edition"] == edition}
            index = nodes.get("index")
            if index is None:
                continue
            ranked = self.mart.edition_row(edition)["n_ranked"]
            rows.append(
                [
                    str(edition),
                    "–" if index["rank"] is None else f"{index['rank']} of {ranked}",
                    words.score(index["score"]),
                    *(words.score(nodes[node]["score"]) if node in nodes else "–" for node in dimensions),
                    words.percent(index["coverage"]),
                    str(index["n_carried"]),
                ]
            )
        return rows[:6]

    def _contributions(self, name: str, history: Sequence[Row]) -> Row:
        """The waterfall from the last scored edition to this one, and a sentence."""
        scored = sorted(
            row["edition"]
            for row in history
            if row["node"] == "index" and row["score"] is not None and row["edition"] <= self.edition
        )
        if len(scored) < 2 or scored[-1] != self.edition:
            return {"waterfall": "", "moved": ""}
        before, after = ({row["node"]: row["score"] for row in history if row["edition"] == y} for y in scored[-2:])
        parts = contributions(before, after, *self._top) if self._top else None
        if parts is None:
            return {"waterfall": "", "moved": ""}
        steps = [WaterfallStep(self.mart.names[node], change) for node, change in parts.items()]
        told = ", ".join(f"{step.name} {words.change(step.change)}" for step in steps)
        moved = f"From {words.score(before['index'])} in {scored[-2]} to {words.score(after['index'])}: {told}."
        figure = waterfall(
            (str(scored[-2]), before["index"]),
            steps,
            (str(scored[-1]), after["index"]),
            title=f"What moved the index of {name}",
            description=moved,
            width=NARROW,
        )
        return {"waterfall": figure, "moved": moved}

    def _quality(self, values: Mapping[str, Row], index: Row) -> Row:
        grades = [
            [told, str(count)]
            for code, told in words.QUALITIES.items()
            if (count := sum(row["quality"] == code for row in values.values()))
        ]
        ungraded = sum(row["quality"] is None for row in values.values())
        carried = sum(row["is_carried"] for row in values.values())
        asked = self._n_points()
        return {
            "facts": [
                [f"Data points reported for {self.edition}, public", f"{len(values) - carried} of {asked}"],
                ["Coverage of the scored ones", words.percent(index["coverage"])],
                ["Carried from an earlier year", f"{carried} of {asked}"],
                ["Of the scored ones carried or imputed", str(index["n_imputed"])],
                [
                    "Recomputed from numerator and denominator",
                    str(sum(row["derivation"] == "recomputed" for row in values.values())),
                ],
                ["Sources named", str(sum(row["source"] is not None for row in values.values()))],
            ],
            "grades": [*grades, *([["no grade declared", str(ungraded)]] if ungraded else [])],
        }

    def _method(self) -> list[str]:
        about = self.about
        mean = f" by a {self._top[1]} mean" if self._top else ""
        scored = sum(node["level"] == "data_point" and node["is_scored"] for node in self.mart.nodes)
        return [
            f"The index rests on {scored} data points of the U4SSC key performance indicators (ITU-T Y.4903), "
            "reported by cities and verified. "
            "Each value is put on a scale from 0 to 100 between two goalposts of the catalogue; scores are averaged "
            f"up to three dimensions, and these to the index{mean}. A missing value may be replaced by the city's "
            "own verified value of the two years before; no value comes from other cities. Cities that report too "
            "little are not ranked.",
            "The benchmark is another thing: the share of its target that a value reaches gives one to four points; "
            "points reached of points possible, on what is reported, is the percentage and the colour in the wheel.",
            f"{about['n_provisional_goalposts']} goalposts and most targets are provisional. Ranks are among the "
            f"{words.count(about['n_ranked'], 'ranked city that is', 'ranked cities that are')} shown. "
            "Peers are shown from five cities up. “Ahead of” is "
            "the share of peers that the city does better than, ties counted half.",
            f"Framework {about['framework_version']}, method {about['method']} "
            f"(SHA-256 {about['method_sha256'][:16]}…).",
        ]


def top_mean(framework: Framework, method: Method) -> tuple[dict[str, float], str, float | None] | None:
    """Weights of the dimensions, their mean and its floor; None where no one step says it all."""
    try:
        step = aggregate_step(method)
    except ReportError:
        return None
    children = framework.children[framework.root.code]
    weights = sibling_weights(children, step.weights)
    named = {node.code: weight for node, weight in zip(children, weights, strict=True)}
    return named, mean_at(step, framework.root), step.floor


def contributions(
    before: Mapping[str, float | None],
    after: Mapping[str, float | None],
    weights: Mapping[str, float],
    mean: str,
    floor: float | None,
) -> dict[str, float] | None:
    """Each part's share in the change of a weighted mean; the shares add up to the change exactly.

    Arithmetic: ``w Δx / Σw``. Geometric: ``w L(I₁, I₀) ln(x₁ / x₀) / Σw`` with the logarithmic mean L of the two
    results, so that nothing is left over.

    Args:
        before: Scores of the parts and of ``index``; None is missing.
        after: The same, later.
        weights: Weights of the parts.
        mean: ``arithmetic`` or ``geometric``.
        floor: What a geometric mean raises parts to.

    Returns:
        Contribution of each part; None where a part is missing.

    Source: Ang (2004), logarithmic mean Divisia index.

    >>> contributions({"a": 40.0, "index": 40.0}, {"a": 50.0, "index": 50.0}, {"a": 1.0}, "arithmetic", None)
    {'a': 10.0}
    """
    total = sum(weights.values())
    start, end = before.get("index"), after.get("index")
    pairs = {node: (before.get(node), after.get(node)) for node in weights}
    if start is None or end is None or any(None in pair for pair in pairs.values()):
        return None
    scale = start if start == end else (end - start) / math.log(end / start)
    parts: dict[str, float] = {}
    for node, (first, second) in pairs.items():
        assert first is not None
        assert second is not None
        if mean == "geometric":
            low = floor or 0.0
            parts[node] = weights[node] / total * scale * math.log(max(second, low) / max(first, low))
        else:
            parts[node] = weights[node] / total * (second - first)
    return parts


def _sdgs(cuts: Mapping[tuple[str, str], Row]) -> list[Row]:
    """Benchmark by goal, in the order of the goals."""
    rows = [row for (cut, _), row in cuts.items() if cut == "sdg"]
    rows.sort(key=lambda row: int(row["node"].rpartition(" ")[2]))
    return [
        {
            "name": f"{row['node'].removeprefix('SDG ')} {words.GOALS[int(row['node'].rpartition(' ')[2])]}",
            "told": "–" if row["percentage"] is None else f"{row['percentage']:.0f} %",
            "share": (row["percentage"] or 0.0) / 100,
            "n": str(row["n_scored"]),
        }
        for row in rows
    ]


def _of(mart: PublicMart, table: str, edition: int) -> pl.DataFrame:
    return mart[table].filter(pl.col("edition") == edition)


def _by_city(frame: pl.DataFrame) -> dict[str, list[Row]]:
    """Rows by city."""
    parts = frame.partition_by("city_id", as_dict=True, maintain_order=True)
    return {str(key[0]): part.to_dicts() for key, part in parts.items()}
