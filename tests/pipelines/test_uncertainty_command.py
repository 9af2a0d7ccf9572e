"""``ssc-index uncertainty``: the same bytes from any workers, nothing half-written, any replication written out."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from ssc_index.framework.save import framework_csv
from ssc_index.sensitivity.ranks import groups_of, rank_model
from ssc_index.sensitivity.shapley import shapley_effects
from ssc_index.sensitivity.sobol import sensitivity
from ssc_index.uncertainty.case import decide, rows_of
from ssc_index.uncertainty.outputs import case_of_files, values_csv
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import prepare
from ssc_index.uncertainty.result import ranks_frame
from ssc_index.uncertainty.run import Packed, _task, count_packed, count_parts, run_uncertainty
from ssc_index.uncertainty.scores import scores_of_choices
from tests.pipelines.workspaces import invoke
from tests.uncertainty import examples
from tests.uncertainty.test_run import same_counts

NAMES = {"uncertainty_ranks.csv", "uncertainty_distribution.csv", "uncertainty_pairs.csv", "uncertainty.json"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name the files of the small index with everything that can be uncertain about it."""
    folder = tmp_path_factory.mktemp("files")
    method = examples.method(examples.EVERYTHING, replications=300, nodes=["pillar"]).as_mapping()
    (folder / "f.csv").write_text(framework_csv(examples.framework()), encoding="utf-8")
    (folder / "v.csv").write_text(values_csv(examples.values()), encoding="utf-8")
    (folder / "m.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(method))), encoding="utf-8")
    return [
        *("--framework", str(folder / "f.csv")),
        *("--values", str(folder / "v.csv")),
        *("--method", str(folder / "m.yaml")),
    ]


def run(files: list[str], out: Path, *more: str) -> dict[str, Any]:
    """Run the command; what it tells."""
    done = invoke("uncertainty", *files, "--out", str(out), "--json", *more)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def serial(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "serial"
    facts = run(files, out, "--workers", "1")
    assert facts["replications"] == facts["replications_asked_for"] == 300
    assert (facts["way"], facts["interrupted"]) == ("numba", False)
    return out


def test_the_same_bytes_from_three_workers(files: list[str], serial: Path, tmp_path: Path) -> None:
    run(files, tmp_path / "three", "--workers", "3")
    assert contents(tmp_path / "three") == contents(serial)
    assert contents(serial).keys() == NAMES


def test_what_moves_the_ranks_is_told_if_asked(files: list[str], serial: Path, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        run(files, tmp_path / workers, "--sensitivity", "--workers", workers)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one == two
    more = {"uncertainty_sensitivity.csv", "uncertainty_alternatives.csv"}
    assert one.keys() == NAMES | more
    assert one["uncertainty_ranks.csv"] == contents(serial)["uncertainty_ranks.csv"]
    indices = pl.read_csv(one["uncertainty_sensitivity.csv"])
    assert set(indices["input"]) == set(examples.EVERYTHING)
    assert indices.filter(measure="mean_rank_shift")["total"].min() > 0
    alternatives = pl.read_csv(one["uncertainty_alternatives.csv"])
    # The first option of the normalisation is the method as it stands: nothing moves.
    nominal = alternatives.filter(input="normalisation", setting="1: as it stands")
    assert nominal["largest_rank_shift"].to_list() == [0.0]
    assert alternatives.filter(input="normalisation")["mean_rank_shift"].max() > 0


def test_what_choices_do_together_and_their_shares_are_told_if_asked(files: list[str], tmp_path: Path) -> None:
    run(files, tmp_path, "--second-order", "--shapley", "--points", "64")
    case = case_of_files(*(Path(one) for one in files[1::2]))
    model, groups, n_units = rank_model(case), groups_of(case), len(case.values.units)
    indices = sensitivity(model, groups, 64, case.section.seed, second_order=True)
    names = [group.name for group in groups]
    pairs = pl.read_csv(tmp_path / "uncertainty_interactions.csv")
    assert pairs.height == (2 * n_units + 1) * len(names) * (len(names) - 1) // 2
    row = pairs.filter(measure="rank", unit=case.values.units[3], input=names[0], other=names[2]).row(0, named=True)
    place = indices.pairs.index((0, 2))
    np.testing.assert_array_equal(row["second"], indices.second[place, n_units + 3])
    assert row["second_low"] < row["second"] < row["second_high"]
    effects = shapley_effects(model, groups, 64, case.section.seed)
    shares = pl.read_csv(tmp_path / "uncertainty_shapley.csv")
    shift = shares.filter(measure="mean_rank_shift")
    assert shift["input"].to_list() == names
    np.testing.assert_array_equal(shift["effect"], effects.effects[:, -1])
    np.testing.assert_allclose(shift["effect"].sum(), 1.0)
    # Without them no table of an earlier run is left that could be taken for one of this run.
    run(files, tmp_path)
    assert contents(tmp_path).keys() == NAMES


def test_pictures_show_the_root_if_asked(files: list[str], tmp_path: Path) -> None:
    run(files, tmp_path, "--pictures", "--sensitivity")
    drawn = {name: text.decode() for name, text in contents(tmp_path).items() if name.endswith(".svg")}
    assert drawn.keys() == {f"uncertainty_{what}.svg" for what in ("intervals", "acceptability", "influences")}
    ranks = pl.read_csv(tmp_path / "uncertainty_ranks.csv").filter(node="index").drop_nulls("rank").sort("rank", "unit")
    for name in ("uncertainty_intervals.svg", "uncertainty_acceptability.svg"):
        places = [drawn[name].index(f">{unit}<") for unit in ranks["unit"]]
        assert places == sorted(places)
    best = ranks.row(0, named=True)
    assert (
        f"{best['unit']}: rank {best['rank']}, interval {best['rank_p05']} to {best['rank_p95']}"
        in drawn["uncertainty_intervals.svg"]
    )
    share = pl.read_csv(tmp_path / "uncertainty_distribution.csv").filter(node="index", unit=best["unit"], rank=1)[
        "share"
    ]
    assert f"{best['unit']}, rank 1: {share[0]:.1%}" in drawn["uncertainty_acceptability.svg"]
    assert ">normalisation<" in drawn["uncertainty_influences.svg"]
    told = json.loads((tmp_path / "uncertainty.json").read_text(encoding="utf-8"))["files"]
    assert set(told) == contents(tmp_path).keys() - {"uncertainty.json"}


def test_ctrl_c_amid_what_moves_the_ranks_keeps_the_ranks(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def bar(_: bool) -> Iterator[Any]:
        def listener(what: str, done: int, total: int) -> None:
            if (what, done) == ("Telling what moves ranks", 2):
                os.kill(os.getpid(), signal.SIGINT)

        yield listener

    monkeypatch.setattr("pipelines.uncertainty_commands.progress_bar", bar)
    done = invoke("uncertainty", *files, "--out", tmp_path, "--sensitivity")
    assert done.exit_code == 130, done.output
    assert "what moves the ranks is not written" in done.output
    assert contents(tmp_path).keys() == NAMES


def test_the_tables_are_those_of_the_engine(serial: Path, files: list[str]) -> None:
    case = case_of_files(*(Path(one) for one in files[1::2]))
    expected = ranks_frame(run_uncertainty(case, workers=1))
    found = pl.read_csv(serial / "uncertainty_ranks.csv")
    assert found.columns == expected.columns
    assert found["node"].unique(maintain_order=True).to_list() == ["index", "p0", "p1", "p2"]
    np.testing.assert_array_equal(found["mean_rank"], expected["mean_rank"])
    distribution = pl.read_csv(serial / "uncertainty_distribution.csv")
    total = distribution.group_by("node", "unit").agg(pl.col("share").sum())
    np.testing.assert_allclose(total["share"], 1.0)
    record = json.loads((serial / "uncertainty.json").read_text(encoding="utf-8"))
    assert record["method"]["uncertainty"]["inputs"].keys() == examples.EVERYTHING.keys()
    assert record["files"] == [*sorted(NAMES - {"uncertainty.json"}, key=record["files"].index)]


def test_compute_writes_the_same_beside_the_scores(files: list[str], serial: Path, tmp_path: Path) -> None:
    for _ in range(2):  # what an earlier run left goes
        assert invoke("compute", *files, "--out", tmp_path, "--uncertainty", "--json").exit_code == 0
    assert {name: contents(tmp_path)[name] for name in NAMES} == contents(serial)
    assert invoke("compute", *files, "--out", tmp_path).exit_code == 0
    assert not NAMES & contents(tmp_path).keys()


def test_a_task_packed_for_another_process_counts_the_same(files: list[str]) -> None:
    task, _ = _task(case_of_files(*(Path(one) for one in files[1::2])), None, "numba")
    parts = [(0, 20), (40, 60)]
    (one, count), (other, again) = count_packed(Packed.of(task), parts), count_parts(task, parts)
    assert count == again == 40
    for key, tally in one.items():
        np.testing.assert_array_equal(tally.ranks, other[key].ranks)
        np.testing.assert_array_equal(tally.ahead, other[key].ahead)


def test_until_a_bound(files: list[str], tmp_path: Path) -> None:
    facts = run(files, tmp_path, "--until", "0.15")
    assert facts["largest_error_of_a_mean_rank"] <= 0.15
    assert 1000 <= facts["replications"] < 10_000


def test_a_replication_written_out_computes_to_its_own_scores(files: list[str], tmp_path: Path) -> None:
    run(files, tmp_path / "one", "--replay", "17")
    names = [("--framework", "framework.csv"), ("--values", "values.csv"), ("--method", "method.yaml")]
    given = [part for option, name in names for part in (option, str(tmp_path / "one" / name))]
    assert invoke("compute", *given, "--out", tmp_path / "again").exit_code == 0
    scores = (tmp_path / "one" / "scores.csv").read_bytes()
    assert scores == (tmp_path / "again" / "scores.csv").read_bytes()
    # … which are those that the kernel counted as number 17.
    case = case_of_files(*(Path(one) for one in files[1::2]))
    row = rows_of(case, 17, 18)
    kept = scores_of_choices(prepare(case), decide(case, row), "numba")[0, 0]
    index = pl.read_csv(scores).filter(pl.col("node") == "index").sort("unit")["score"].cast(pl.Float64).to_numpy()
    np.testing.assert_allclose(index, kept, atol=2e-4)
    loop(case, row, lambda _, found: np.testing.assert_array_equal(index, found[:, 0]))


def test_grades_and_provisional_values_are_of_the_run_and_in_its_record(files: list[str], tmp_path: Path) -> None:
    inputs = {"errors": examples.MEASUREMENT, "reported": {"kind": "provisional", "probability": 0.5}}
    method = json.loads(json.dumps(examples.method(inputs).as_mapping()))
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(method), encoding="utf-8")
    (tmp_path / "g.csv").write_text("unit,x00\nu000,unknown_method\n", encoding="utf-8")
    (tmp_path / "p.csv").write_text("unit,code,provisional\nu001,x00,90\n", encoding="utf-8")
    given = [*files[:4], "--method", str(tmp_path / "m.yaml"), "--grades", str(tmp_path / "g.csv")]
    run([*given, "--provisional", str(tmp_path / "p.csv")], tmp_path / "out")
    record = json.loads((tmp_path / "out" / "uncertainty.json").read_text(encoding="utf-8"))
    assert record["inputs"].keys() == {"framework", "values", "method", "grades", "provisional"}
    whole = [*given, "--provisional", str(tmp_path / "p.csv"), "--out", str(tmp_path / "both")]
    assert invoke("compute", *whole, "--uncertainty", "--json").exit_code == 0
    assert {name: contents(tmp_path / "both")[name] for name in NAMES} == contents(tmp_path / "out")
    assert invoke("compute", *whole).exit_code == 2
    refused = invoke("uncertainty", *given, "--out", str(tmp_path / "none"))
    assert refused.exit_code == 2
    assert "inputs.reported: no provisional values are given" in refused.output
    assert not (tmp_path / "none").exists()


def test_ctrl_c_writes_what_is_done_and_nothing_else(files: list[str], tmp_path: Path) -> None:
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    done = invoke("uncertainty", *files, "--out", tmp_path, "--json", "--replications", "50000000")
    timer.join()
    assert done.exit_code == 130, done.output
    facts = json.loads(done.stdout)
    assert facts["interrupted"]
    record = json.loads((tmp_path / "uncertainty.json").read_text(encoding="utf-8"))
    assert 0 < record["replications"] == facts["replications"] < record["replications_asked_for"] == 50_000_000
    assert contents(tmp_path).keys() == NAMES
    assert pl.read_csv(tmp_path / "uncertainty_ranks.csv")["replications"].unique().to_list() == [facts["replications"]]


def test_a_write_that_fails_leaves_no_record(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(files, tmp_path)
    before = contents(tmp_path)

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    done = invoke("uncertainty", *files, "--out", tmp_path, "--seed", "12")
    assert done.exit_code == 2
    assert "no space left" in done.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--until", "0"], "--until needs"),
        (["--dask", "tcp://127.0.0.1:1", "--workers", "2"], "--dask brings its own workers"),
        (["--year", "2024"], "year 2024"),
    ],
)
def test_what_it_refuses(files: list[str], tmp_path: Path, more: list[str], said: str) -> None:
    done = invoke("uncertainty", *files, "--out", tmp_path / "none", *more)
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "none").exists()


def test_a_method_without_the_section_is_told_what_is_missing(files: list[str], tmp_path: Path) -> None:
    method = tmp_path / "bare.yaml"
    bare = yaml.safe_load(Path(files[-1]).read_text(encoding="utf-8"))
    del bare["uncertainty"]
    method.write_text(yaml.safe_dump(bare), encoding="utf-8")
    done = invoke("uncertainty", *files[:-1], str(method), "--out", tmp_path / "none")
    assert done.exit_code == 2
    assert "say what varies under 'inputs'" in done.output


# Two processes that import Dask and Numba take a while to start.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::ResourceWarning")
def test_a_dask_cluster_gives_the_serial_bits_also_when_a_worker_is_killed(
    files: list[str], serial: Path, tmp_path: Path
) -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        run(files, tmp_path / "dask", "--dask", cluster.scheduler_address)
        assert contents(tmp_path / "dask") == contents(serial)
        case = case_of_files(*(Path(one) for one in files[1::2]), replications=2000)
        killed: list[int] = []
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            processes = sorted(client.run(os.getpid).values())
            assert len(set(processes)) == 2

            def kill(done: int, total: int) -> None:
                if done >= total // 2 and not killed:
                    killed.append(processes[0])
                    os.kill(processes[0], signal.SIGKILL)

            found = run_uncertainty(case, executor=client.get_executor(pure=False), workers=2, part=10, progress=kill)
            assert killed
        assert (found.replications, found.interrupted) == (2000, False)
    same_counts(found, run_uncertainty(case, workers=1))
