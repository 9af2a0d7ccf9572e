"""A cohort of invented cities to try things on: workspace, register, workbooks and receipts.

What belongs here: where the cohort is put, and that it never mixes with real submissions. What does not: the
cities (`demo_places.py`), their numbers (`demo_model.py`), their conduct (`demo_conduct.py`) and their files
(`demo_files.py`).

Everything is keyed by (seed, city, year): the same seed gives the same bytes for any number of processes, and a
city's files are the same in a larger cohort or for fewer years.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import yaml

from intake.demo_bulk import bulk_frame
from intake.demo_files import Written, draw_rows, receipt_of, write_city, write_register
from intake.demo_places import place
from intake.demo_plan import rows_of
from intake.receipts import write_receipts
from intake.register import REGISTER_NAME
from intake.tables import FIRST_YEAR, LAST_YEAR
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import Catalogue

NAME = "Demo cohort (invented cities)"
MARKER = "workspace.yaml"
YEARS = (2021, 2022, 2023, 2024, 2025)
MOST_CITIES = 20_000

# Below so many workbooks a pool of processes costs more than it saves.
SMALLEST_POOL = 500
LARGEST_POOL = 8

Progress = Callable[[int, int], None]


class DemoError(SscIndexError):
    """A demo cohort that cannot be made as asked, with what to do about it."""


@dataclass(frozen=True)
class PlantedFault:
    """A fault that the checks should find.

    Attributes:
        file: The workbook, relative to the folder ``raw``.
        data_point: The data point of the row.
        kind: What is wrong, in a word.
        rule: Code under which the checks report it.
    """

    file: str
    data_point: str
    kind: str
    rule: str


@dataclass(frozen=True)
class DemoSummary:
    """What was made.

    Attributes:
        root: Folder of the workspace.
        seed: Seed of the cohort.
        cities: Number of cities in the register.
        years: Reference years, ascending.
        files: Number of workbooks, revisions among them.
        revisions: Number of late revisions.
        planted: Faults put in on purpose, in order of year and city.
    """

    root: Path
    seed: int
    cities: int
    years: tuple[int, ...]
    files: int
    revisions: int
    planted: tuple[PlantedFault, ...]


def make_demo(
    root: Path,
    catalogue: Catalogue,
    *,
    seed: int,
    cities: int = 60,
    years: Sequence[int] = YEARS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> DemoSummary:
    """Write a workspace of invented cities; one that is there already is replaced.

    Args:
        root: Folder of the workspace. Its ``raw/`` appears whole or not at all.
        catalogue: The KPI catalogue.
        seed: Any whole number of 0 or more.
        cities: Number of cities.
        years: Reference years.
        workers: Processes that write; None takes the processors there are, 1 stays in this process.
        progress: Called with cities written and cities to write.

    Returns:
        What was made, with the planted faults.

    Raises:
        DemoError: If the folder holds anything that is not of a demo cohort, or an argument makes no sense.
    """
    ordered = _checked(seed, cities, years)
    _refuse_real(root)
    with _new_raw(root) as raw:
        write_register(raw / REGISTER_NAME, (place(number) for number in range(1, cities + 1)), seed)
        task = partial(write_city, raw, catalogue, seed, years=ordered)
        written = list(_each(task, cities, len(ordered), workers, progress))
    planted = sorted((name, fault) for one in written for name, fault in one.planted)
    return DemoSummary(
        root=root,
        seed=seed,
        cities=cities,
        years=ordered,
        files=sum(one.submissions for one in written),
        revisions=sum(one.revisions for one in written),
        planted=tuple(PlantedFault(name, fault.data_point, fault.kind, fault.rule) for name, fault in planted),
    )


def make_bulk_cohort(path: Path, catalogue: Catalogue, *, seed: int, cities: int, years: Sequence[int]) -> None:
    """Write the same kind of cohort as one long Parquet file, with receipts, register and marker.

    Every city has a row for every year and data point, blank where it reports nothing. Nobody skips a year, and
    there are no revisions and no planted faults.

    Args:
        path: The file; it must lie in the folder ``raw`` of a workspace, which may be new.
        catalogue: The KPI catalogue.
        seed: Any whole number of 0 or more.
        cities: Number of cities.
        years: Reference years.

    Raises:
        DemoError: If the workspace holds anything else, or an argument makes no sense.
    """
    ordered = _checked(seed, cities, years)
    if path.parent.name != "raw" or path.suffix != ".parquet":
        raise DemoError(f"{path} is no place for a bulk cohort: name a file WORKSPACE/raw/NAME.parquet")
    _refuse_real(path.parent.parent, path.name)
    places = [place(number) for number in range(1, cities + 1)]
    draws = draw_rows(catalogue, seed, rows_of(places, ordered))
    with _new_raw(path.parent.parent) as raw:
        write_register(raw / REGISTER_NAME, places, seed)
        bulk_frame(draws, catalogue).write_parquet(raw / path.name, statistics=False)
        write_receipts(raw / path.name, (receipt_of(draws, row) for row in range(len(draws.rows.places))))


def _checked(seed: int, cities: int, years: Sequence[int]) -> tuple[int, ...]:
    """The years in order, with every argument looked at."""
    ordered = tuple(sorted(set(years)))
    faults = []
    if seed < 0:
        faults.append(f"the seed is {seed}: give a whole number of 0 or more")
    if not 1 <= cities <= MOST_CITIES:
        faults.append(f"{cities} cities: give a number from 1 to {MOST_CITIES}")
    if not ordered or ordered[0] < FIRST_YEAR or ordered[-1] > LAST_YEAR:
        faults.append(f"years {', '.join(map(str, ordered)) or 'none'}: give years from {FIRST_YEAR} to {LAST_YEAR}")
    if faults:
        raise DemoError("; ".join(faults))
    return ordered


def _refuse_real(root: Path, own: str = "demo-") -> None:
    """Refuse a folder in which anything but a demo cohort, whose file names begin with ``own``, would be touched."""
    marker, raw = root / MARKER, root / "raw"
    if not (marker.exists() or raw.exists()):
        return
    if not _is_marked(marker):
        raise DemoError(
            f"{root} is a workspace that is not marked is_demo: true in {MARKER}. Demo data never mix with real "
            "submissions: name another folder."
        )
    strangers = sorted(
        str(path.relative_to(raw))
        for path in raw.rglob("*")
        if path.is_file() and path.name != REGISTER_NAME and not path.name.startswith(("demo-", own))
    )
    if strangers:
        listed = ", ".join(strangers[:5]) + (" …" if len(strangers) > 5 else "")
        raise DemoError(
            f"{raw} holds {listed}, which the demo has not made and would delete. Move it, or name another folder."
        )


def _is_marked(marker: Path) -> bool:
    """Whether a marker file says that its workspace is a demo."""
    try:
        content = yaml.safe_load(marker.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and content.get("is_demo") is True


@contextmanager
def _new_raw(root: Path) -> Iterator[Path]:
    """A new ``raw/`` that takes the place of the old one only when it is complete.

    It is built in a folder beside the workspace. What was there goes when the new one stands.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{root.name}.making-", dir=root.parent.resolve()))
    try:
        raw = making / "raw"
        raw.mkdir()
        yield raw
        root.mkdir(exist_ok=True)
        marker = root / MARKER
        if not marker.exists():
            text = yaml.safe_dump({"name": NAME, "is_demo": True}, sort_keys=False, allow_unicode=True)
            (making / MARKER).write_text(text, encoding="utf-8")
            (making / MARKER).replace(marker)
        if (root / "raw").exists():
            (root / "raw").rename(making / "old")
        raw.rename(root / "raw")
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _each(
    task: Callable[[int], Written],
    cities: int,
    n_years: int,
    workers: int | None,
    progress: Progress | None,
) -> Iterator[Written]:
    """Do the task for every city, in order of their numbers whoever finishes first."""
    numbers = range(1, cities + 1)
    wanted = min(workers or os.cpu_count() or 1, LARGEST_POOL, cities)
    tell = progress or (lambda _done, _total: None)
    if wanted == 1 or (workers is None and cities * n_years < SMALLEST_POOL):
        for number in numbers:
            yield task(number)
            tell(number, cities)
        return
    with ProcessPoolExecutor(wanted, mp_context=get_context("forkserver")) as pool:
        for number, written in zip(numbers, pool.map(task, numbers, chunksize=2), strict=True):
            yield written
            tell(number, cities)
