"""One more file among others: what is said of those that were there before is what is said from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.core import TABLES, values_step
from assets.ingest import ingest
from assets.warehouse import open_writer
from assets.workspace import open_workspace
from assets.writing import replace_years_in
from intake.receipts import Receipt, write_receipts
from schemas import raw
from schemas.state import STEPS

DOCTORS = "SC_EH_H_2C.main"
NEAR_200 = [190.0, 195.0, 200.0, 205.0, 210.0, 198.0, 202.0, 207.0, 193.0, 201.0, 199.0]
FAR = "far.csv"
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of each of twelve cities for two years, the last far from all others."""
    folder = tmp_path_factory.mktemp("files")
    values = {f"{at:02}.csv": value for at, value in enumerate(NEAR_200)} | {FAR: 2000.0}
    cities = []
    for name, value in values.items():
        city = f"no-{name.removesuffix('.csv')}"
        cities.append(f"{city},{city},NO")
        lines = [f"{city},{year},{DOCTORS},{value},YES,YES,100000,Office" for year in (2023, 2024)]
        header = "city_id,year,data_point,result,reported,verified,population,source"
        (folder / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        received = datetime(2025, 1, 1, tzinfo=UTC)
        receipts = [Receipt(city, year, received, verification_outcome="verified") for year in (2023, 2024)]
        write_receipts(folder / name, receipts)
    (folder / "cities.csv").write_text("\n".join(["city_id,name,country_code", *cities]) + "\n", encoding="utf-8")
    return folder


def arriving(root: Path, files: Path, portions: Sequence[Sequence[str]]) -> tuple[Rows, list[list[int]]]:
    """Rows of the core tables after files have come, and gone where named again; and the years computed each time."""
    (root / "raw").mkdir(parents=True)
    shutil.copy(files / "cities.csv", root / "raw")
    workspace = open_workspace(root)
    computed = []
    with open_writer(workspace.warehouse, "test", (*raw.TABLES, *TABLES, STEPS)) as connection:
        for portion in portions:
            for name in portion:
                for one in (name, f"{name}.receipt.csv"):
                    if (root / "raw" / one).is_file():
                        (root / "raw" / one).unlink()
                    else:
                        shutil.copy(files / one, root / "raw")
            ingest(workspace, connection, lambda _done, _total: None)
            computed.append(replace_years_in(connection, values_step(workspace), [2023, 2024]).computed)
        rows = {one.name: sorted(connection.table(one.name).fetchall(), key=repr) for one in TABLES}
    return rows, computed


def test_a_city_more_is_heard_by_all_as_if_it_had_always_been_there(files: Path, tmp_path: Path) -> None:
    names = [f"{at:02}.csv" for at in range(len(NEAR_200))]
    from_nothing, _ = arriving(tmp_path / "at-once", files, [[*names, FAR]])
    findings = [row for row in from_nothing["core.findings"] if "unlike_peers" in row]
    assert len(findings) == 1  # of the city that is far, in the year when it has no past like it
    # Eleven are too few to be held against each other: the twelfth makes the rule speak of a file that was there, and
    # a file that goes takes its rows with it until it comes again.
    portions = [[FAR, *names[:10]], [names[10]], [], [names[3]], [names[3]]]
    bit_by_bit, computed = arriving(tmp_path / "bit-by-bit", files, portions)
    assert bit_by_bit == from_nothing
    assert computed == [[2023, 2024], [2023, 2024], [], [2023, 2024], [2023, 2024]]
