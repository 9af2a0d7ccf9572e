"""The command that tells how sure the ranks of an index are.

What belongs here: its options, its workers, what Ctrl-C does. What does not: the analysis and its files
(`ssc_index/uncertainty/`).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.console import UNUSABLE, JsonOption, progress_bar, stop, told_errors

if TYPE_CHECKING:
    import polars as pl

    from assets.progress import Listener
    from ssc_index.sensitivity.batches import Map
    from ssc_index.uncertainty.case import Case
    from ssc_index.uncertainty.run import Result

INTERRUPTED = 130  # as a shell has it
GradesOption = Annotated[
    Path | None,
    typer.Option(help="CSV or Parquet of data-quality grades. Default: the column 'grade' of a long --values."),
]
ProvisionalOption = Annotated[
    Path | None,
    typer.Option(help="CSV or Parquet of values not verified. Default: the column 'provisional', likewise."),
]


def uncertainty(
    framework: Annotated[Path, typer.Option(help="CSV with one row per node.")],
    values: Annotated[Path, typer.Option(help="CSV or Parquet, wide or long.")],
    method: Annotated[Path, typer.Option(help="Method file, YAML, with a section 'uncertainty'.")],
    out: Annotated[Path, typer.Option(help="Folder for uncertainty_*.csv and uncertainty.json.")],
    grades: GradesOption = None,
    provisional: ProvisionalOption = None,
    replications: Annotated[int | None, typer.Option(min=1, help="In place of the method's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the method's.")] = None,
    year: Annotated[int | None, typer.Option(help="Year whose ranks are asked for. Default: the last.")] = None,
    until: Annotated[
        float | None,
        typer.Option(help="Stop once no mean rank has a greater Monte Carlo error than this many places."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Default: one for each processor.")] = None,
    processes: Annotated[
        bool, typer.Option("--processes", help="Workers are processes: for steps that the compiled kernel lacks.")
    ] = False,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, whose workers do the work.")] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Also tell which choice moves which score and rank (Sobol' indices).")
    ] = False,
    second_order: Annotated[
        bool, typer.Option("--second-order", help="Also tell what every two choices do together.")
    ] = False,
    shapley: Annotated[
        bool, typer.Option("--shapley", help="Also divide what choices do together among them (Shapley effects).")
    ] = False,
    points: Annotated[
        int | None,
        typer.Option(min=4, help="Base points of these three, a power of two, in place of the method's."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Also draw intervals, chances of ranks and what moves them, as SVG.")
    ] = False,
    replay: Annotated[
        int | None, typer.Option(min=0, help="Write this one replication out as an index of its own, and no more.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compute an index thousands of times with what its method file calls uncertain: how sure is each rank?

    The same bytes come from any number of workers. Ctrl-C writes what is done; twice, nothing.
    """
    from ssc_index.uncertainty import outputs

    if dask is not None and (workers is not None or processes):
        raise typer.BadParameter("--dask brings its own workers; leave out --workers and --processes")
    if until is not None and until <= 0:
        raise typer.BadParameter("--until needs a number of places above 0")
    changes = {
        "replications": replications or (outputs.MOST if until is not None else None),
        "seed": seed,
        "points": points,
        "until": None if until is None else {"mean_rank_error": until},
    }
    with told_errors():
        case = outputs.case_of_files(framework, values, method, year, grades, provisional, **changes)
        if replay is not None:
            outputs.write_replication(case, replay, out)
            facts: dict[str, Any] = {"replication": replay, "seed": case.section.seed, "out": str(out)}
            typer.echo(json.dumps(facts) if as_json else f"Wrote replication {replay}. See {out}/scores.csv.")
            return
        with _workers(workers, processes, dask) as how, _interruptible(quiet=as_json) as progress:
            result = _run(case, progress, how)
            frames, is_whole = outputs.uncertainty_frames(result), not result.interrupted
            if is_whole and (sensitivity or second_order or shapley):
                influences = _sensitivity(result, progress, how, second_order=second_order, shapley=shapley)
                frames, is_whole = frames | influences, bool(influences)
        inputs = {"framework": framework, "values": values, "method": method, **_own(grades, provisional)}
        outputs.write_uncertainty(result, out, inputs, frames, _drawn(result, frames) if pictures else None)
    _tell(result, out, as_json)
    if not is_whole:
        raise typer.Exit(INTERRUPTED)


def explore(inputs: Mapping[str, Path], out: Path, grades: Path | None, provisional: Path | None, quiet: bool) -> None:
    """The analysis as the method file has it, written beside what ``ssc-index compute`` wrote."""
    from ssc_index.uncertainty import outputs

    case = outputs.case_of_files(
        inputs["framework"], inputs["values"], inputs["method"], grades=grades, provisional=provisional
    )
    with _interruptible(quiet) as progress:
        result = _run(case, progress, {})
    outputs.write_uncertainty(result, out, {**inputs, **_own(grades, provisional)}, outputs.uncertainty_frames(result))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def _own(grades: Path | None, provisional: Path | None) -> dict[str, Path]:
    """The files of their own that are given, by what they are."""
    own = {"grades": grades, "provisional": provisional}
    return {name: path for name, path in own.items() if path is not None}


def _run(case: Case, progress: Listener, how: dict[str, Any]) -> Result:
    """Run; twice interrupted, or before the first part is done, nothing is there to write."""
    from ssc_index.uncertainty.run import run_uncertainty

    try:
        return run_uncertainty(case, progress=partial(progress, "Exploring choices"), **how)
    except KeyboardInterrupt:
        stop("Interrupted; nothing is written.", INTERRUPTED)


def _sensitivity(result: Result, progress: Listener, how: dict[str, Any], **asked: bool) -> dict[str, pl.DataFrame]:
    """The tables of the sensitivity analysis, by the same workers; none if it was interrupted."""
    from concurrent.futures import ThreadPoolExecutor

    from ssc_index.sensitivity.design import MAX_BATCHES
    from ssc_index.uncertainty import outputs

    batches = min(result.case.section.points, MAX_BATCHES) * (2 if asked["shapley"] else 1)
    done = count(1)

    def told(run: Map) -> Map:
        def call(function: Any, items: Any) -> Iterator[Any]:
            for answer in run(function, items):
                progress("Telling what moves ranks", next(done), batches)
                yield answer

        return call

    try:
        if "executor" in how:
            return outputs.sensitivity_frames(result, told(how["executor"].map), **asked)
        with ThreadPoolExecutor(how["workers"]) as pool:
            return outputs.sensitivity_frames(result, told(pool.map), **asked)
    except KeyboardInterrupt:
        typer.echo("Interrupted: what moves the ranks is not written, the ranks are.", err=True)
        return {}


def _drawn(result: Result, frames: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Pictures of the tables, by file name."""
    from reports.sureness import pictures

    return pictures(frames, result.case.framework.root.code)


def _tell(result: Result, out: Path, as_json: bool) -> None:
    """Say what was done."""
    import numpy as np

    errors = result.figures(result.kept[0]).mean_rank_error
    known = errors[~np.isnan(errors)]
    facts = {
        "units": len(result.units),
        "ranked": int(known.size),
        "replications": result.replications,
        "replications_asked_for": result.case.section.replications,
        "interrupted": result.interrupted,
        "way": result.way,
        "largest_error_of_a_mean_rank": float(known.max()) if known.size else None,
        "out": str(out),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    said = f"Computed {result.replications:,} replications of {facts['ranked']} ranked units, by {result.way}."
    if known.size:
        said += f" No mean rank has a Monte Carlo error above {known.max():.2g}."
    said += " Interrupted: this is what was done." if result.interrupted else ""
    typer.echo(f"{said} See {out}/uncertainty_ranks.csv.")


@contextmanager
def _workers(workers: int | None, processes: bool, dask: str | None) -> Iterator[dict[str, Any]]:
    """Who computes: threads of ours, processes of ours, or a cluster."""
    if dask is not None:
        with _cluster(dask) as how:
            yield how
    elif processes:
        import multiprocessing
        import os
        from concurrent.futures import ProcessPoolExecutor

        number = workers or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        # Ctrl-C reaches every process of a terminal; only this one is to act on it.
        with ProcessPoolExecutor(number, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            yield {"executor": pool, "workers": number}
    else:
        yield {"workers": workers}


@contextmanager
def _cluster(address: str) -> Iterator[dict[str, Any]]:
    """The workers of a Dask cluster; a part whose worker dies goes to another."""
    try:
        import distributed
    except ImportError:
        stop("--dask needs Dask: pip install 'ssc-index[dask]'", UNUSABLE)
    try:
        connect: Any = distributed.Client
        client = connect(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        stop(f"There is no Dask scheduler at {address}: {error}", UNUSABLE)
    with client:
        number = len(client.nthreads())
        if not number:
            stop(f"The Dask scheduler at {address} has no worker.", UNUSABLE)
        yield {"executor": client.get_executor(pure=False), "workers": number}


@contextmanager
def _interruptible(quiet: bool) -> Iterator[Listener]:
    """A progress bar, and Ctrl-C: the first ends the analysis once the parts in hand are done, the second at once."""
    pressed = [False]

    def note(number: int, frame: Any) -> None:
        if pressed[0]:
            raise KeyboardInterrupt
        pressed[0] = True
        typer.echo("Stopping once the parts in hand are done; Ctrl-C again to stop without writing.", err=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        with progress_bar(quiet) as listener:

            def progress(what: str, done: int, total: int) -> None:
                listener(what, done, total)
                if pressed[0] and done < total:
                    raise KeyboardInterrupt

            yield progress
    finally:
        signal.signal(signal.SIGINT, before)


def register(app: typer.Typer) -> None:
    """Add the command to ``ssc-index``."""
    app.command(
        epilog="Examples: ssc-index uncertainty --framework F.csv --values V.csv --method M.yaml --out results · "
        "uncertainty … --until 0.05 --workers 8 · uncertainty … --dask tcp://10.0.0.1:8786 · "
        "uncertainty … --sensitivity --pictures · uncertainty … --second-order --points 2048 · "
        "uncertainty … --replay 17"
    )(uncertainty)
