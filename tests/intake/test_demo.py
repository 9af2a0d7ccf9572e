"""The demo cohort: the same bytes from the same seed, plausible, and never taken for anything real."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from intake import demo
from intake.demo import DemoError, DemoSummary, make_bulk_cohort, make_demo
from intake.demo_conduct import CONSENTS, OUTCOMES
from intake.demo_faults import PLANTS, Plant, planted_in
from intake.demo_files import Draws, draw_rows, write_city
from intake.demo_places import COUNTRIES, place
from intake.demo_plan import plan_of, rows_of
from intake.demo_shapes import HOLDERS, QUANTITIES, SHAPES, TOTALS, WITHIN
from intake.derive import derive_values
from intake.reading import read_submission
from intake.receipts import read_receipts
from intake.register import read_register
from intake.tables import ReadResult
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import Catalogue, load_catalogue

SEED = 7
YEARS = (2021, 2022)
N_CITIES = 6


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> DemoSummary:
    """Six cities and two years, written in one process."""
    root = tmp_path_factory.mktemp("demo") / "workspace"
    return make_demo(root, catalogue, seed=SEED, cities=N_CITIES, years=YEARS, workers=1)


@pytest.fixture(scope="module")
def drawn(catalogue: Catalogue) -> Draws:
    """What the default cohort is drawn to be, without its files."""
    return draw_rows(catalogue, SEED, rows_of([place(number) for number in range(1, 61)], demo.YEARS))


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def submissions(root: Path) -> list[Path]:
    return sorted((root / "raw").rglob("*.xlsx"))


def values(drawn: Draws, point: str) -> np.ndarray:
    return drawn.figures.value[:, drawn.plan.column[point]]


# Same seed, same bytes


def test_two_processes_write_the_same_bytes_as_one(cohort: DemoSummary, catalogue: Catalogue, tmp_path: Path) -> None:
    told = []
    summary = make_demo(
        tmp_path / "again",
        catalogue,
        seed=SEED,
        cities=N_CITIES,
        years=YEARS,
        workers=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert hashes(summary.root) == hashes(cohort.root)
    assert replace(summary, root=cohort.root) == cohort
    assert told == [(number, N_CITIES) for number in range(1, N_CITIES + 1)]


def test_a_city_is_the_same_in_a_larger_cohort_and_for_fewer_years(
    cohort: DemoSummary, catalogue: Catalogue, tmp_path: Path
) -> None:
    larger = make_demo(tmp_path / "more", catalogue, seed=SEED, cities=8, years=[2022], workers=1)
    name = place(3).city_id
    was = {path: sha for path, sha in hashes(cohort.root).items() if name in path and "/2022/" in path}
    now = {path: sha for path, sha in hashes(larger.root).items() if name in path}
    assert was == now
    assert len(now) >= 2


def test_another_seed_moves_the_numbers_and_zero_is_a_seed(catalogue: Catalogue) -> None:
    rows = rows_of([place(1)], [2021])
    zero, again, one = (draw_rows(catalogue, seed, rows).figures.value for seed in (0, 0, 1))
    np.testing.assert_array_equal(zero, again)
    assert np.mean(zero != one) > 0.9


def test_rows_drawn_together_are_the_rows_drawn_alone(drawn: Draws, catalogue: Catalogue) -> None:
    alone = draw_rows(catalogue, SEED, rows_of([place(7)], [2024]))
    # City 7 is the seventh of five rows each; 2024 is the fourth year.
    row = 6 * 5 + 3
    np.testing.assert_array_equal(alone.figures.numerator[0], drawn.figures.numerator[row])
    np.testing.assert_array_equal(alone.conduct.is_reported[0], drawn.conduct.is_reported[row])
    assert alone.conduct.received_at[0] == drawn.conduct.received_at[row]


# What is written


def test_every_workbook_reads_back_with_the_planted_faults_only(cohort: DemoSummary, catalogue: Catalogue) -> None:
    reading_rules = {"not_a_number", "not_yes_no", "ambiguous_number"}
    expected = {(fault.file, fault.data_point, fault.rule) for fault in cohort.planted if fault.rule in reading_rules}
    found = set()
    for path in submissions(cohort.root):
        result = read_submission(path, catalogue)
        assert result.status == "read"
        assert result.cells.height == len(catalogue.data_points)
        name = path.relative_to(cohort.root / "raw").as_posix()
        found |= {(name, point, rule) for point, rule in result.faults.select("data_point", "rule").rows()}
    assert found == expected
    assert len(expected) == 2


def test_the_summary_tells_files_and_planted_faults(cohort: DemoSummary) -> None:
    files = submissions(cohort.root)
    assert cohort.files == len(files)
    assert cohort.revisions == sum(path.stem.endswith("-r2") for path in files)
    assert [(fault.file, fault.kind) for fault in cohort.planted] == [
        ("2021/demo-001-aldermoor.xlsx", "text_in_number_cell"),
        ("2021/demo-002-braenvika.xlsx", "error_text_in_result"),
        ("2022/demo-003-covaldale.xlsx", "percentage_as_fraction"),
        ("2022/demo-004-dunhythe.xlsx", "share_above_100"),
    ]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.kind)
def test_a_planted_fault_is_found_under_its_rule_and_nothing_else_is(
    plant: Plant, catalogue: Catalogue, tmp_path: Path
) -> None:
    written = write_city(tmp_path, catalogue, SEED, plant.number, [plant.year])
    assert [fault for _, fault in written.planted] == [plant]
    path = tmp_path / written.planted[0][0]
    result = read_submission(path, catalogue)
    found = set(result.faults.select("data_point", "rule").rows()) | judged(result, path, catalogue)
    assert found == {(plant.data_point, plant.rule)}


def judged(result: ReadResult, path: Path, catalogue: Catalogue) -> set[tuple[str, str]]:
    """What derivation and bounds keep out of one workbook as an error."""
    register = pl.DataFrame(
        {
            "city_id": result.submissions["city_id"],
            "name": result.submissions["city_name"],
            "aliases": [None],
            "merged_into": [None],
            "ended_on": [None],
            "pseudonym": [None],
        },
        schema_overrides={"aliases": pl.String, "merged_into": pl.String, "ended_on": pl.Date, "pseudonym": pl.String},
    )
    receipts, faults = read_receipts({result.file_sha256: path}, result.submissions, register)
    assert faults.is_empty()
    columns = pl.DataFrame([{"file_sha256": result.file_sha256, **result.column_map}])
    derived = derive_values(result.cells, result.submissions, receipts, columns, catalogue)
    kept_out = derived.kept_out.filter(pl.col("severity") == "error").select("data_point", "rule").rows()
    upper = {point.id: point.upper_bound for point in catalogue.data_points}
    beyond = {
        (point, "within_bounds")
        for point, value in derived.values.select("data_point", "value").rows()
        if upper[point] is not None and value > upper[point]
    }
    assert (derived.values["value"] >= 0).all()
    return set(kept_out) | beyond


def test_no_workbook_has_two_planted_faults_and_there_are_twelve_at_most() -> None:
    assert len(PLANTS) <= 12
    assert len({(plant.number, plant.year) for plant in PLANTS}) == len(PLANTS)
    assert planted_in(1, 2022) is None


def test_a_revision_arrives_later_and_corrects_some_values(drawn: Draws, catalogue: Catalogue, tmp_path: Path) -> None:
    row = int(np.flatnonzero(drawn.conduct.has_revision & ~drawn.conduct.is_skipped)[0])
    city, year = drawn.rows.places[row], int(drawn.rows.years[row])
    written = write_city(tmp_path, catalogue, SEED, city.number, [year])
    assert (written.submissions, written.revisions) == (2, 1)
    first, second = (tmp_path / str(year) / f"{city.city_id}{part}.xlsx" for part in ("", "-r2"))
    before, after = (read_submission(path, catalogue) for path in (first, second))
    assert before.submissions.drop("file_sha256").equals(after.submissions.drop("file_sha256"))
    both = before.cells.join(after.cells, on="data_point").drop_nulls(["numerator", "numerator_right"])
    changed = (both["numerator"] != both["numerator_right"]).mean()
    # One KPI of eleven is corrected.
    assert isinstance(changed, float)
    assert 0 < changed < 0.35
    sent, sent_again = (
        pl.read_csv(path.with_name(f"{path.name}.receipt.csv"))["received_at"][0] for path in (first, second)
    )
    assert sent < sent_again


def test_everything_says_that_it_is_demo(cohort: DemoSummary) -> None:
    assert (cohort.root / "workspace.yaml").read_text(encoding="utf-8") == (
        "name: Demo cohort (invented cities)\nis_demo: true\n"
    )
    for path in submissions(cohort.root):
        assert path.name.startswith("demo-")
        receipt = pl.read_csv(path.with_name(f"{path.name}.receipt.csv")).row(0, named=True)
        assert receipt["received_from"].startswith("Demo")
        with zipfile.ZipFile(path) as book:
            assert b"DEMO DATA" in book.read("xl/sharedStrings.xml")
    register = pl.read_csv(cohort.root / "raw" / "cities.csv")
    assert register["name"].str.starts_with("Demo ").all()
    assert register["country"].str.starts_with("Demo ").all()
    assert register["note"].str.contains("Invented").all()


def test_register_and_receipts_read_back_without_a_word(cohort: DemoSummary, catalogue: Catalogue) -> None:
    register, faults = read_register(cohort.root / "raw" / "cities.csv")
    assert (register.height, faults.height) == (N_CITIES, 0)
    results = {path: read_submission(path, catalogue) for path in submissions(cohort.root)[:4]}
    places = {result.file_sha256: path for path, result in results.items()}
    read = pl.concat([result.submissions for result in results.values()])
    receipts, faults = read_receipts(places, read, register)
    assert (receipts.height, faults.height) == (4, 0)


# The folder


def test_a_workspace_of_real_submissions_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "workspace.yaml").write_text("name: Real\nis_demo: false\n", encoding="utf-8")
    with pytest.raises(DemoError, match="not marked is_demo"):
        make_demo(tmp_path, catalogue, seed=SEED, cities=1)
    (tmp_path / "workspace.yaml").unlink()
    with pytest.raises(SscIndexError, match="not marked is_demo"):
        make_demo(tmp_path, catalogue, seed=SEED, cities=1)
    with pytest.raises(DemoError, match="not marked is_demo"):
        make_bulk_cohort(tmp_path / "raw" / "all.parquet", catalogue, seed=SEED, cities=1, years=[2021])


def test_a_file_that_the_demo_has_not_made_is_never_deleted(catalogue: Catalogue, tmp_path: Path) -> None:
    root = tmp_path / "demo"
    make_demo(root, catalogue, seed=SEED, cities=1, years=[2022])
    mine = root / "raw" / "2022" / "no-karmoy.xlsx"
    mine.write_bytes(b"mine")
    with pytest.raises(DemoError, match=r"2022/no-karmoy\.xlsx"):
        make_demo(root, catalogue, seed=SEED, cities=1, years=[2022])
    assert mine.read_bytes() == b"mine"


def test_a_demo_cohort_is_replaced_as_a_whole_and_its_marker_kept(catalogue: Catalogue, tmp_path: Path) -> None:
    root = tmp_path / "demo"
    make_demo(root, catalogue, seed=SEED, cities=2, years=[2022])
    marker = "name: My own name\nis_demo: true\n"
    (root / "workspace.yaml").write_text(marker, encoding="utf-8")
    make_demo(root, catalogue, seed=SEED, cities=1, years=[2023])
    assert [path.name for path in sorted((root / "raw").iterdir())] == ["2023", "cities.csv"]
    assert (root / "workspace.yaml").read_text(encoding="utf-8") == marker


def test_an_interrupted_run_leaves_the_cohort_that_was_there(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "demo"
    make_demo(root, catalogue, seed=SEED, cities=1, years=[2022])
    before = hashes(tmp_path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt(f"{done} of {total}")

    with pytest.raises(KeyboardInterrupt, match="1 of 3"):
        make_demo(root, catalogue, seed=1, cities=3, years=[2023], workers=1, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        make_demo(tmp_path / "other", catalogue, seed=1, cities=1, years=[2023], workers=1, progress=stop)
    assert hashes(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_senseless_arguments_are_all_told_at_once(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"seed is -1.*0 cities.*years none"):
        make_demo(tmp_path / "demo", catalogue, seed=-1, cities=0, years=[])
    assert list(tmp_path.iterdir()) == []


# Plausible


def test_shares_of_one_total_sum_to_100(drawn: Draws) -> None:
    for total in TOTALS:
        summed = sum(values(drawn, point) for point in total)
        np.testing.assert_allclose(summed, 100.0, rtol=0, atol=1e-9)
        columns = [drawn.plan.column[point] for point in total]
        parts = drawn.figures.numerator[:, columns]
        # The counts themselves add up, not only the percentages.
        np.testing.assert_array_equal(parts.sum(axis=1), drawn.figures.denominator[:, columns[0]])
        assert (parts >= 0).all()


def test_a_part_is_never_more_than_its_whole(drawn: Draws) -> None:
    for part, whole in (*WITHIN, ("EN_EN_AQ_1C.pm2_5", "EN_EN_AQ_1C.pm10")):
        assert (values(drawn, part) <= values(drawn, whole)).all(), part
    youth = values(drawn, "EC_P_EM_2C.main") >= values(drawn, "EC_P_EM_1C.main")
    assert youth.mean() > 0.9


def test_what_is_counted_is_whole_and_fits_its_denominator(drawn: Draws) -> None:
    column = drawn.plan.column
    people = drawn.figures.profile["population"]
    fatalities = drawn.figures.numerator[:, column["SC_SH_SA_9C.main"]]
    np.testing.assert_array_equal(fatalities, np.rint(fatalities))
    # Rates: the form asks for population / 100 000, so rate * denominator is the count.
    np.testing.assert_array_equal(drawn.figures.denominator[:, column["SC_SH_SA_9C.main"]], people / 100_000)
    np.testing.assert_array_equal(
        drawn.figures.denominator[:, column["EC_ICT_ICT_1C.main"]], drawn.figures.profile["households"]
    )
    # Interruptions are the numerator of one data point and the denominator of the next; so are open data sets.
    np.testing.assert_array_equal(
        drawn.figures.numerator[:, column["EC_I_ES_1C.main"]],
        drawn.figures.denominator[:, column["EC_I_ES_2C.main"]],
    )
    np.testing.assert_array_equal(
        values(drawn, "EC_ICT_PS_1A.number"), drawn.figures.numerator[:, column["EC_ICT_PS_1A.percent"]]
    )


def test_every_value_lies_within_the_bounds_of_the_catalogue(drawn: Draws) -> None:
    for point in drawn.plan.points:
        found = values(drawn, point.id)
        assert np.isfinite(found).all(), point.id
        assert (found >= (point.lower_bound or 0.0)).all(), point.id
        assert point.upper_bound is None or (found <= point.upper_bound).all(), point.id


def test_most_data_points_tell_cities_apart(drawn: Draws) -> None:
    plan = drawn.plan
    score = np.clip((drawn.figures.value - plan.worst) / (plan.best - plan.worst), 0, 1)[4::5]
    scored = ~np.isnan(plan.best)
    spread = score[:, scored].std(axis=0)
    assert np.median(spread) > 0.15
    assert 0.4 < np.median(score[:, scored]) < 0.8


def test_kpis_of_one_category_go_together_more_than_others(drawn: Draws) -> None:
    plan = drawn.plan
    score = (drawn.figures.value - plan.worst) / (plan.best - plan.worst)
    chosen = [at for at, shape in enumerate(plan.shapes) if shape.link in ("share", "log") and plan.best[at] > 0]
    ranks = score[4::5][:, chosen].argsort(axis=0).argsort(axis=0)
    correlation = np.corrcoef(ranks.T)
    category = plan.category[chosen]
    is_same = (category[:, None] == category) & ~np.eye(len(chosen), dtype=bool)
    is_other = category[:, None] != category
    assert correlation[is_same].mean() > correlation[is_other].mean() + 0.05
    assert correlation[is_other].mean() > 0


def test_cities_grow_within_the_sizes_of_cities(drawn: Draws) -> None:
    people = drawn.figures.profile["population"].reshape(60, 5)
    assert people.min() >= 20_000
    assert people.max() <= 12_000_000
    assert (np.diff(people, axis=1) > 0).all()
    size = people / drawn.figures.profile["households"].reshape(60, 5)
    assert size.min() > 1.9
    assert size.max() < 4.6


def test_core_kpis_are_reported_more_than_advanced_ones_and_gaps_last(drawn: Draws) -> None:
    plan, reported = drawn.plan, drawn.conduct.is_reported
    core = plan.is_core[plan.kpi]
    assert reported[:, core].mean() > reported[:, ~core].mean() + 0.08
    by_year = reported.reshape(60, 5, -1)
    missing = ~by_year[:, 0]
    # Of what a city lacks in the first year it lacks most in the last.
    assert (~by_year[:, 4])[missing].mean() > 0.5
    assert 0.7 < reported.mean() < 0.9


def test_one_city_of_twenty_is_too_sparse_to_be_ranked(drawn: Draws) -> None:
    coverage = drawn.conduct.is_reported.mean(axis=1).reshape(60, 5).mean(axis=1)
    assert (coverage < 0.5).sum() == 3
    blocks = np.flatnonzero(coverage < 0.5) // 20
    assert blocks.tolist() == [0, 1, 2]


def test_conduct_has_the_shares_that_it_is_meant_to_have(drawn: Draws) -> None:
    conduct = drawn.conduct
    verified = conduct.outcome == OUTCOMES.index("verified")
    reported = conduct.is_reported[verified]
    not_passed = (~conduct.is_verified[verified])[reported].mean()
    assert 0.01 < not_passed < 0.03
    assert 0.8 < verified.mean() < 0.95
    assert set(conduct.outcome.tolist()) == {0, 1, 2, 3}
    assert 0 < conduct.is_skipped.mean() < 0.08
    assert 0.04 < conduct.has_revision.mean() < 0.14
    consent = np.bincount(conduct.consent, minlength=4) / 300
    # 60 draws of 0.55 have a standard deviation of 0.064; three of them.
    assert abs(consent[CONSENTS.index("report")] - 0.55) < 0.2
    assert (consent > 0).all()
    same = (conduct.consent.reshape(60, 5) == conduct.consent.reshape(60, 5)[:, :1]).all(axis=1)
    assert same.mean() > 0.6
    assert len(np.unique(conduct.quality)) == 6


def test_some_revisions_come_more_than_a_year_late_and_none_from_the_future(catalogue: Catalogue) -> None:
    rows = rows_of([place(number) for number in range(1, 121)], demo.YEARS)
    first, again = (draw_rows(catalogue, SEED, rows, is_revised=is_revised) for is_revised in (False, True))
    revised = first.conduct.has_revision
    delay = (again.conduct.received_at - first.conduct.received_at)[revised] / np.timedelta64(1, "D")
    assert delay.min() >= 40
    assert (delay > 365).any()
    assert again.conduct.received_at[revised].max() <= np.datetime64("2026-10-31T00:00")
    received = first.conduct.received_at.astype("datetime64[Y]").astype(int) + 1970
    np.testing.assert_array_equal(received, rows.years + 1)


def test_most_groups_have_five_cities_and_one_has_not() -> None:
    countries = [place(number).country for number in range(1, 61)]
    for groups in ([one.region for one in countries], [one.income_group for one in countries]):
        counts = {name: groups.count(name) for name in groups}
        small = [name for name, count in counts.items() if count < 5]
        assert len(small) <= 1
    assert sum(one.region == "North America" for one in countries) == 3
    assert sum(one.share for one in COUNTRIES) == 60


def test_names_and_codes_are_unique_and_accented() -> None:
    places = [place(number) for number in range(1, 1501)]
    assert len({one.city_id for one in places}) == len({one.name for one in places}) == 1500
    assert all(one.city_id.isascii() for one in places)
    assert not all(one.name.isascii() for one in places)
    assert all("XAA" <= country.code <= "XZZ" for country in COUNTRIES)
    assert len({country.code for country in COUNTRIES}) == len(COUNTRIES)


def test_the_tables_of_shapes_name_nothing_that_the_catalogue_lacks(catalogue: Catalogue) -> None:
    points = {point.id for point in catalogue.data_points}
    assert SHAPES.keys() <= points
    assert QUANTITIES.keys() <= {point.denominator for point in catalogue.data_points}
    assert {kpi.category for kpi in catalogue.kpis} == HOLDERS.keys()
    assert {plant.data_point for plant in PLANTS} <= points


def test_a_denominator_that_the_demo_does_not_know_is_named(catalogue: Catalogue) -> None:
    point = catalogue.data_point("EC_I_WS_3C.main")
    odd = point.model_copy(update={"denominator": "Barrels of water"})
    kpi = catalogue.kpi_of(point.id).model_copy(update={"data_points": (odd,)})
    others = tuple(kpi if one.code == kpi.code else one for one in catalogue.kpis)
    with pytest.raises(SscIndexError, match="Barrels of water"):
        plan_of(Catalogue.model_construct(codes=catalogue.codes, scoring=catalogue.scoring, kpis=others))


# One long file


def test_a_bulk_cohort_has_a_row_for_everything_and_the_values_of_the_workbooks(
    cohort: DemoSummary, catalogue: Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "bulk" / "raw" / "history.parquet"
    make_bulk_cohort(path, catalogue, seed=SEED, cities=N_CITIES, years=YEARS)
    result = read_submission(path, catalogue)
    assert result.faults.is_empty()
    assert result.submissions.height == N_CITIES * len(YEARS)
    assert result.cells.height == N_CITIES * len(YEARS) * len(catalogue.data_points)

    register, faults = read_register(path.parent / "cities.csv")
    assert faults.is_empty()
    receipts, faults = read_receipts({result.file_sha256: path}, result.submissions, register)
    assert (receipts.height, faults.height) == (N_CITIES * len(YEARS), 0)

    # City 5 has no planted fault in 2021; its workbook holds the same numbers.
    book = read_submission(cohort.root / "raw" / "2021" / f"{place(5).city_id}.xlsx", catalogue).cells
    bulk = result.cells.filter(pl.col("city_id") == place(5).city_id, pl.col("year") == 2021)
    numbers = ["data_point", "numerator", "is_verified", "quality", "origin", "source", "source_details"]
    assert book.select(numbers).sort("data_point").equals(bulk.select(numbers).sort("data_point"))
    typed = book.filter(~pl.col("result_is_formula"), pl.col("result").is_not_null())
    other = bulk.filter(pl.col("data_point").is_in(typed["data_point"].implode()))
    assert typed.sort("data_point")["result"].equals(other.sort("data_point")["result"])


def test_a_bulk_cohort_goes_into_the_raw_folder_of_a_workspace_only(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"raw/NAME\.parquet"):
        make_bulk_cohort(tmp_path / "history.parquet", catalogue, seed=SEED, cities=1, years=[2021])
