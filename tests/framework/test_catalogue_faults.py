"""Every fault of a catalogue, provoked once in a broken copy of four KPIs."""

import shutil
from pathlib import Path

import pytest

from ssc_index.errors import FrameworkError
from ssc_index.framework.catalogue import SHIPPED_FOLDER, load_catalogue

BROADBAND = "kpis/EC_ICT_ICT_2C.yaml"  # higher is better, the official target
WIFI = "kpis/EC_ICT_ICT_5C.yaml"  # not scored
JOBLESS = "kpis/EC_P_EM_1C.yaml"  # lower is better
EQUITY = "kpis/SC_SH_SI_1C.yaml"  # gap to target
COVERAGE = "kpis/EC_ICT_ICT_4C.yaml"  # two data points
FILES = (BROADBAND, COVERAGE, WIFI, JOBLESS, EQUITY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small catalogue of five shipped KPIs."""
    (tmp_path / "kpis").mkdir()
    for name in (*FILES, "scoring.yaml"):
        shutil.copyfile(SHIPPED_FOLDER / name, tmp_path / name)
    text = (SHIPPED_FOLDER / "codes.yaml").read_text(encoding="utf-8")
    head = text.partition("kpi_order:\n")[0]
    order = "".join(f"  - {name[5:-5]}\n" for name in FILES)
    (tmp_path / "codes.yaml").write_text(f"{head}kpi_order:\n{order}", encoding="utf-8")
    return tmp_path


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def faults_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(FrameworkError) as caught:
        load_catalogue(folder)
    return caught.value.faults


def test_the_small_catalogue_is_sound(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    assert [kpi.code for kpi in catalogue.kpis] == [name[5:-5] for name in FILES]


KPI_CASES = [
    # keys and types
    (BROADBAND, "aliases: []", "nickname: x\naliases: []", "nickname: unknown key"),
    (
        BROADBAND,
        "        high: 100",
        "        high: 100\n        mid: 5",
        "goalposts.2015-01-01.mid: unknown key",
    ),
    (BROADBAND, "kind: smart\n", "", "kind: the key is missing"),
    (BROADBAND, "kind: smart", "kind: clever", "kind: 'clever': Input should be 'smart', 'structural' or"),
    (BROADBAND, "level: core", "level: NO", "level: 'NO': Input should be 'core' or 'advanced'"),
    (
        BROADBAND,
        "scored: true",
        "scored: yes",
        "data_points.0.scored: 'yes': write true or false",
    ),
    (
        BROADBAND,
        "multiplier: 100",
        "multiplier: many",
        "data_points.0.multiplier: 'many': Input should be a valid number",
    ),
    (
        BROADBAND,
        "multiplier: 100",
        "multiplier: 0",
        "data_points.0.multiplier: '0': Input should be greater than 0",
    ),
    (BROADBAND, "        high: 100", "        high: .inf", "high: '.inf': Input should be a valid number"),
    (BROADBAND, "        high: 100", "        high: 1e999", "high: '1e999': Input should be a finite number"),
    (
        BROADBAND,
        "      2015-01-01:\n        low",
        "      2015-13-01:\n        low",
        "goalposts.2015-13-01: '2015-13-01'",
    ),
    (BROADBAND, "  - 17.6.2", "  - 18.1", "sdg_references.0: '18.1': String should match pattern"),
    (BROADBAND, "aliases: []", "aliases: Broadband", "aliases: 'Broadband': Input should be a valid tuple"),
    (
        BROADBAND,
        "name: Fixed Broadband Subscriptions\naliases",
        "name: ''\naliases",
        "name: '': String should have at least 1",
    ),
    (BROADBAND, "value_type: ratio", "value_type: share", "data_points.0.value_type: 'share'"),
    (
        BROADBAND,
        "denominator_basis: households",
        "denominator_basis: homes",
        "data_points.0.denominator_basis: 'homes'",
    ),
    # plain YAML
    (BROADBAND, "level: core", "level: core\nlevel: core", "line 11: key 'level' stands twice"),
    (BROADBAND, "level: core", "level: &it core", "anchor '&it'"),
    (BROADBAND, "level: core", "level: [core", "not YAML"),
    # identity
    (
        BROADBAND,
        "code: EC_ICT_ICT_2C",
        "code: EC_ICT_ICT_9C",
        "code: 'EC_ICT_ICT_9C' in a file of another name",
    ),
    (
        BROADBAND,
        "'EC: ICT: ICT: 2C'",
        "'EC: ICT: WS: 2C'",
        "printed_code: 'EC: ICT: WS: 2C' does not give code",
    ),
    (
        BROADBAND,
        "id: EC_ICT_ICT_2C.main",
        "id: EC_ICT_ICT_3C.main",
        "id: 'EC_ICT_ICT_3C.main' is not 'EC_ICT_ICT_2C', a point",
    ),
    (
        BROADBAND,
        "id: EC_ICT_ICT_2C.main",
        "id: EC_ICT_ICT_2C.all",
        "suffix 'all'; a single data point is called 'main'",
    ),
    (COVERAGE, "id: EC_ICT_ICT_4C.4g", "id: EC_ICT_ICT_4C.3g", "data_points: suffix '3g' occurs twice"),
    (BROADBAND, "level: core", "level: advanced", "level: 'advanced' against code 'EC_ICT_ICT_2C' (core)"),
    (BROADBAND, "title: ITU, U4SSC KPIs", "title: ssc-index working proposal #", "is no source of a KPI"),
    # closed lists
    (BROADBAND, "\nunit: percent", "\nunit: per cent", "unit: 'per cent' is not in units of codes.yaml"),
    (
        BROADBAND,
        "    unit: percent",
        "    unit: pct",
        "data_points.0.unit: 'pct' is not in units of codes.yaml",
    ),
    (BROADBAND, "dimension: Economy", "dimension: Economics", "dimension: 'Economics' is not in dimensions"),
    (
        BROADBAND,
        "dimension: Economy",
        "dimension: Environment",
        "sub_dimension: 'ICT' belongs to 'Economy', not to",
    ),
    (BROADBAND, "sub_dimension: ICT", "sub_dimension: IT", "sub_dimension: 'IT' is not in sub_dimensions"),
    (
        BROADBAND,
        "category: ICT Infra",
        "category: IT Infra",
        "category: 'IT Infrastructure' is not in categories",
    ),
    (BROADBAND, "caveats: []", "caveats: [odd]", "caveats: 'odd' is not in caveats of codes.yaml"),
    (BROADBAND, "    - above_100_allowed", "    - odd", "data_points.0.caveats: 'odd' is not in caveats"),
    (BROADBAND, "valid_from_unseen", "above_100_allowed", "caveats: 'above_100_allowed' occurs twice"),
    (
        BROADBAND,
        "  definition: page",
        "  definition: hearsay",
        "evidence.definition: 'hearsay' is not in evidence.definition",
    ),
    (
        BROADBAND,
        "      formula: page",
        "      formula: guess",
        "evidence.formula: 'guess' is not in evidence.formula",
    ),
    (
        BROADBAND,
        "reason: working_proposal",
        "reason: because",
        "2015-01-01.reason: 'because' is not in goalpost_reasons",
    ),
    (WIFI, "count_grows_with_city", "dull", "not_scored_because: 'dull' is not in not_scored_because"),
    (
        WIFI,
        "none_in_published_reports",
        "dull",
        "no_benchmark_because: 'dull' is not in no_benchmark_because",
    ),
    # goalposts
    (BROADBAND, "        low: 0", "        low: 100", "goalposts.2015-01-01.low: 100 equals high"),
    (BROADBAND, "        low: 0", "        low: 200", "low: 200 and high 100 against direction 'higher'"),
    (JOBLESS, "        low: 25", "        low: -25", "low: -25 is below lower_bound 0"),
    (JOBLESS, "        low: 25", "        low: 101", "low: 101 is above upper_bound 100"),
    (
        JOBLESS,
        "direction: lower\n    transform",
        "direction: higher\n    transform",
        "low: 25 and high 0 against direction 'higher'",
    ),
    (
        BROADBAND,
        "        high: 100",
        "        high: 100\n        target: 60",
        "target: '60', but only transform gap_to_target",
    ),
    (
        EQUITY,
        "        target: 1\n        status: provisional\n        reason",
        "        status: provisional\n        reason",
        "target: missing, but transform gap_to_target",
    ),
    (EQUITY, "        low: 0.5", "        low: 1.0", "low: 1 equals high"),
    (EQUITY, "        high: 1\n", "        high: 2\n", "high: 2 is not nearer to target 1 than low 0.5"),
    # scored or not
    (WIFI, "scored: false", "scored: true", "goalposts: empty, but scored is true"),
    (
        WIFI,
        "scored: false",
        "scored: true",
        "not_scored_because: 'count_grows_with_city', but scored is true",
    ),
    (
        WIFI,
        "not_scored_because: count_grows_with_city",
        "not_scored_because: null",
        "not_scored_because: empty, but scored",
    ),
    (EQUITY, "transform: gap_to_target", "transform: none", "direction: 'none' and scored"),
    # targets
    (
        WIFI,
        "no_benchmark_because: none_in_published_reports",
        "no_benchmark_because: null",
        "but there is no benchmark target",
    ),
    (
        BROADBAND,
        "no_benchmark_because: null",
        "no_benchmark_because: no_direction",
        "but there is a benchmark target",
    ),
    (
        EQUITY,
        "transform: gap_to_target",
        "transform: none",
        "benchmark_targets: a data point without direction",
    ),
    (
        JOBLESS,
        "        target: 5",
        "        target: 0",
        "target: 0; a share of target needs a target above 0",
    ),
    (
        JOBLESS,
        "        target: 5",
        "        target: 500",
        "benchmark_targets.2015-01-01.target: 500 is above upper_bound",
    ),
    # formula
    (JOBLESS, "upper_bound: 100", "upper_bound: 0", "lower_bound: 0 is not below upper_bound 0"),
    (
        BROADBAND,
        "numerator: Fixed broadband subscriptions",
        "numerator: null",
        "numerator: empty, but there is a denominator",
    ),
    (
        BROADBAND,
        "denominator: Households in the city",
        "denominator: null",
        "denominator_basis: 'households', but there is no",
    ),
    (BROADBAND, "multiplier: 100", "multiplier: 1", "multiplier: 1; value_type 'ratio' has 100"),
    # sources
    (
        JOBLESS,
        "        status: provisional\n        reference",
        "        status: official\n        reference",
        "reference: status is official",
    ),
    (JOBLESS, "      - proposal_without_source\n", "", "caveats: 'proposal_without_source' is missing"),
    (
        WIFI,
        "      - no_benchmark_printed",
        "      - proposal_without_source",
        "but every number has an outside source",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "fault"), KPI_CASES, ids=[case[3][:60] for case in KPI_CASES])
def test_a_broken_kpi_file_is_named_with_place_and_rule(
    folder: Path, name: str, old: str, new: str, fault: str
) -> None:
    edit(folder, name, old, new)
    found = faults_of(folder)
    assert any(line.startswith(f"{name}: ") and fault in line for line in found), found


LIST_CASES = [
    (
        "codes.yaml",
        "    dimension: EC\n",
        "    dimension: XX\n",
        "sub_dimensions.EC_ICT.dimension: 'XX' is no code",
    ),
    ("codes.yaml", "  D: Drainage", "  D: Transport", "categories: name 'Transport' occurs twice"),
    ("codes.yaml", "  EN: Environment", "  EN: Economy", "dimensions: name 'Economy' occurs twice"),
    (
        "codes.yaml",
        "  - EC_P_EM_1C",
        "  - EC_P_EM_1C\n  - EC_P_EM_1C",
        "kpi_order: 'EC_P_EM_1C' occurs twice",
    ),
    (
        "codes.yaml",
        "  - EC_P_EM_1C",
        "  - EC_P_EM_9C",
        "kpi_order names EC_P_EM_9C, but there is no kpis/EC_P_EM_9C.yaml",
    ),
    ("codes.yaml", "version: u4ssc-2022.1", "edition: x", "version: the key is missing"),
    ("scoring.yaml", "at: 0.33", "at: 0.99", "do not ascend"),
    (
        "scoring.yaml",
        "  - code: below_33\n    name: 0–33 %\n    points: 1\n",
        "",
        "bands: 3 bands for 3 edges",
    ),
    ("scoring.yaml", "full_points: 4", "full_points: 5", "must ascend to full_points 5"),
    ("scoring.yaml", "  lower:\n", "  downwards:\n", "share_of_target.lower: the rule is missing"),
    (
        "scoring.yaml",
        "from_population: 50000",
        "from_population: 60000",
        "size_classes.classes.1.from_population",
    ),
    ("scoring.yaml", "below_population: null", "below_population: 9000000", "leave it open with null"),
    (
        "scoring.yaml",
        "code: personal_estimation",
        "code: unknown_method",
        "quality_grades.choices: code 'unknown_method'",
    ),
    ("scoring.yaml", "belongs_to: lower", "belongs_to: middle", "edges.0.belongs_to: 'middle'"),
]


@pytest.mark.parametrize(("name", "old", "new", "fault"), LIST_CASES, ids=[case[3][:60] for case in LIST_CASES])
def test_a_broken_list_is_named_with_place_and_rule(folder: Path, name: str, old: str, new: str, fault: str) -> None:
    edit(folder, name, old, new)
    found = faults_of(folder)
    assert any(line.startswith(f"{name}: ") and fault in line for line in found), found


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("code: EC_P_EM_1C", "code 'EC_ICT_ICT_2C' is taken by"),
        ("printed_code: 'EC: P: EM: 1C'", "printed_code 'EC: ICT: ICT: 2C' is taken by"),
        ("id: EC_P_EM_1C.main", "data point id 'EC_ICT_ICT_2C.main' is taken by"),
        ("\nname: Unemployment Rate", "name or alias 'fixedbroadbandsubscriptions' is taken by"),
    ],
)
def test_what_must_be_unique_may_not_stand_in_two_files(folder: Path, key: str, fault: str) -> None:
    same = {
        "code: EC_P_EM_1C": "code: EC_ICT_ICT_2C",
        "printed_code: 'EC: P: EM: 1C'": "printed_code: 'EC: ICT: ICT: 2C'",
        "id: EC_P_EM_1C.main": "id: EC_ICT_ICT_2C.main",
        "\nname: Unemployment Rate": "\nname: fixed broadband  subscriptions",
    }
    edit(folder, JOBLESS, key, same[key])
    assert any(line.startswith(f"{JOBLESS}: ") and fault in line for line in faults_of(folder))


def test_a_kpi_file_that_no_list_names_is_a_fault(folder: Path) -> None:
    shutil.copyfile(SHIPPED_FOLDER / "kpis/EC_ICT_ICT_1C.yaml", folder / "kpis/EC_ICT_ICT_1C.yaml")
    assert faults_of(folder) == ("kpis/EC_ICT_ICT_1C.yaml: not in kpi_order of codes.yaml; add it",)


def test_a_stated_exception_may_break_the_rule_of_level_and_code(folder: Path) -> None:
    text = (folder / "codes.yaml").read_text(encoding="utf-8")
    text = text.replace("caveats:\n", "caveats:\n  level_differs_from_code: The page prints another level.\n", 1)
    (folder / "codes.yaml").write_text(text, encoding="utf-8")
    edit(folder, BROADBAND, "level: core", "level: advanced")
    edit(folder, BROADBAND, "caveats: []", "caveats: [level_differs_from_code]")
    assert load_catalogue(folder).kpi("EC_ICT_ICT_2C").level == "advanced"


def test_an_official_number_with_an_address_is_accepted_without_a_page(folder: Path) -> None:
    edit(folder, BROADBAND, "          page: '15'\n", "")
    assert load_catalogue(folder).data_point("EC_ICT_ICT_2C.main").benchmark_target_in(2020) is not None


@pytest.mark.parametrize("name", ["codes.yaml", "scoring.yaml", JOBLESS])
def test_a_missing_file_is_a_fault(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert any(name in line for line in faults_of(folder))


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\xff\xfe\x00", b"just words"])
def test_a_file_that_holds_something_else_is_a_fault(folder: Path, content: bytes) -> None:
    (folder / JOBLESS).write_bytes(content)
    assert any(line.startswith(f"{JOBLESS}: ") for line in faults_of(folder))


def test_a_kpi_without_data_points_is_a_fault(folder: Path) -> None:
    path = folder / JOBLESS
    head = path.read_text(encoding="utf-8").partition("data_points:\n")[0]
    path.write_text(f"{head}data_points: []\n", encoding="utf-8")
    assert faults_of(folder) == (f"{JOBLESS}: data_points: empty; a KPI has at least one",)


def test_an_empty_folder_names_what_it_lacks(tmp_path: Path) -> None:
    assert faults_of(tmp_path) == (
        "codes.yaml: cannot be read as UTF-8 text: FileNotFoundError",
        "scoring.yaml: cannot be read as UTF-8 text: FileNotFoundError",
    )


def test_all_faults_of_all_files_come_at_once(folder: Path) -> None:
    edit(folder, BROADBAND, "kind: smart", "kind: clever")  # a wrong word …
    edit(folder, BROADBAND, "        low: 0", "        low: 200")  # … hides no wrong goalposts in the same file
    edit(folder, JOBLESS, "        target: 5", "        target: 0")
    edit(folder, EQUITY, "caveats: []", "caveats: [odd]")
    edit(folder, COVERAGE, "level: core", "level: &it core")
    edit(folder, "scoring.yaml", "full_points: 4", "full_points: 5")
    edit(folder, "codes.yaml", "  D: Drainage", "  D: Transport")
    with pytest.raises(FrameworkError) as caught:
        load_catalogue(folder)
    files = [line.partition(": ")[0] for line in caught.value.faults]
    assert sorted(files) == sorted([BROADBAND, BROADBAND, JOBLESS, EQUITY, COVERAGE, "scoring.yaml", "codes.yaml"])
    assert str(caught.value).startswith(f"catalogue {folder.name}: 7 faults")


def test_one_bad_key_of_a_data_point_hides_no_other_fault_of_it(folder: Path) -> None:
    edit(folder, JOBLESS, "value_type: ratio", "value_type: share")
    edit(folder, JOBLESS, "multiplier: 100", "multiplier: many")
    edit(folder, JOBLESS, "        low: 25", "        low: 0")
    edit(folder, JOBLESS, "    unit: percent", "    unit: pct")
    found = faults_of(folder)
    parts = ("value_type: 'share'", "multiplier: 'many'", "low: 0 equals high", "unit: 'pct'")
    assert len(found) == 4
    assert all(any(part in line for line in found) for part in parts), found
