"""The command line: help, exit codes, JSON, and what each command refuses to do."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest
import typer
from rich.console import Console

from assets.workspace import open_workspace
from intake.reading import read_submission, sha256_of
from pipelines import run, show
from pipelines.cli import app
from pipelines.console import screen, told_errors
from pipelines.exports import entries
from ssc_index.framework.catalogue import load_catalogue
from tests.pipelines.workspaces import (
    INTERNAL,
    PROJECT,
    PUBLIC,
    SECRET,
    YEARS,
    add_submission,
    build,
    copy_workspace,
    drop_submission,
    invoke,
    mart_tables,
)

# One line for each module of commands: two people who add one do not meet.
COMMANDS = {
    *("template", "demo", "build", "compute", "query", "status", "doctor", "diff"),
    *("dev", "serve"),
    *("site", "factsheet", "show"),
    *("audit",),
    *("check",),
    *("uncertainty",),
    *("schedule",),
    *("cities", "exports"),
    *("review", "findings", "report"),
    *("release", "releases", "verify", "rollback", "withdraw"),
}
HAND = PROJECT / "examples" / "hand"


def squeezed(text: str) -> str:
    """Output with its line breaks and padding taken out."""
    return " ".join(text.split())


def state_of(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every file below a folder with its inode, size and time of change; Dagster's and locks aside."""
    return {
        path.relative_to(root).as_posix(): (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".dagster" not in path.parts and path.suffix != ".lock"
        for stat in [path.stat()]
    }


# Help


def test_these_commands_exist_and_no_others() -> None:
    named = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert named == COMMANDS


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(COMMANDS))], ids=lambda one: one[0] if one else "")
def test_help_ends_with_an_example_that_can_be_typed(command: list[str]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert " ".join(["ssc-index", *command]) in squeezed(result.output)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("release", "Year of the edition to freeze"),
        ("diff", "A year: the draft's edition"),
        ("show", "A city, a KPI, ranking or movers"),
        ("compute", "All columns, steps and files of the result are in docs/method.md"),
    ],
)
def test_help_tells_what_an_argument_is(command: str, told: str) -> None:
    assert told in squeezed(invoke(command, "--help").output.replace("│", " "))


def test_help_loads_nothing_heavy() -> None:
    """Half a second for help is possible only without these."""
    script = (
        "import sys\n"
        "from pipelines.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'dagster', 'duckdb', 'polars', 'numpy', 'pandera', 'pyarrow', 'scipy', 'xlsxwriter', 'pydantic'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "Usage" in done.stdout
    assert done.stderr == ""


# Exit codes


def test_a_clean_build_ends_with_0_even_when_strict_and_prints_json_alone(workspace: Path) -> None:
    result = invoke("build", "-w", workspace, "--strict", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert [edition["edition"] for edition in facts["editions"]] == list(YEARS)
    assert (facts["is_demo"], facts["kept_out_as_error"]) == (True, 0)
    assert Path(facts["public_mart"]) == workspace / "marts" / "ssc_index.duckdb"
    assert len(facts["run_id"]) == 36
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "--edition", "2014"], "Editions go from 2015"),
        (["build", "--edition", "2090"], "2090 does not lie within"),
        (["build", "--from", "2014", "--to", "2019"], "2014–2019 does not lie within"),
        (["build", "--from", "2020", "--to", "2019"], "in one run: --from 2019 --to 2020"),
        (["build", "--edition", "2020", "--from", "2019"], "Give either --edition, or --from and --to"),
        (["build", "--as-of", "yesterday"], "yesterday is no day and no moment; write 2026-03-31"),
        (["build", "--as-of", "2026-03-31T12:00:00.5"], "whole seconds"),
        (["build", "--no-such-option"], "No such option"),
        (["query", "selec 1"], "syntax error"),
        (["query", "select * from no_such_table"], "no_such_table"),
        (["template", "--city", "x", "--year", "1999", "--out", "x.xlsx"], "1999 is not in the range"),
        (["publish"], "No such command"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_says_why(arguments: list[str], says: str, small_workspace: Path) -> None:
    before = state_of(small_workspace)
    options = [] if arguments == ["publish"] else ["-w", small_workspace]
    result = invoke(*arguments, *options)
    assert result.exit_code == 2
    assert says in squeezed(result.stderr)
    assert state_of(small_workspace) == before


@pytest.mark.parametrize("command", [["build"], ["status"], ["query", "select 1"], ["doctor"]])
def test_a_folder_that_is_no_workspace_ends_with_2(command: list[str], tmp_path: Path) -> None:
    result = invoke(*command, "-w", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "no folder raw/" in squeezed(result.output + result.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("name: X\ncolour: red\n", "colour is unknown here"),
        ("method: nowhere.yaml\n", "does not exist"),
        ("is_demo: perhaps\n", "write true or false"),
        ("name: [unclosed\n", "is not YAML"),
    ],
)
def test_a_marker_that_cannot_be_read_ends_with_2(marker: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "workspace.yaml").write_text(marker)
    result = invoke("status", "-w", tmp_path)
    assert result.exit_code == 2
    assert says in squeezed(result.stderr)


@pytest.mark.parametrize("command", [["status"], ["query", "select 1"]])
def test_before_the_first_build_one_is_told_to_build(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    result = invoke(*command, "-w", tmp_path)
    assert result.exit_code == 2
    assert "Run `ssc-index build" in squeezed(result.stderr)


def test_where_no_city_agrees_to_publish_nobody_is_told_to_build(
    small_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "quiet"
    shutil.copytree(small_workspace, root)
    place = open_workspace(root)
    with duckdb.connect(str(place.public_mart)) as mart:
        mart.execute("delete from dim_edition")
    show.show_build(Console(width=200), place)
    assert "No public edition: no city agrees to publish its scores." in capsys.readouterr().out
    for command in (["show"], ["audit"], ["site"], ["factsheet", "leader"]):
        result = invoke(*command, "-w", root)
        assert result.exit_code == 2
        assert "or no city agrees to publish its scores" in squeezed(result.stderr), command


def test_an_empty_workspace_builds_to_empty_marts(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    result = invoke("build", "-w", tmp_path)
    assert result.exit_code == 0
    assert "No edition: no submission below raw/ has been verified yet." in squeezed(result.output)
    assert mart_tables(tmp_path, PUBLIC)["dim_city"].is_empty()
    assert mart_tables(tmp_path, PUBLIC)["dim_kpi"].height > 200
    assert invoke("build", "-w", tmp_path, "--strict").exit_code == 1  # there is no register


def test_a_warehouse_that_is_none_ends_with_3_and_says_what_to_do(workspace: Path) -> None:
    (workspace / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)
    before = state_of(workspace)
    result = invoke("build", "-w", workspace)
    assert result.exit_code == 3
    assert "delete it and build again" in squeezed(result.stderr)
    assert state_of(workspace) == before


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_a_damaged_history_is_named_with_what_to_do_and_what_it_costs(name: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    place = open_workspace(tmp_path)
    assert run.last_failure(place) == []
    damaged = place.dagster_home / name
    damaged.write_bytes(b"no database" * 2000)

    def look() -> None:
        with run.history_told(place), run.instance_for_build(place) as instance:
            instance.all_asset_keys()
            instance.all_instigator_state()

    with pytest.raises(run.BuildError) as told:
        look()
    assert str(told.value).startswith("Dagster's history is damaged: ")
    assert "The marts are whole" in str(told.value)
    assert f"Delete {damaged}, build again" in str(told.value)
    damaged.unlink()
    look()


@pytest.mark.parametrize("left", [b"", b"\xff\xfe\0"])
def test_settings_of_which_a_part_is_there_are_written_again(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    place = open_workspace(tmp_path)
    run.prepare_home(place)
    written = (place.dagster_home / "command-line.yaml").read_bytes()
    (place.dagster_home / "command-line.yaml").write_bytes(left)
    run.prepare_home(place)
    assert (place.dagster_home / "command-line.yaml").read_bytes() == written


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (errno.ENOSPC, "Free space and give the command again"),
        (errno.EDQUOT, "Free space and give the command again"),
        (errno.EROFS, "nothing was changed. Have the disk mounted for writing"),
        (errno.EACCES, "Give the command as the user whom the workspace belongs to"),
    ],
)
def test_what_the_operating_system_refuses_is_told_with_what_to_do(
    number: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit), told_errors():
        raise OSError(number, os.strerror(number), "/a/file")
    said = squeezed(capsys.readouterr().err)
    assert "/a/file" in said
    assert what in said
    assert said.count("What is published") <= 1


def test_a_home_of_dagster_that_cannot_be_used_ends_with_3(workspace: Path) -> None:
    (workspace / ".dagster").write_text("in the way")
    result = invoke("build", "-w", workspace)
    assert result.exit_code == 3
    assert ".dagster" in result.stderr


@pytest.mark.parametrize("command", [["status"], ["query", "select 1"], ["doctor"]])
def test_a_mart_that_is_none_ends_with_2_and_names_the_file(command: list[str], workspace: Path) -> None:
    for name in (PUBLIC, INTERNAL):
        (workspace / "marts" / f"{name}.duckdb").write_bytes(b"this is no database" * 1000)
    result = invoke(*command, "-w", workspace)
    assert result.exit_code == 2
    assert "ssc_index.duckdb" in squeezed(result.output + result.stderr).replace(" ", "")


# query


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{folder}/out.csv'",
        "copy dim_city to '{folder}/out.parquet' (format parquet)",
        "export database '{folder}/out'",
        "select * from read_csv('/etc/passwd', header = false)",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/proc/self/environ')",
        "select * from glob('/etc/*')",
        "select * from '/etc/passwd'",
        "from '{folder}/marts/ssc_index_internal.duckdb'",
        "attach '{folder}/marts/ssc_index_internal.duckdb' as inside",
        "attach '{folder}/new.duckdb'",
        "insert into dim_city select * from dim_city",
        "update dim_city set name = 'X'",
        "delete from dim_city",
        "drop table dim_city",
        "create table mine as select 1",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "reset lock_configuration",
        "set memory_limit = '100GB'",
    ],
)
def test_a_query_can_neither_write_nor_read_beyond_its_mart(sql: str, small_workspace: Path) -> None:
    before = state_of(small_workspace)
    result = invoke("query", sql.format(folder=small_workspace), "-w", small_workspace)
    assert result.exit_code == 2, result.output
    assert "root:" not in result.output
    assert state_of(small_workspace) == before


def test_a_query_does_not_see_what_the_program_itself_holds(small_workspace: Path) -> None:
    """DuckDB would take a name that it does not know from Python's own variables."""
    for name in ("frame", "workspace", "EDITIONS", "place"):
        assert invoke("query", f"select * from {name}", "-w", small_workspace).exit_code == 2


def test_a_query_answers_as_a_table_as_json_and_as_csv(small_workspace: Path) -> None:
    sql = "select edition, city, score from ranking where edition = 2020 and rank <= 2 order by rank"
    rows = mart_tables(small_workspace, PUBLIC)["ranking"].filter(pl.col("rank") <= 2, edition=2020).sort("rank")
    expected = rows.select("edition", "city", "score").to_dicts()
    assert json.loads(invoke("query", sql, "-w", small_workspace, "--json").stdout) == expected
    told = list(csv.DictReader(invoke("query", sql, "-w", small_workspace, "--csv").stdout.splitlines()))
    assert [(row["city"], float(row["score"])) for row in told] == [(row["city"], row["score"]) for row in expected]
    shown = invoke("query", sql, "-w", small_workspace).output
    assert all(row["city"] in shown for row in expected)
    assert "2 rows" in shown


def test_rows_wider_than_the_terminal_are_told_one_below_the_other(small_workspace: Path) -> None:
    (row,) = mart_tables(small_workspace, PUBLIC)["ranking"].filter(edition=2020, rank=1).to_dicts()
    told = invoke("query", "select * from ranking where edition = 2020 and rank <= 2", "-w", small_workspace).stdout
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= 80
    words = [line.split(maxsplit=1) for line in told.splitlines()]
    assert ["city", row["city"]] in [[one.strip() for one in line] for line in words]
    assert [line[0] for line in words if line].count("edition") == 2
    none = invoke("query", "select * from ranking where false", "-w", small_workspace).stdout
    assert "0 rows" in none


def test_a_text_of_a_mart_that_looks_like_a_formula_is_none_in_the_csv(small_workspace: Path) -> None:
    told = invoke("query", "select '=1+1' as name, -1 as score", "-w", small_workspace, "--csv").stdout
    assert told == "name,score\n'=1+1,-1\n"


def test_text_that_looks_like_markup_is_shown_as_it_stands(small_workspace: Path) -> None:
    result = invoke("query", "select '[/dim] [red]x' as \"[bold]\"", "-w", small_workspace)
    assert result.exit_code == 0
    assert "[/dim] [red]x" in result.output
    assert "[bold]" in result.output


def test_the_internal_mart_is_asked_only_when_said_so(small_workspace: Path) -> None:
    sql = f"select count(*) as n from dim_city where city_id = '{SECRET}'"
    assert json.loads(invoke("query", sql, "-w", small_workspace, "--json").stdout) == [{"n": 0}]
    assert json.loads(invoke("query", sql, "-w", small_workspace, "--json", "--internal").stdout) == [{"n": 1}]
    assert invoke("query", "select * from dim_submission", "-w", small_workspace).exit_code == 2
    assert invoke("query", "select * from dim_submission", "-w", small_workspace, "--internal").exit_code == 0


def test_the_workspace_can_be_named_by_the_environment(small_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSC_INDEX_WORKSPACE", str(small_workspace))
    facts = json.loads(invoke("status", "--json").stdout)
    assert facts["workspace"] == "Demo cohort (invented cities)"


# template and demo


def test_a_template_reads_back_for_its_city_and_year(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "form.xlsx"
    arguments = ["--city", "demo-005-elvanpolis", "--year", 2021, "--out", out, "--population", 123456]
    result = invoke("template", *arguments, "-w", workspace)
    assert result.exit_code == 0, result.stderr
    read = read_submission(out, load_catalogue())
    (submission,) = read.submissions.to_dicts()
    assert (submission["city_id"], submission["year"]) == ("demo-005-elvanpolis", 2021)
    assert (submission["city_name"], submission["population"]) == ("Demo Elvanpolis", 123456)
    assert read.faults.is_empty()
    assert read.cells["data_point"].n_unique() == 112
    assert not read.cells["is_reported"].any()


def test_a_template_shows_what_the_city_reported_last(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "form.xlsx"
    arguments = ["--city", "demo-005-elvanpolis", "--year", 2030, "--out", out]
    result = invoke("template", *arguments, "-w", workspace)
    assert result.exit_code == 0, result.stderr
    book = openpyxl.load_workbook(out)
    year = int(str(book["KPIs"]["I4"].value).removeprefix("Last report\n"))
    assert squeezed(result.stdout).endswith(f"with the report of {year} beside.")
    shown = {row[0].value: row[8].value for row in book["KPIs"].iter_rows(min_row=5) if row[0].value}
    sql = "select data_point, value from core.\"values\" where city_id = 'demo-005-elvanpolis' and year = $1"
    with duckdb.connect(str(workspace / "warehouse.duckdb"), read_only=True) as connection:
        known = dict(connection.execute(sql.replace("$1", str(year))).fetchall())
    answers = {point.id for point in load_catalogue().data_points if point.value_type == "yes_no"}
    assert {code: value for code, value in shown.items() if value is not None} == {
        code: ("YES" if value else "NO") if code in answers else value for code, value in known.items()
    }
    # What a city reported is for the city alone, and the log of exports says that it went out.
    assert out.stat().st_mode & 0o777 == 0o600
    lines, _ = entries(open_workspace(workspace))
    gone = [line for line in lines if line["content"] == sha256_of(out)]
    assert {(line["what"], line["audience"]) for line in gone} == {
        (f"template with the report of {year}", "demo-005-elvanpolis")
    }
    # Area and currency seldom change; they are filled in.
    profile = book["Profile"]
    assert profile["B11"].value == profile["C11"].value is not None
    assert (profile["B9"].value, profile["B13"].value) == (None, "XTS")


def test_a_template_in_a_language_that_is_not_there_ends_with_2(small_workspace: Path, tmp_path: Path) -> None:
    arguments = ["--city", "demo-005-elvanpolis", "--year", 2030, "--out", tmp_path / "a.xlsx", "--language", "xx"]
    result = invoke("template", *arguments, "-w", small_workspace)
    assert result.exit_code == 2
    assert "'xx'; known are en" in squeezed(result.stderr)


def test_a_template_for_an_unknown_city_names_near_ones(small_workspace: Path, tmp_path: Path) -> None:
    arguments = ["--city", "elvanpolis", "--year", 2021, "--out", tmp_path / "form.xlsx"]
    result = invoke("template", *arguments, "-w", small_workspace)
    assert result.exit_code == 2
    assert "Known are, for example: demo-005-elvanpolis." in squeezed(result.stderr)
    assert not (tmp_path / "form.xlsx").exists()


def test_a_template_into_a_folder_that_is_not_there_ends_with_2(small_workspace: Path, tmp_path: Path) -> None:
    arguments = ["--city", "demo-005-elvanpolis", "--year", 2021, "--out", tmp_path / "no" / "form.xlsx"]
    result = invoke("template", *arguments, "-w", small_workspace)
    assert result.exit_code == 2
    assert str(tmp_path / "no") in squeezed(result.stderr).replace(" ", "")


def test_a_demo_is_made_once_and_never_over_real_submissions(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    small = ["--cities", 1, "--from", 2019, "--to", 2019, "-w", root]
    result = invoke("demo", *small)
    assert result.exit_code == 0
    assert "invented cities" in result.output
    before = state_of(root)
    assert invoke("demo", *small, "--if-absent").exit_code == 0
    assert state_of(root) == before

    real = tmp_path / "real"
    shutil.copytree(PROJECT / "data" / "raw", real / "raw")
    before = state_of(real)
    result = invoke("demo", "--cities", 1, "--from", 2019, "--to", 2019, "-w", real)
    assert result.exit_code == 2
    assert "Demo data never mix with real submissions" in squeezed(result.stderr)
    assert state_of(real) == before

    (root / "raw" / "no-karmoy.xlsx").write_bytes(b"real")
    result = invoke("demo", *small)
    assert result.exit_code == 2
    assert "no-karmoy.xlsx" in result.stderr


def test_demo_data_are_called_so_wherever_they_are_shown(workspace: Path) -> None:
    assert "DEMO DATA: every city and number is invented" in squeezed(invoke("build", "-w", workspace).output)
    assert "DEMO DATA" in invoke("status", "-w", workspace).output
    assert json.loads(invoke("status", "-w", workspace, "--json").stdout)["is_demo"] is True


def test_a_city_whose_score_is_hidden_is_not_said_to_report_too_little(
    small_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands among the cities of the edition, and in no row of the ranking."""
    place = open_workspace(small_workspace)
    last = show.read(place, show.EDITIONS + " order by edition").row(-1, named=True)
    show.show_ranking(screen(), place, last)
    before = squeezed(capsys.readouterr().out)
    assert "may not be shown" not in before
    show.show_ranking(screen(), place, {**last, "n_cities": last["n_cities"] + 1})
    hidden = squeezed(capsys.readouterr().out)
    assert hidden == before.replace("to be ranked.", "to be ranked; the score of 1 may not be shown.")
    assert hidden != before


# status and doctor


def test_status_tells_what_was_received_and_what_is_new(workspace: Path) -> None:
    add_submission(workspace, "2020/new.xlsx", "demo-005-elvanpolis", 2020, {})
    facts = json.loads(invoke("status", "-w", workspace, "--json").stdout)
    assert facts["unread_files"] == ["2020/new.xlsx"]
    by_year = {row["year"]: row for row in facts["submissions"]}
    # 23 workbooks: seven cities in three years and two revisions; one of 2018 and one of 2020 are pending.
    assert {year: row["received"] for year, row in by_year.items()} == {2018: 8, 2019: 8, 2020: 7}
    assert {year: row["verified"] for year, row in by_year.items()} == {2018: 7, 2019: 8, 2020: 6}
    assert {year: row["counted"] for year, row in by_year.items()} == {2018: 6, 2019: 7, 2020: 6}
    shown = squeezed(invoke("status", "-w", workspace).output)
    assert "1 submission is new, gone, or with another receipt: 2020/new.xlsx." in shown


def test_doctor_finds_a_sound_workspace_fine(small_workspace: Path) -> None:
    result = invoke("doctor", "-w", small_workspace, "--json")
    findings = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 0, findings
    assert all(finding["is_fine"] for finding in findings.values())
    assert "91 KPIs, 112 data points" in findings["catalogue"]["says"]
    assert "23 submission files" in findings["submissions"]["says"]
    assert "3 editions published" in findings["mart"]["says"]
    assert "catalogue" in invoke("doctor", "-w", small_workspace).output


def _readable_by_all(root: Path) -> None:
    (root / "marts" / "ssc_index_internal.duckdb").chmod(0o644)


def _stray(root: Path) -> None:
    (root / "raw" / "letter.docx").write_text("Dear index team")


def _no_internal(root: Path) -> None:
    (root / "marts" / "ssc_index_internal.duckdb").unlink()


def _bad_method(root: Path) -> None:
    (root / "method.yaml").write_text("name: x\nsteps:\n  - guess: {}\n")
    (root / "workspace.yaml").write_text("name: x\nis_demo: true\nmethod: method.yaml\n")


@pytest.mark.parametrize(
    ("harm", "what", "says"),
    [
        (_readable_by_all, "mart", "run chmod 600"),
        (_stray, "submissions", "letter.docx is no submission"),
        (_no_internal, "mart", "ssc_index_internal.duckdb"),
        (_bad_method, "method", "guess"),
    ],
)
def test_doctor_names_what_is_wrong_and_ends_with_2(harm: Any, what: str, says: str, workspace: Path) -> None:
    harm(workspace)
    result = invoke("doctor", "-w", workspace, "--json")
    assert result.exit_code == 2
    wrong = {finding["what"]: finding["says"] for finding in json.loads(result.stdout) if not finding["is_fine"]}
    assert set(wrong) == {what}
    assert says in wrong[what]


@pytest.mark.parametrize(
    ("marker", "told"),
    [("name: x\n", True), ("name: x\nraw_is_public: true\n", False), ("name: x\nis_demo: true\n", False)],
)
def test_doctor_tells_what_any_user_can_read(
    marker: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "workspace.yaml").write_text(marker)
    monkeypatch.setattr("intake.private.open_to_others", lambda _: 3)
    result = invoke("doctor", "-w", tmp_path, "--json")
    (one,) = [finding for finding in json.loads(result.stdout) if finding["what"] == "confidential"]
    assert one["is_fine"] is not told
    assert ("can read 3 files below" in one["says"], "run chmod -R o-rwx" in one["says"]) == (told, told)


# compute


@pytest.mark.parametrize(
    ("arguments", "becomes"),
    [
        (("serve", "web", "--port", "3001"), "dagster-webserver -m pipelines.definitions -p 3001 -h 127.0.0.1"),
        (("serve", "daemon"), "dagster-daemon run -m pipelines.definitions"),
        (("dev",), "-m dagster dev -m pipelines.definitions -p 3000 -h 127.0.0.1"),
    ],
)
def test_a_server_becomes_dagsters_own_program_on_the_workspace(
    arguments: tuple[str, ...], becomes: str, small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became = []

    def become(program: str, given: list[str]) -> None:
        became.append((program, " ".join(given), os.environ["SSC_INDEX_WORKSPACE"], os.environ["DAGSTER_HOME"]))
        raise SystemExit(0)  # it never comes back

    for name in ("DAGSTER_HOME", "SSC_INDEX_WORKSPACE"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(small_workspace)
    monkeypatch.setattr("os.execv", become)
    invoke(*arguments, "-w", small_workspace)
    ((program, command, workspace, home),) = became
    assert Path(program).is_file()
    assert command.endswith(becomes)
    assert workspace == str(small_workspace) == str(Path.cwd())
    assert home == str(small_workspace / ".dagster")


def test_compute_tells_what_it_did_in_words_and_as_json(tmp_path: Path) -> None:
    files = ["--framework", HAND / "framework.csv", "--values", HAND / "values.csv", "--method", HAND / "method.yaml"]
    facts = json.loads(invoke("compute", *files, "--out", tmp_path / "a", "--json").stdout)
    assert (facts["units"], facts["ranked"]) == (3, 3)
    assert facts["out"] == str(tmp_path / "a")
    assert (tmp_path / "a" / "scores.csv").is_file()
    assert "3 have a rank" in squeezed(invoke("compute", *files, "--out", tmp_path / "b", "--audit").output)
    assert not (tmp_path / "a" / "audit_importance.csv").exists()
    assert (tmp_path / "b" / "audit_importance.csv").is_file()
    scores_alone = tmp_path / "normalised.yaml"
    scores_alone.write_text("name: m\nsteps: [{normalise: {method: goalposts}}]\n", encoding="utf-8")
    told = invoke("compute", *files[:5], scores_alone, "--out", tmp_path / "c", "--json")
    assert (json.loads(told.stdout)["ranked"], "no step aggregates up to" in squeezed(told.stderr)) == (0, True)


def test_compute_refuses_files_that_do_not_fit_and_ends_with_2(tmp_path: Path) -> None:
    files = [
        "--framework",
        HAND / "framework.csv",
        "--values",
        HAND / "framework.csv",
        "--method",
        HAND / "method.yaml",
    ]
    result = invoke("compute", *files, "--out", tmp_path / "a")
    assert result.exit_code == 2
    assert "framework.csv" in result.stderr
    result = invoke("compute", "--framework", tmp_path / "none.csv", *files[2:], "--out", tmp_path / "a")
    assert result.exit_code == 2
    assert "none.csv" in squeezed(result.stderr).replace(" ", "")


# build --as-of


def test_a_view_as_of_a_day_is_what_was_there_and_touches_nothing_published(
    workspace: Path, small_workspace: Path, tmp_path: Path
) -> None:
    # A day counts to its end.
    moment = datetime(2020, 5, 31, 23, 59, 59, tzinfo=UTC)
    then = copy_workspace(small_workspace, tmp_path / "then", built=False)
    submissions = mart_tables(small_workspace, INTERNAL)["dim_submission"]
    later = submissions.filter(pl.col("received_at") > moment)["path"].to_list()
    assert 0 < len(later) < submissions.height
    for path in later:
        drop_submission(then / "raw" / path)
    build(then)

    before = state_of(workspace)
    result = invoke("build", "-w", workspace, "--as-of", "2020-05-31")
    assert result.exit_code == 0, result.stderr
    assert "As of 2020-05-31 23:59:59 UTC" in result.output
    assert {name: state for name, state in state_of(workspace).items() if not name.startswith("as-of/")} == before
    (view,) = (workspace / "as-of").iterdir()
    assert view.name == "20200531T235959Z"
    # The same moment told in another zone is the same view, and nothing in it has changed.
    again = invoke("build", "-w", workspace, "--as-of", "2020-06-01T13:59:59+14:00")
    assert again.output.startswith("Nothing has changed since the last build.")

    # The team sees no more of what came later than the public does: no submission, no finding.
    for mart in (PUBLIC, INTERNAL):
        seen, was = mart_tables(view, mart), mart_tables(then, mart)
        assert seen["dim_edition"]["as_of"].to_list() == [moment] * seen["dim_edition"].height
        for name in was:
            ours, theirs = (tables[name].drop("as_of", strict=False) for tables in (seen, was))
            assert ours.rows() == theirs.rows(), name
        assert was["fact_value"].height > 0
    assert mart_tables(view, PUBLIC)["ranking"].rows() != mart_tables(small_workspace, PUBLIC)["ranking"].rows()


def test_before_the_first_receipt_there_is_no_edition_and_it_says_as_of_when(workspace: Path) -> None:
    result = invoke("build", "-w", workspace, "--as-of", "2010-01-01T00:00Z")
    assert result.exit_code == 0, result.stderr
    assert "No edition: no submission below raw/ of those received by then has been verified yet." in result.output
    assert "As of 2010-01-01 00:00:00 UTC" in result.output
    (view,) = (workspace / "as-of").iterdir()
    found = mart_tables(view, INTERNAL)
    assert [name for name in ("dim_submission", "dim_edition", "fact_finding") if found[name].height] == []


def test_compute_scores_units_outside_a_cohort_by_saved_parameters(tmp_path: Path) -> None:
    files = ["--framework", HAND / "framework.csv", "--values", HAND / "values.csv", "--method", HAND / "method.yaml"]
    invoke("compute", *files, "--out", tmp_path / "a")
    outside = invoke("compute", *files[:4], "--parameters", tmp_path / "a", "--out", tmp_path / "b")
    assert "the method fills it from other cells" in squeezed(outside.output)  # one city of the example lacks a value
    assert outside.exit_code == 2
    both = invoke("compute", *files, "--parameters", tmp_path / "a", "--out", tmp_path / "b")
    assert "give either --method or --parameters" in squeezed(both.output)


def test_a_mart_of_another_user_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who may read everything: DuckDB's own words stand in for it."""
    (tmp_path / "raw").mkdir()
    place = open_workspace(tmp_path)
    place.marts.mkdir()
    place.internal_mart.touch()

    def refuse(*_: object, **__: object) -> None:
        raise duckdb.IOException('Cannot open file "ssc_index_internal.duckdb": Permission denied')

    monkeypatch.setattr(show, "connect", refuse)
    with pytest.raises(show.QueryError, match="is not for this user to read"):
        show.read(place, "from ranking", internal=True)
