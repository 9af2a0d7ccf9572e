"""Builds, publications and releases killed at random moments: ``python -m benchmarks.faults [--keep DIR]``.

Each death is real: the command and everything it started get SIGKILL. After each, what readers have open to them must
be whole: marts that are the old ones or the new ones, Parquet files as their manifest says, releases with all their
files. After every five deaths in a row the same command, left alone, must come to the same bits as one that was never
disturbed. The moments come from a seed; where they fall in the work depends on the machine. With ``--keep`` a run that
was stopped goes on after its last whole row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from assets.freshness import PUBLISHING, code_sha256
from assets.workspace import PROJECT, open_workspace
from intake.demo import make_demo
from pipelines.releases import releases
from ssc_index.framework.catalogue import load_catalogue

SEED, EDITION, IN_A_ROW = 2026, 2020, 5
# Share of an undisturbed command's time in which the moment lies. Later ones mostly miss: in a row of deaths each
# command goes on from what the one before had done, and is quicker.
EARLIEST, LATEST = 0.05, 0.8
MARTS = ("ssc_index", "ssc_index_internal")
WHAT = {
    "take in and build": ("build",),
    "publish": ("build",),
    "release": ("release", str(EDITION)),
}


@dataclass
class Trial:
    """One command that is killed again and again.

    Attributes:
        what: Key of `WHAT`.
        start: The workspace as it is before the command; every row of deaths begins with a copy.
        wanted: Addresses of the marts, and names of the releases, after the command was left alone.
        allowed: Addresses that each mart may have meanwhile.
        seconds: How long the undisturbed command took.
    """

    what: str
    start: Path
    wanted: dict[str, object]
    allowed: Mapping[str, set[str]]
    seconds: float
    deaths: int = 0
    faults: list[str] = field(default_factory=list)


def command(root: Path, what: str) -> list[str]:
    """The command of a trial."""
    return [sys.executable, "-m", "pipelines.cli", *WHAT[what], "-w", str(root)]


def killed_after(root: Path, what: str, seconds: float) -> bool:
    """Start a command and kill it with all its processes; False if it was done before."""
    process = subprocess.Popen(
        command(root, what), cwd=PROJECT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def left_alone(root: Path, what: str) -> float:
    """Run a command to its end; return the seconds it took."""
    started = time.perf_counter()
    done = subprocess.run(command(root, what), cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} ended with {done.returncode}: {done.stderr}")
    return time.perf_counter() - started


def standing(root: Path) -> dict[str, object]:
    """What readers find: the address of each mart, the releases, and where the link of the released mart leads."""
    place = open_workspace(root)
    link = place.marts / "ssc_index_release.duckdb"
    return {
        **{mart: _manifest(root, mart).get("content_sha256") for mart in MARTS},
        "releases": [one.name for one in releases(place)],
        "link": str(link.readlink()) if link.is_symlink() else None,
    }


def _manifest(root: Path, mart: str) -> dict[str, object]:
    path = root / "marts" / f"{mart}_manifest.json"
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def torn(root: Path, allowed: Mapping[str, set[str]]) -> Iterator[str]:
    """Everything that a reader could stumble over; nothing where all is whole."""
    for mart in MARTS:
        yield from _torn_mart(root, mart, allowed[mart])
    folder = root / "releases"
    for release in sorted(folder.glob("[0-9]*-*")) if folder.is_dir() else []:
        yield from _changed(release)
    link = root / "marts" / "ssc_index_release.duckdb"
    if link.is_symlink() and not link.exists():
        yield f"{link.name} leads nowhere"


def _torn_mart(root: Path, mart: str, allowed: set[str]) -> Iterator[str]:
    path, exported = root / "marts" / f"{mart}.duckdb", root / "marts" / f"{mart}_parquet"
    if not path.exists():
        return
    # The files are renamed one by one: each is whole and old or new, they need not be of one build for a moment.
    told = _manifest(root, mart)
    if told.get("content_sha256") not in allowed:
        yield f"{mart}: its manifest is of neither build"
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        for name in tables:
            connection.execute(f'select count(*), count(columns(*)) from "{name}"').fetchall()
    missing = set(tables) - {file.stem for file in exported.iterdir()}
    if missing:
        yield f"{mart}: no Parquet of {', '.join(sorted(missing))}"


def _changed(release: Path) -> Iterator[str]:
    """Files of a release that are not what its checksums say."""
    for listed in (release / "checksums.txt", *release.glob("inputs/checksums.txt")):
        if not listed.is_file():
            yield f"{release.name}: no {listed.name}"
            continue
        for line in listed.read_text(encoding="utf-8").splitlines():
            sha, _, name = line.partition("  ")
            file = release / name
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha:
                yield f"{release.name}: {name} is gone or changed"


def scene(folder: Path) -> Path:
    """A built workspace of seven invented cities and three years, with as few replications as builds need."""
    root = folder / "built"
    make_demo(root, load_catalogue(), seed=SEED, cities=7, years=(2018, 2019, 2020))
    shipped = (PROJECT / "methods" / "index-2026.yaml").read_text(encoding="utf-8")
    (root / "method.yaml").write_text(re.sub(r"replications: \d+", "replications: 100", shipped), encoding="utf-8")
    with (root / "workspace.yaml").open("a", encoding="utf-8") as marker:
        marker.write("method: method.yaml\n")
    left_alone(root, "take in and build")
    return root


def prepare(what: str, built: Path, folder: Path) -> Trial:
    """The workspace before a command, and what an undisturbed one makes of it."""
    slug = what.replace(" ", "-")
    start = _copied(built, folder / f"{slug}-start")
    if what == "take in and build":
        (start / "warehouse.duckdb").unlink()
    if what != "release":
        _correct(start)
    if what == "publish":
        # All is computed; only the marts are those of before.
        ahead = _copied(start, folder / f"{slug}-ahead")
        left_alone(ahead, what)
        shutil.copyfile(ahead / "warehouse.duckdb", start / "warehouse.duckdb")
    after = _copied(start, folder / f"{slug}-after")
    seconds = left_alone(after, what)
    old, new = standing(start), standing(after)
    return Trial(what, start, new, {mart: {str(old[mart]), str(new[mart])} for mart in MARTS}, seconds)


def _copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".dagster", "*.lock"))
    return target


def _correct(root: Path) -> None:
    """Take a submission away, so that a build changes the marts."""
    path = min((root / "raw" / str(EDITION)).glob("*.xlsx"))
    path.unlink()
    path.with_name(path.name + ".receipt.csv").unlink()


def die(trial: Trial, folder: Path, times: int, generator: random.Random) -> None:
    """Kill the command so many times in a row, look after each death, then leave it alone."""
    root = _copied(trial.start, folder / "dying")
    try:
        for _ in range(times):
            trial.deaths += killed_after(root, trial.what, generator.uniform(EARLIEST, LATEST) * trial.seconds)
            trial.faults += torn(root, trial.allowed)
        left_alone(root, trial.what)
        trial.faults += torn(root, trial.allowed)
        if standing(root) != trial.wanted:
            trial.faults.append(f"left alone it comes to {standing(root)}, not to {trial.wanted}")
    finally:
        shutil.rmtree(root)


def prepared(folder: Path) -> list[Trial]:
    """The trials, as they are kept in a folder or, if they are not, made there."""
    kept = folder / "trials.json"
    if kept.exists():
        told = json.loads(kept.read_text(encoding="utf-8"))
        if told["code"] != code_sha256(PUBLISHING):
            raise SystemExit(f"{folder} was made by other code: what its marts should come to is not known.")
        return [
            Trial(
                what=one["what"],
                start=folder / one["start"],
                wanted=one["wanted"],
                allowed={mart: set(addresses) for mart, addresses in one["allowed"].items()},
                seconds=one["seconds"],
            )
            for one in told["trials"]
        ]
    for half_made in folder.iterdir():
        shutil.rmtree(half_made)
    built = scene(folder)
    trials = [prepare(what, built, folder) for what in WHAT]
    told = [
        {
            "what": trial.what,
            "start": trial.start.name,
            "wanted": trial.wanted,
            "allowed": {mart: sorted(addresses) for mart, addresses in trial.allowed.items()},
            "seconds": trial.seconds,
        }
        for trial in trials
    ]
    kept.write_text(json.dumps({"code": code_sha256(PUBLISHING), "trials": told}, indent=1), encoding="utf-8")
    return trials


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--times", type=int, default=100, help="how often to kill, in all")
    parser.add_argument("--keep", type=Path, help="directory for what was found, so that a run can go on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ssc-index-faults-") as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        trials = prepared(folder)
        rows = max(1, given.times // IN_A_ROW)
        outcomes = folder / "outcomes.jsonl"
        done = len(outcomes.read_text(encoding="utf-8").splitlines()) if outcomes.exists() else 0
        shutil.rmtree(folder / "dying", ignore_errors=True)
        for number in range(done, rows):
            trial = replace(trials[number % len(trials)], deaths=0, faults=[])
            die(trial, folder, IN_A_ROW, random.Random(f"{SEED} {number}"))
            with outcomes.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"what": trial.what, "killed": trial.deaths, "faults": trial.faults}) + "\n")
            print(f"\r{number + 1} of {rows} rows of {IN_A_ROW}", end="", file=sys.stderr, flush=True)
        found = [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]
    print(file=sys.stderr)
    print(f"{'what':<20}{'seconds':>9}{'started':>9}{'killed':>8}{'faults':>8}")
    for trial in trials:
        own = [one for one in found if one["what"] == trial.what]
        killed, faults = sum(one["killed"] for one in own), sum(len(one["faults"]) for one in own)
        print(f"{trial.what:<20}{trial.seconds:>9.1f}{len(own) * IN_A_ROW:>9}{killed:>8}{faults:>8}")
    for one in found:
        for fault in one["faults"]:
            print(f"{one['what']}: {fault}")
    sys.exit(any(one["faults"] for one in found))


if __name__ == "__main__":
    main()
