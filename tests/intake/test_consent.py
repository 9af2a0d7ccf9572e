"""What consent lets out, and that nothing else can be solved from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from assets.editions import edition_tables
from assets.marts import parents
from intake.consent import covers, least_consent, public_view, visible_benchmark, visible_cities, visible_values
from intake.selection import accepted_submissions, edition_cities, selected_values
from schemas import audit, benchmark, changes, core, index, uncertainty
from schemas.raw import CONSENTS
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.method import Method, method_from_mapping
from tests.assets.cohort import (
    receipt_row,
    receipts_frame,
    register_frame,
    shared_frames,
    submission_row,
    submissions_frame,
    value_row,
)

TREE = parents(load_catalogue())
CITY_OF = {"report": "a", "values": "b", "scores": "f", "none": "g"}


@pytest.fixture(scope="module")
def public() -> dict[str, pl.DataFrame]:
    return public_view(shared_frames(), TREE)


def of_city(frame: pl.DataFrame, city: str) -> pl.DataFrame:
    return frame.filter(pl.col("city_id") == city)


# --- each consent word × each frame ---------------------------------------------------------------------------

SEEN = {
    "raw_cities": {"scores", "values", "report"},
    "index_cities": {"scores", "values", "report"},
    "index_scores": {"scores", "values", "report"},
    "benchmark_scores": {"scores", "values", "report"},
    "picked_values": {"values", "report"},
    "core_values": {"values", "report"},
    "benchmark_points": {"values", "report"},
}


@pytest.mark.parametrize("word", CONSENTS)
@pytest.mark.parametrize("name", SEEN)
def test_a_frame_shows_a_city_only_where_its_consent_covers_it(
    name: str, word: str, public: dict[str, pl.DataFrame]
) -> None:
    assert not of_city(shared_frames()[name], CITY_OF[word]).is_empty()
    assert (not of_city(public[name], CITY_OF[word]).is_empty()) == (word in SEEN[name])


def test_frames_of_the_index_team_are_not_in_the_public_view(public: dict[str, pl.DataFrame]) -> None:
    inside = {"raw_files", "raw_submissions", "raw_receipts", "core_quarantine", "core_findings"}
    inside |= {"accepted_submissions", "value_counts"}
    assert shared_frames().keys() - public.keys() == inside


def test_consent_to_scores_shows_no_population_and_no_number_of_values(public: dict[str, pl.DataFrame]) -> None:
    shown = {
        word: of_city(public["index_cities"], city).row(0, named=True)
        for word, city in CITY_OF.items()
        if word != "none"
    }
    assert (shown["scores"]["population"], shown["scores"]["n_values"]) == (None, 0)
    assert shown["values"]["population"] == 123_457.0
    assert shown["values"]["n_values"] > 90


def test_consent_to_scores_shows_nothing_below_the_sub_dimensions(public: dict[str, pl.DataFrame]) -> None:
    levels = set(of_city(public["index_scores"], "f")["level"])
    assert levels == {"index", "dimension", "sub_dimension"}
    assert set(of_city(public["index_scores"], "b")["level"]) == levels | {"category", "kpi", "data_point"}


def test_consent_to_scores_shows_benchmarks_of_total_and_dimensions_over_all_kpis(
    public: dict[str, pl.DataFrame],
) -> None:
    shown = of_city(public["benchmark_scores"], "f")
    assert set(shown["cut"]) == {"total", "dimension"}
    assert set(shown["kpi_level"]) == {"all"}


def test_public_peers_rest_on_shown_figures_only(public: dict[str, pl.DataFrame]) -> None:
    peers = public["benchmark_peer_positions"]
    assert set(peers["audience"]) == {"public"}
    assert "g" not in set(peers["city_id"])
    figures = peers.filter(pl.col("measure") == "value").select("edition", "city_id", "item", "figure")
    shown = public["picked_values"].select("edition", "city_id", item="data_point", figure="value")
    assert figures.join(shown, on=figures.columns, how="anti").is_empty()


def test_the_least_of_several_consents_counts() -> None:
    frame = pl.DataFrame({"city": list("aabb"), "consent": ["report", "scores", "values", "none"]})
    found = frame.group_by("city", maintain_order=True).agg(least_consent())
    assert found["consent"].to_list() == ["scores", "none"]


@pytest.mark.parametrize(
    ("least", "covered"), [("scores", CONSENTS[1:]), ("values", CONSENTS[2:]), ("report", CONSENTS[3:])]
)
def test_each_word_covers_what_the_lesser_ones_cover(least: str, covered: tuple[str, ...]) -> None:
    frame = pl.DataFrame({"consent": CONSENTS})
    assert tuple(frame.filter(covers(least))["consent"]) == covered


def test_a_carried_value_needs_its_own_consent_and_that_of_the_edition() -> None:
    # Edition 2024 carries a value of 2022. Shown only where both rows say values or more.
    words = [(own, row) for own in CONSENTS for row in CONSENTS]
    values = pl.DataFrame(
        {"edition": 2024, "city_id": [f"{own} {row}" for own, row in words], "consent": [own for own, _ in words]}
    )
    cities = pl.DataFrame(
        {"edition": 2024, "city_id": [f"{own} {row}" for own, row in words], "consent": [row for _, row in words]}
    )
    shown = set(visible_values(values, cities)["city_id"])
    assert shown == {"values values", "values report", "report values", "report report"}


def test_a_city_without_consent_is_nowhere_named() -> None:
    facts = {"population": [1.0], "n_values": [1], "region": [""], "income_group": [""], "size_class": [""]}
    cities = pl.DataFrame({"city_id": ["x"], "public_id": ["x"], **facts, "consent": ["none"]})
    assert visible_cities(cities).is_empty()


def test_planted_secrets_appear_in_no_public_frame() -> None:
    # City f lets scores out, city g nothing: a value, a population, names and a file name of theirs are planted.
    frames = dict(shared_frames())
    secret = (pl.col("city_id") == "f") & (pl.col("data_point") == "EC_ICT_ICT_2C.main")
    marked = {
        name: frames[name].with_columns(pl.when(secret).then(31.4159265).otherwise("value").alias("value"))
        for name in ("picked_values", "core_values", "benchmark_points")
    }
    named = frames["raw_cities"].with_columns(
        pl.when(pl.col("city_id") == "g").then(pl.lit("Zzyzx-on-Sea")).otherwise("name").alias("name")
    )
    people = frames["index_cities"].with_columns(
        pl.when(pl.col("city_id") == "f").then(271_828.0).otherwise("population").alias("population")
    )
    planted = {**frames, **marked, "raw_cities": named, "index_cities": people}
    markers = ("31.4159265", "Zzyzx", "271828.0", "secret-file", "Source of f", "Source of g", "Alias g")
    inside = "\n".join(frame.write_csv() for frame in planted.values())
    outside = "\n".join(frame.write_csv() for frame in public_view(planted, TREE).values())
    assert [marker for marker in markers if marker not in inside] == []
    assert [marker for marker in markers if marker in outside] == []


# --- ranks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["index", "sub_dimension", "data_point"])
def test_ranks_are_taken_among_the_rows_that_are_shown(level: str, public: dict[str, pl.DataFrame]) -> None:
    # Scores 80, 70, 70, 60 rank 1, 2, 2, 4: no gap tells of a city that is not shown in that node.
    shown = public["index_scores"].filter((pl.col("level") == level) & pl.col("score").is_not_null())
    expected = shown.with_columns(
        pl.col("score").rank("min", descending=True).over("edition", "node").alias("rank").cast(pl.Int32)
    )
    assert not shown.is_empty()
    assert shown["rank"].equals(expected["rank"])
    assert shown["rank_published"].equals(expected["rank"])


# --- the attack -----------------------------------------------------------------------------------------------

CITY = "a"
YEARS = (2022, 2023, 2024)
Leaf = tuple[int, str]


@dataclass(frozen=True)
class Case:
    """One city's history: data points per sub-dimension, the index's mean, values by year, consent by year."""

    sizes: tuple[int, ...]
    index_mean: str
    coverage: float
    values: Mapping[Leaf, float]
    consents: Mapping[int, str]

    @property
    def framework(self) -> Framework:
        return small_framework(self.sizes)

    @property
    def method(self) -> Method:
        return small_method(self.index_mean, self.coverage)


@cache
def small_framework(leaves: tuple[int, ...]) -> Framework:
    """Two dimensions of two sub-dimensions each, with so many data points; value and score are the same."""
    nodes = [Node(code="index", parent=None, name="index", level="index")]
    for number, count in enumerate(leaves):
        dimension, part = "AB"[number // 2], f"{'AB'[number // 2]}{number % 2}"
        if number % 2 == 0:
            nodes.append(Node(code=dimension, parent="index", name=dimension, level="dimension"))
        nodes.append(Node(code=part, parent=dimension, name=part, level="sub_dimension"))
        nodes += [
            Node(
                code=f"{part}.{leaf}",
                parent=part,
                name=part,
                level="data_point",
                direction="higher",
                low=0.0,
                high=100.0,
            )
            for leaf in range(count)
        ]
    return framework_from_nodes(nodes)


def small_method(index_mean: str, coverage: float) -> Method:
    """Own values of two years before are carried; means as told."""
    means = {"method": "arithmetic", "levels": {"index": index_mean}, "min_coverage": coverage}
    steps: list[dict[str, Any]] = [
        {"impute": {"method": "last_value", "max_years": 2}},
        {"normalise": {"method": "goalposts", "range": [0, 100], "clip": True}},
        {"aggregate": means | ({"floor": 1.0} if index_mean == "geometric" else {})},
    ]
    return method_from_mapping({"name": "test", "steps": steps})


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sizes = draw(st.tuples(*[st.integers(1, 4)] * 4))
    one_value = st.one_of(st.none(), st.sampled_from([0.0, 100.0]), st.integers(1, 99).map(float))
    drawn = {(year, code): draw(one_value) for year in YEARS for code in small_framework(sizes).codes}
    words = st.sampled_from(["scores", "scores", "values", "none"])
    return Case(
        sizes,
        draw(st.sampled_from(["arithmetic", "geometric"])),
        draw(st.sampled_from([0.0, 0.5])),
        {leaf: value for leaf, value in drawn.items() if value is not None},
        {year: draw(words) for year in YEARS},
    )


def frames_of(case: Case) -> dict[str, pl.DataFrame]:
    """What the public view is made from: the case's editions through selection and engine."""
    receipts = receipts_frame([receipt_row(CITY, year, case.consents[year]) for year in YEARS])
    cells = [value_row(CITY, year, code, value) for (year, code), value in case.values.items()]
    values = pl.DataFrame(cells, schema=core.values(load_catalogue()).polars_schema)
    accepted = accepted_submissions(receipts)
    selected = selected_values(values, accepted, YEARS, 2)
    submissions = submissions_frame([submission_row(CITY, year) for year in YEARS])
    places = edition_cities(selected, accepted, submissions, register_frame([CITY]), [], YEARS, 2)
    scores = [
        edition_tables(
            edition,
            selected.filter(pl.col("edition") == edition),
            places.filter(pl.col("edition") == edition),
            case.framework,
            case.method,
        )[index.SCORES.name]
        for edition in YEARS
    ]
    return {
        **dict.fromkeys(("workspace", "catalogue_nodes"), pl.DataFrame()),
        "catalogue_goalposts": pl.DataFrame(schema={"edition": pl.Int16}),
        "raw_cities": register_frame([CITY]),
        "index_cities": places,
        "picked_values": selected,
        "core_values": values,
        "index_scores": pl.concat(scores),
        "benchmark_points": benchmark.POINTS.empty(),
        "benchmark_scores": benchmark.SCORES.empty(),
        "benchmark_peers": benchmark.PEERS.empty(),
        "benchmark_peer_positions": benchmark.PEER_POSITIONS.empty(),
        "audit_correlations": audit.CORRELATIONS.empty(),
        "audit_importance": audit.IMPORTANCE.empty(),
        "changes_parts": changes.PARTS.empty(),
        "changes_kpis": changes.KPIS.empty(),
        "uncertainty_ranks": uncertainty.RANKS.empty(),
        "uncertainty_distribution": uncertainty.DISTRIBUTION.empty(),
        "uncertainty_dominance": uncertainty.DOMINANCE.empty(),
        "uncertainty_sensitivity": uncertainty.SENSITIVITY.empty(),
        "uncertainty_rank_shift": uncertainty.RANK_SHIFT.empty(),
        "uncertainty_one_at_a_time": uncertainty.ONE_AT_A_TIME.empty(),
    }


class Attacker:
    """Someone who knows the method, who reported what in which year, every value that its city lets out, and the
    public view; who wants any of the others.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.children = case.framework.children
        frames = frames_of(case)
        self.public = public_view(frames, {node.code: node.parent for node in case.framework.nodes})
        truth = frames["index_scores"].filter(pl.col("score").is_not_null())
        self.score = {
            (edition, node): score for edition, node, score in truth.select("edition", "node", "score").iter_rows()
        }
        picked = frames["picked_values"].select("edition", "data_point", "year")
        self.source: dict[Leaf, Leaf] = {(edition, code): (year, code) for edition, code, year in picked.iter_rows()}
        self.secrets = [leaf for leaf in case.values if case.consents[leaf[0]] in ("none", "scores")]
        seen = self.public["index_scores"].filter(pl.col("score").is_not_null())
        self.known = set(seen.select("edition", "node").iter_rows())
        self._reason()

    def _kids(self, edition: int, node: str) -> list[tuple[int, str]]:
        kids = self.children.get(node, ())
        return [(edition, kid.code) for kid in kids if (edition, kid.code) in self.score]

    def _reason(self) -> None:
        """Work out every score that follows from known ones: a parent from its children, a child from the rest."""
        before = -1
        while before != len(self.known):
            before = len(self.known)
            for edition, node in self.score:
                kids = self._kids(edition, node)
                missing = [kid for kid in kids if kid not in self.known]
                if kids and not missing:
                    self.known.add((edition, node))
                elif len(missing) == 1 and (edition, node) in self.known:
                    self.known.add(missing[0])

    def solved_by_steps(self) -> set[Leaf]:
        """Secrets that follow one by one."""
        found = {self.source[key] for key in self.known if key in self.source}
        return found & set(self.secrets)

    def equations(self) -> tuple[np.ndarray, np.ndarray]:
        """What the known means say of the secrets: matrix and right-hand side."""
        column = {leaf: number for number, leaf in enumerate(self.secrets)}
        rows, sums = [np.zeros(len(column))], [0.0]
        for edition, node in sorted(self.known):
            weights = self._weights(edition, node)
            if weights is None or (edition, node) in self.source:
                continue
            row, total = np.zeros(len(column)), self.score[edition, node]
            for key, weight in weights.items():
                if self.source[key] in column:
                    row[column[self.source[key]]] += weight
                else:
                    total -= weight * self.score[key]
            rows.append(row)
            sums.append(total)
        return np.array(rows), np.array(sums)

    def _weights(self, edition: int, node: str) -> dict[tuple[int, str], float] | None:
        """Weights of the data points in a node's score; None where a geometric mean makes it no sum."""
        if (edition, node) in self.source:
            return {(edition, node): 1.0}
        if node == "index" and self.case.index_mean == "geometric":
            return None
        kids = self._kids(edition, node)
        weights: dict[tuple[int, str], float] = {}
        for kid in kids:
            for key, weight in (self._weights(*kid) or {}).items():
                weights[key] = weight / len(kids)
        return weights

    def solved_by_algebra(self) -> set[Leaf]:
        """Secrets that have only one value in all solutions of the equations, the scale's ends not considered."""
        matrix, _ = self.equations()
        if not matrix.any():
            return set()
        _, sizes, basis = np.linalg.svd(matrix, full_matrices=False)
        reach = (basis[sizes > 1e-9] ** 2).sum(axis=0)
        return {leaf for leaf, share in zip(self.secrets, reach, strict=True) if share > 1 - 1e-9}

    def is_any_pinned(self) -> bool:
        """Whether the ends of the scale leave some secret only one value: then no solution lies inside it."""
        matrix, sums = self.equations()
        if not matrix.any():
            return False
        count = len(self.secrets)
        inside = np.block([[-np.eye(count), np.ones((count, 1))], [np.eye(count), np.ones((count, 1))]])
        found = linprog(
            np.append(np.zeros(count), -1.0),
            A_ub=inside,
            b_ub=np.append(np.zeros(count), np.full(count, 100.0)),
            A_eq=np.hstack([matrix, np.zeros((len(matrix), 1))]),
            b_eq=sums,
            bounds=(None, None),
        )
        assert found.status == 0, found.message
        return bool(-found.fun < 1e-6)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_no_value_without_consent_can_be_solved_from_what_is_shown(case: Case) -> None:
    attacker = Attacker(case)
    assert attacker.solved_by_steps() == set()
    assert attacker.solved_by_algebra() == set()
    assert not attacker.is_any_pinned()


def shown_nodes(case: Case, edition: int = 2024) -> set[str]:
    shown = Attacker(case).public["index_scores"]
    return set(shown.filter((pl.col("edition") == edition) & pl.col("score").is_not_null())["node"])


def history(sizes: tuple[int, ...], years: Mapping[int, Mapping[str, float]], consent: str = "scores") -> Case:
    """A case from values by year and data point, all years with the same consent."""
    values = {(year, code): value for year, cells in years.items() for code, value in cells.items()}
    return Case(sizes, "geometric", 0.0, values, dict.fromkeys(YEARS, consent))


def reported(**counts: int) -> dict[str, float]:
    """So many data points of each sub-dimension: 10, 20, 30 …"""
    return {f"{part}.{leaf}": 10.0 * (leaf + 1) for part, count in counts.items() for leaf in range(count)}


EVERYTHING = {"index", "A", "B", "A0", "A1", "B0", "B1"}


def test_three_data_points_each_show_every_coarse_score() -> None:
    assert shown_nodes(history((3, 3, 3, 3), {2024: reported(A0=3, A1=3, B0=3, B1=3)})) == EVERYTHING


def test_a_sub_dimension_on_two_data_points_hides_its_siblings_too() -> None:
    # A = (A0 + A1) / 2: with A and A0 shown, A1 would be 2 A − A0.
    assert shown_nodes(history((3, 3, 3, 3), {2024: reported(A0=3, A1=2, B0=3, B1=3)})) == EVERYTHING - {"A0", "A1"}


def test_a_dimension_on_two_data_points_hides_all_below_the_index() -> None:
    # Were B0 and B1 shown, B would be their mean and A = index² / B.
    assert shown_nodes(history((3, 3, 3, 3), {2024: reported(A0=2, B0=3, B1=3)})) == {"index"}


def test_a_data_point_whose_sub_dimension_has_no_score_does_not_count() -> None:
    # Half of A0's five are asked for and two are there: A0 has no score, A is A1 alone, and that is one value.
    values = {2024: reported(A0=2, A1=1, B0=3, B1=3)}
    case = Case((5, 2, 3, 3), "geometric", 0.5, history((), values).values, dict.fromkeys(YEARS, "scores"))
    assert shown_nodes(case) == {"index"}


def test_secrets_that_are_all_at_an_end_of_the_scale_are_not_shown() -> None:
    # A mean of 100 says that each is 100.
    values = reported(A0=3, A1=3, B0=3, B1=3) | dict.fromkeys(("A0.0", "A0.1", "A0.2"), 100.0)
    assert shown_nodes(history((3, 3, 3, 3), {2024: values})) == EVERYTHING - {"A0", "A1"}


def test_a_score_that_rests_on_carried_secrets_is_not_shown() -> None:
    # 2023 reports four in A0, 2024 none: with both means shown, a data point that drops out would be a difference.
    years = {2023: reported(A0=4, A1=3, B0=3, B1=3), 2024: reported(A1=3, B0=3, B1=3)}
    assert shown_nodes(history((4, 3, 3, 3), years), 2023) == EVERYTHING
    assert shown_nodes(history((4, 3, 3, 3), years), 2024) == EVERYTHING - {"A0", "A1"}


def test_consent_to_values_hides_no_score() -> None:
    nodes = shown_nodes(history((3, 3, 3, 3), {2024: reported(A0=1, B0=1)}, "values"))
    assert nodes == {"index", "A", "B", "A0", "B0", "A0.0", "B0.0"}


# --- benchmark percentages ------------------------------------------------------------------------------------


def percentages(points: Mapping[str, tuple[int, ...]]) -> pl.DataFrame:
    """Rows of ``benchmark.scores`` of one city with consent to scores, from the points of its data points."""
    cuts = [("total", "index", tuple(point for own in points.values() for point in own))]
    cuts += [("dimension", node, own) for node, own in points.items()]
    rows = [
        {
            "edition": 2024,
            "city_id": CITY,
            "cut": cut,
            "node": node,
            "kpi_level": "all",
            "n_reported": len(own),
            "n_scored": len(own),
            "points": sum(own) if own else None,
            "max_points": 4 * len(own) if own else None,
            "percentage": 100 * sum(own) / (4 * len(own)) if own else None,
            "band": "any" if own else None,
            "consent": "scores",
        }
        for cut, node, own in cuts
    ]
    return pl.DataFrame(rows, schema=benchmark.SCORES.polars_schema)


def test_benchmarks_far_from_both_ends_are_shown() -> None:
    # Each dimension: 3 data points, 6 to 9 of 12 points; any one of them may have 1 to 4.
    shown = visible_benchmark(percentages({"EC": (2, 2, 2), "EN": (1, 3, 4), "SC": (3, 3, 3)}))
    assert shown["node"].to_list() == ["index", "EC", "EN", "SC"]


@pytest.mark.parametrize(
    "narrow",
    [
        pytest.param((2, 3), id="two data points"),
        pytest.param((4, 4, 4), id="all at full points"),
        pytest.param((4, 4, 2), id="10 of 12: none can have 1 point"),
        pytest.param((1, 1, 3), id="5 of 12: none can have 4 points"),
    ],
)
def test_a_dimension_that_tells_hides_all_dimensions(narrow: tuple[int, ...]) -> None:
    shown = visible_benchmark(percentages({"EC": (2, 2, 3), "EN": (1, 3, 4), "SC": narrow}))
    assert shown["node"].to_list() == ["index"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), max_size=5).map(tuple), min_size=3, max_size=3))
def test_points_that_are_shown_leave_every_data_point_any_points(drawn: list[tuple[int, ...]]) -> None:
    points = dict(zip(("EC", "EN", "SC"), drawn, strict=True))
    shown = visible_benchmark(percentages(points))
    sums = {node: (n, total) for node, n, total in shown.select("node", "n_scored", "points").iter_rows() if n}
    hidden = [node for node in points if points[node] and node not in sums]
    if "index" in sums and len(hidden) == 1:  # an attacker subtracts
        rest = [points[node] for node in points if node not in hidden]
        sums[hidden[0]] = (sums["index"][0] - sum(map(len, rest)), sums["index"][1] - sum(map(sum, rest)))
    for count, total in sums.values():
        for mine in (1, 2, 3, 4):
            assert count - 1 <= total - mine <= 4 * (count - 1)
