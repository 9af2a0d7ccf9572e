"""The rules of `docs/` and of the house that a machine can hold."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.publish import VIEWS
from schemas import audit, benchmark, changes, core, index, marts, raw
from schemas.raw import FAULT_COLUMNS
from ssc_index.framework.catalogue import load_catalogue

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("ssc_index", "intake", "schemas", "assets", "pipelines", "reports")
MODULES = [file for package in PACKAGES for file in sorted((PROJECT / package).rglob("*.py"))]
SOURCES = [*MODULES, *sorted((PROJECT / "tests").rglob("*.py")), *sorted((PROJECT / "benchmarks").rglob("*.py"))]
SCRIPTS = sorted((PROJECT / "sql").rglob("*.sql"))
TABLES = (
    *raw.TABLES,
    core.values(load_catalogue()),
    core.QUARANTINE,
    core.FINDINGS,
    *index.TABLES,
    *audit.TABLES,
    *changes.TABLES,
    *benchmark.TABLES,
    *marts.INTERNAL,
)


def name_of(file: Path) -> str:
    return file.relative_to(PROJECT).as_posix()


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


# --- modules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_every_module_says_what_belongs_in_it_and_what_does_not(file: Path) -> None:
    told = " ".join((ast.get_docstring(tree_of(file)) or "").split())
    assert told, "no docstring"
    if file.name != "__init__.py":
        assert re.search(r"\bbelongs?\b", told)
        assert re.search(r"\b(does|do) not\b", told)


def imported(tree: ast.AST) -> set[str]:
    """Top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


PURE = {"numpy", "polars", "pydantic", "pydantic_core", "yaml", "scipy", "numba", "llvmlite", "pyarrow", "ssc_index"}
CLOCKS_AND_CHANCE = {"random", "time", "secrets", "uuid", "socket", "subprocess"}


def test_the_engine_imports_nothing_but_numbers_frames_and_models() -> None:
    outside = {
        f"{name_of(file)}: {package}"
        for file in MODULES
        if file.is_relative_to(PROJECT / "ssc_index")
        for package in imported(tree_of(file)) - PURE
        if package not in sys.stdlib_module_names or package in CLOCKS_AND_CHANCE
    }
    assert outside == set()


def test_the_scan_finds_an_import_inside_a_function() -> None:
    planted = ast.parse("def f():\n    from duckdb.typing import VARCHAR\n    import dagster.core as core\n")
    assert imported(planted) == {"duckdb", "dagster"}


GLOBAL_STATE = re.compile(
    r"np\.random\.(?!Generator|SeedSequence|Philox|PCG64|BitGenerator)\w+|datetime\.now|date\.today"
)


def test_the_engine_asks_neither_a_clock_nor_the_global_generator() -> None:
    found = [
        f"{name_of(file)}: {match[0]}"
        for file in MODULES
        if file.is_relative_to(PROJECT / "ssc_index")
        for match in GLOBAL_STATE.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("call", ["np.random.rand(3)", "datetime.now()", "date.today()", "np.random.default_rng()"])
def test_the_pattern_finds_clocks_and_hidden_chance(call: str) -> None:
    assert GLOBAL_STATE.search(call)


# --- SQL ------------------------------------------------------------------------------------------------------

STATEMENT = re.compile(
    r"\s*(select|insert\s+into|update\s+\w|delete\s+from|with\s+\w+\s+as|merge\s+into|copy|attach|drop|alter)\b", re.I
)


def filled_in(node: ast.AST) -> bool:
    """Whether an expression is text with values put into it: an f-string, ``%`` or ``.format``."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def beginning(node: ast.AST) -> str:
    """The text with which such an expression begins."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            return part.value
    return ""


def sql_with_values(tree: ast.AST) -> list[int]:
    """Lines where values are put into SQL.

    An expression that is filled in may neither begin as a statement on data, nor be what ``execute`` or ``sql`` is
    given. Table definitions (``create table``, ``comment on``) are made from our own names, not from values.
    """
    found = {node.lineno for node in ast.walk(tree) if filled_in(node) and STATEMENT.match(beginning(node))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"execute", "sql"}:
            found |= {node.lineno for given in node.args[:1] if filled_in(given)}
    return sorted(found)


def test_no_value_is_put_into_sql() -> None:
    assert {name_of(file): lines for file in MODULES if (lines := sql_with_values(tree_of(file)))} == {}


@pytest.mark.parametrize(
    ("code", "is_wrong"),
    [
        ('connection.execute(f"select * from cities where city_id = {city!r}")', True),
        ('connection.execute(f"  {statement}")', True),
        ('query = f"delete from t where a = {a}"\nconnection.execute(query)', True),
        ("connection.sql(\"select '%s'\" % city)", True),
        ("connection.sql(\"select '{}'\".format(city))", True),
        ("connection.execute(f\"attach '{path}'\")", True),
        ('connection.execute("select * from cities where city_id = ?", [city])', False),
        ('message = f"{path}: delete it and build again"', False),
        ('message = f"Select one of {names}"', True),  # begins as a statement: say it otherwise
        ('ddl = f"create table {name} (a integer)"', False),
        ('message = "%s rows" % 3', False),
    ],
)
def test_the_scan_for_sql_with_values_finds_what_it_should(code: str, is_wrong: bool) -> None:
    assert bool(sql_with_values(ast.parse(code))) == is_wrong


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_every_script_begins_with_a_comment_and_holds_no_tab(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert re.match(r"-- [A-Z].*\.\n", text)
    assert "\t" not in text


@pytest.mark.parametrize("script", sorted((PROJECT / "sql" / "checks").glob("*.sql")), ids=name_of)
def test_every_check_names_the_tables_that_it_reads(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    named = text.splitlines()[1].removeprefix("-- tables: ").split(", ")
    known = {table.name for table in marts.INTERNAL}
    assert set(named) == {name for name in re.findall(r"\b(?:from|join)\s+(\w+)", text) if name in known}


def test_every_mart_table_has_its_script_and_every_script_its_table_or_view() -> None:
    scripts = {script.stem for script in (PROJECT / "sql" / "marts").glob("*.sql")}
    assert scripts == {table.name for table in marts.INTERNAL} | set(VIEWS)


def test_no_score_is_made_in_sql() -> None:
    # Sums of floating-point numbers differ with the order of rows; scores are made in the engine.
    found = [
        f"{name_of(script)}: {match[0]}"
        for script in SCRIPTS
        for match in re.finditer(
            r"\b(avg|mean|median|quantile\w*|stddev\w*|percent_rank)\s*\(", script.read_text(encoding="utf-8")
        )
    ]
    assert found == []


# --- schemas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_has_a_key_and_descriptions(table: raw.Table) -> None:
    # Faults may be alike: two of one cell differ in nothing but their words.
    assert table.key or set(FAULT_COLUMNS) <= set(table.columns)
    told = [table.description, *(column.description for column in table.columns.values())]
    assert [text for text in told if not text.endswith(".") or text != text.strip()] == []
    assert all(column.islower() for column in table.columns)


# --- imports point one way ------------------------------------------------------------------------------------

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PLANTED = {
    "ssc_index/rank.py": "import duckdb",
    "ssc_index/weights.py": "from assets import progress",
    "intake/names.py": "from schemas import raw",
    "schemas/checks.py": "import dagster",
}


def test_the_import_contracts_fail_on_planted_violations(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "u4ssc", "*.yaml")
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=ignored)
    for file, line in PLANTED.items():
        with (tmp_path / file).open("a", encoding="utf-8") as source:
            source.write(f"\n{line}\n")
    command = [sys.executable, "-c", LINT, "--no-cache"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Imports point one way BROKEN" in run.stdout
    assert "The engine knows neither Dagster nor DuckDB BROKEN" in run.stdout
    assert "Intake and schemas know no Dagster BROKEN" in run.stdout
    for broken in ("ssc_index is not allowed to import assets", "intake is not allowed to import schemas"):
        assert broken in run.stdout


# --- comments -------------------------------------------------------------------------------------------------

EXCUSED = re.compile(r"#\s*(type:\s*ignore\[[\w-]+(,\s*[\w-]+)*\]|noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)\s+#?\s*\w+")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def unexcused(source: str) -> list[int]:
    """Lines that silence a tool without a reason, or that leave something for later."""
    return [
        line
        for line, comment in comments(source)
        if (re.search(r"noqa|type:\s*ignore", comment) and not EXCUSED.search(comment)) or UNFINISHED.search(comment)
    ]


def test_nothing_is_silenced_without_a_reason_and_nothing_is_left_for_later() -> None:
    assert {name_of(file): lines for file in SOURCES if (lines := unexcused(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    ("source", "is_wrong"),
    [
        ("x = 1  # type: ignore", True),
        ("x = 1  # type: ignore[arg-type]", True),
        ("x = 1  # noqa", True),
        ("x = 1  # noqa: E501", True),
        ("x = 1  # TODO: later", True),
        ("x = 1  # type: ignore[arg-type]  # the stub is wrong", False),
        ("x = 1  # noqa: T201  # a benchmark prints", False),
        ("x = 'noqa'", False),
    ],
)
def test_the_scan_of_comments_finds_what_it_should(source: str, is_wrong: bool) -> None:
    assert bool(unexcused(source)) == is_wrong


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports a test file by its bare name where its folder is no package: the second one would not be read."""
    names = Counter(path.stem for path in (PROJECT / "tests").rglob("test_*.py"))
    assert len(names) > 50
    assert [name for name, n in names.items() if n > 1] == []
