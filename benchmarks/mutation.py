"""Faults planted in the engine, and whether its tests see them: ``python -m benchmarks.mutation [--sample 400]``.

A mutant is the engine with one small fault: ``<`` for ``<=``, ``+`` for ``-``, a number one too great, a condition
turned round, a ``return`` without its value. From all that can be planted a sample is drawn by a seed, and each is held
against the tests that run through its statement, quickest first; where no line can be watched (a table of constants, a
compiled loop), against all tests of the files that touch its module. A fault that makes a test run ten times as long,
or for ever, counts as seen; what counts is the time of the processor, so that other work on the machine makes no fault
look seen.

A process that has loaded the engine and collected its tests forks one for each fault, which puts the fault into the
functions as they stand in memory and runs tests until the first that fails. Faults outside functions need a process
that has loaded nothing.

Own code, because the known tools fit badly here: they mutate neither decorated functions nor tables of constants, draw
no sample, and would leave compiled loops in the cache that belong to another fault.

Texts, annotations, docstrings, decorators and guards (assert, strict) are left as they are. Tests that start processes
of their own run the engine as it is on disk, so that they see nothing.
"""

from __future__ import annotations

import argparse
import ast
import functools
import gc
import hashlib
import importlib.abc
import importlib.util
import json
import math
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parent.parent
TESTS = ("tests/engine", "tests/framework", "tests/uncertainty", "tests/sensitivity")
FIRST, LATER = 40.0, 60.0  # seconds that the tests of a mutant's statement, or else of its module's files, may take
COMPILED = ("compiled", "kernel")  # modules that Numba translates
CO_NEWLOCALS = 0x2  # what the code of a function has, and neither that of a class nor of a module
QUIET = ["-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:xdist"]

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One fault that can be planted.

    Attributes:
        module: File, from the project's directory.
        number: Position among the file's mutants.
        line: Where it is planted.
        first: First line of its statement, of which the parts of a compound one are none.
        last: Last line of it.
        kind: What sort of fault.
        name: What tells it from all others, also once the code around it has changed.
        told: What was there, and what is.
    """

    module: str
    number: int
    line: int
    first: int
    last: int
    kind: str
    name: str
    told: str


class Planter(ast.NodeTransformer):
    """Walks a module and plants the fault of one number; with none, it lists what could be planted."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.number, self.found, self.inside = wanted, -1, [], []
        self.statement = (0, 0)

    def visit(self, node: ast.AST) -> Any:
        """Visit a node, and know the lines of the statement that it is part of."""
        if not isinstance(node, ast.stmt):
            return super().visit(node)
        outer = self.statement
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        self.statement = (node.lineno, max(last, node.lineno))
        visited = super().visit(node)
        self.statement = outer
        return visited

    def _offer(self, node: ast.AST, kind: str, told: str) -> bool:
        """Note a place; whether the fault is to be planted there."""
        self.number += 1
        line = getattr(node, "lineno", 0)
        self.found.append((self.number, line, *self.statement, kind, ".".join(self.inside), told))
        return self.number == self.wanted

    def _named(self, node: Any) -> ast.AST:
        self.inside.append(node.name)
        for place in ("args", "body"):
            if hasattr(node, place):
                value = getattr(node, place)
                if isinstance(value, list):
                    setattr(node, place, [self.visit(part) for part in value])
                else:
                    self._defaults(value)
        self.inside.pop()
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(part) for part in arguments.defaults]
        arguments.kw_defaults = [part and self.visit(part) for part in arguments.kw_defaults]

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _named

    def visit_Import(self, node: ast.Import) -> ast.AST:
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.value = node.value and self.visit(node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Annotations that have a name (``Share = Annotated[…]``) are none of ours."""
        text = ast.unparse(node.value)
        if not self.inside and text.startswith(("Annotated", "Literal", "TypeVar", "NDArray")):
            return node
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``cast``, ``TypeVar`` and the ``strict`` of ``zip`` are guards of ours: they change nothing that is right."""
        if ast.unparse(node.func) in {"cast", "TypeVar"}:
            return node
        guards = [one for one in node.keywords if one.arg == "strict"]
        node.keywords = [one for one in node.keywords if one.arg != "strict"]
        self.generic_visit(node)
        node.keywords += guards
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for place, operator in enumerate(node.ops):
            before = ast.unparse(node)
            new = SWAPS[type(operator)]()
            node.ops[place] = new
            after = ast.unparse(node)
            if not self._offer(node, "comparison", f"{before} -> {after}"):
                node.ops[place] = operator
        return node

    def _operator(self, node: Any, kind: str) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return node
        before, old = ast.unparse(node), node.op
        node.op = SWAPS[type(old)]()
        after = ast.unparse(node)
        if not self._offer(node, kind, f"{before} -> {after}"):
            node.op = old
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self._operator(node, "arithmetic")

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._operator(node, "arithmetic")

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        return self._operator(node, "boolean")

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.UAdd):
            return node
        return (
            node.operand if self._offer(node, "sign", f"{ast.unparse(node)} -> {ast.unparse(node.operand)}") else node
        )

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, bool | int | float):
            return node
        new = (not node.value) if isinstance(node.value, bool) else node.value + 1
        if self._offer(node, "constant", f"{node.value!r} -> {new!r}"):
            return ast.copy_location(ast.Constant(new), node)
        return node

    def _condition(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        if self._offer(node.test, "condition", f"if {ast.unparse(node.test)} -> if not"):
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        return node

    visit_If = visit_IfExp = visit_While = _condition

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        given = node.value
        if given is None or (isinstance(given, ast.Constant) and given.value is None):
            return node
        if self._offer(node, "return", f"return {ast.unparse(given)[:60]} -> return None"):
            node.value = ast.copy_location(ast.Constant(None), node)
        return node

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return ast.copy_location(ast.Break(), node) if self._offer(node, "jump", "continue -> break") else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node


def mutants_of(module: str) -> list[Mutant]:
    """All faults that can be planted in a file."""
    planter = Planter()
    planter.visit(ast.parse((PROJECT / module).read_text(encoding="utf-8")))
    seen: dict[tuple[str, str, str], int] = defaultdict(int)
    out = []
    for number, line, first, last, kind, inside, told in planter.found:
        seen[inside, kind, told] += 1
        name = f"{module}:{inside}:{kind}:{told}:{seen[inside, kind, told]}"
        out.append(Mutant(module, number, line, first, last, kind, name, told))
    return out


def drawn(mutants: list[Mutant], sample: int, seed: int) -> list[Mutant]:
    """A random sample that stays the same for a mutant whatever happens to other code."""
    key = {one: hashlib.sha256(f"{seed}:{one.name}".encode()).digest() for one in mutants}
    return sorted(mutants, key=key.__getitem__)[:sample]


class Watch:
    """Notes the lines of the engine that each test runs through, those of its fixtures among them; a pytest plugin."""

    def __init__(self) -> None:
        self.root = str(PROJECT / "ssc_index") + os.sep
        self.lines: set[tuple[str, int]] = set()
        self.by_fixture: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self.by_test: dict[str, set[tuple[str, int]]] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    def trace(self, frame: Any, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(self.root):
            return None
        self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return None if any(name in frame.f_code.co_filename for name in COMPILED) else self.trace

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        outer, self.lines = self.lines, set()
        try:
            return (yield)
        finally:
            self.by_fixture[fixturedef.argname] |= self.lines
            self.lines = outer

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self.lines = set()
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            fixtures = [self.by_fixture[name] for name in item.fixturenames]
            self.by_test[item.nodeid] = self.lines.union(*fixtures)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration


@dataclass
class Cover:
    """Which tests run through which lines.

    Attributes:
        tests: Tests by file and line, quickest first.
        files: Test files by file of the engine.
        seconds: How long each test took while it was watched.
        of_file: Tests of each test file, quickest first.
    """

    tests: dict[tuple[str, int], list[str]]
    files: dict[str, set[str]]
    seconds: dict[str, float]
    of_file: dict[str, list[str]]


def watch(keep: Path) -> Cover:
    """Run all tests once, watched; or read what an earlier run has kept."""
    if not keep.exists():
        watcher = Watch()
        child = os.fork()
        if child == 0:
            code = pytest.main([*QUIET, *TESTS], plugins=[watcher])
            if code:
                os._exit(int(code))
            data = {
                test: [watcher.seconds[test], sorted({(str(Path(f).relative_to(PROJECT)), n) for f, n in lines})]
                for test, lines in watcher.by_test.items()
            }
            keep.write_text(json.dumps(data))
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the tests fail without any planted fault")
    cover = Cover(defaultdict(list), defaultdict(set), {}, defaultdict(list))
    data = json.loads(keep.read_text())
    for test, (seconds, lines) in sorted(data.items(), key=lambda entry: entry[1][0]):
        cover.seconds[test] = seconds
        cover.of_file[test.partition("::")[0]].append(test)
        for module, line in lines:
            cover.tests[module, line].append(test)
            cover.files[module].add(test.partition("::")[0])
    return cover


def module_name(file: str) -> str:
    """The name by which a file of the engine is imported.

    >>> module_name("ssc_index/audit/__init__.py"), module_name("ssc_index/rank.py")
    ('ssc_index.audit', 'ssc_index.rank')
    """
    return file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def planted(mutant: Mutant) -> ast.Module:
    """The module of a mutant with its fault."""
    tree = ast.parse((PROJECT / mutant.module).read_text(encoding="utf-8"))
    with_fault: ast.Module = ast.fix_missing_locations(Planter(mutant.number).visit(tree))
    return with_fault


class Planted(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports the module of a mutant with its fault."""

    def __init__(self, mutant: Mutant) -> None:
        self.file = str(PROJECT / mutant.module)
        self.name = module_name(mutant.module)
        self.tree = planted(mutant)

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file, loader=self)

    def get_filename(self, fullname: str) -> str:
        return self.file

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def get_code(self, fullname: str) -> Any:
        return compile(self.tree, self.file, "exec")


def changed_functions(mutant: Mutant) -> dict[tuple[str, int], CodeType] | None:
    """Functions of a module as they are with the fault, by name and line; None if it lies outside of them."""
    file = str(PROJECT / mutant.module)
    was = compile(Path(file).read_text(encoding="utf-8"), file, "exec")
    out: dict[tuple[str, int], CodeType] = {}
    return out if _differing(was, compile(planted(mutant), file, "exec"), out) else None


def _differing(was: CodeType, now: CodeType, out: dict[tuple[str, int], CodeType]) -> bool:
    """Note the functions that differ; whether nothing else does."""
    is_function = bool(was.co_flags & CO_NEWLOCALS)
    if is_function and was != now:
        out[was.co_qualname, was.co_firstlineno] = now
    bare = [[None if isinstance(one, CodeType) else repr(one) for one in code.co_consts] for code in (was, now)]
    if not is_function and (was.co_code, was.co_names, bare[0]) != (now.co_code, now.co_names, bare[1]):
        return False
    inner = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (was, now)]
    if len(inner[0]) != len(inner[1]):  # the fault leaves a part without a way to it
        return is_function
    alike = [_differing(*pair, out) for pair in zip(*inner, strict=True)]  # all of them: each notes its own
    return all(alike)


class Nursery:
    """Holds mutants against tests in processes that have loaded everything; a pytest plugin."""

    def __init__(self, mutants: list[Mutant], jobs: int, tests: Any, tell: Any) -> None:
        self.mutants, self.jobs, self.tests, self.tell = mutants, jobs, tests, tell

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork a process for each mutant."""
        if any(name.read_text().startswith("polars-0") for name in Path("/proc/self/task").glob("*/comm")):
            raise SystemExit("a test module computes with Polars when it is loaded: a fork of it would wait for ever")
        # The engine loads some modules when they are first used; a fault can be put into what is there alone.
        for module in sorted({mutant.module for mutant in self.mutants}):
            importlib.import_module(module_name(module))
        items = {item.nodeid: item for item in session.items}
        self.functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self.caches, self.compiled = [], []
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                code = thing.__code__
                self.functions[code.co_filename, code.co_qualname, code.co_firstlineno].append(thing)
            elif isinstance(thing, functools._lru_cache_wrapper):
                self.caches.append(thing)
            elif isinstance(thing, Dispatcher):
                self.compiled.append(thing)
        gc.freeze()
        waiting = list(reversed(self.mutants))
        running: dict[int, tuple[Mutant, float, float]] = {}
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests, limit = self.tests(mutant)
                begun = time.monotonic()
                if not tests:
                    self.tell(mutant, "untested", begun)
                    continue
                chosen = [items[test] for test in tests if test in items]  # an older watch may know others
                child = forked(functools.partial(self._run, session, mutant, chosen), limit)
                running[child] = (mutant, begun, begun + 30 * limit)
            for child, (mutant, begun, until) in list(running.items()):
                said = ended(child, until)
                if said is not None:
                    del running[child]
                    self.tell(mutant, said, begun)
            time.sleep(0.01)
        return True

    def _run(self, session: pytest.Session, mutant: Mutant, items: list[pytest.Item]) -> int:
        """In a child: put the fault in place and run tests until one fails."""
        session.config.pluginmanager.unregister(name="terminalreporter")
        file = str(PROJECT / mutant.module)
        for cache in self.caches:
            cache.cache_clear()
        stale = set()
        for (name, line), code in (changed_functions(mutant) or {}).items():
            stale.add(code.co_name)
            for function in self.functions.get((file, name, line), ()):
                function.__code__ = code
        for one in _who_call(stale, [one for one in self.compiled if one.py_func.__code__.co_filename == file]):
            one._cache = NullCache()
        forget_compiled(file)
        try:
            for item, after in zip(items, [*items[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if session.testsfailed:
                    return 1
        except BaseException:
            return 1
        return 0


def _who_call(names: set[str], compiled: list[Any]) -> list[Any]:
    """Compiled functions of some names, and those that call them: what is kept of these is of no use."""
    found: list[Any] = []
    reached = set(names)
    while more := [
        one
        for one in compiled
        if one not in found and (one.py_func.__name__ in reached or reached & set(one.py_func.__code__.co_names))
    ]:
        found += more
        reached |= {one.py_func.__name__ for one in more}
    return found


def forget_compiled(file: str) -> None:
    """Let nothing that is compiled from a file be kept, or taken from what is kept."""
    keep = Dispatcher.enable_caching

    def keep_others(self: Any) -> None:
        if self.py_func.__code__.co_filename != file:
            keep(self)

    Dispatcher.enable_caching = keep_others


def forked(work: Any, limit: float) -> int:
    """Start a process of its own group that does some work, in silence and within some seconds of the processor."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        os.setpgrp()
        used = sum(os.times()[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + limit),) * 2)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        code = int(work())
    finally:
        os._exit(1 if code else 0)


def ended(child: int, until: float) -> str | None:
    """``seen``, ``endless`` or ``unseen`` once a process has ended; None while it runs.

    Args:
        child: The process.
        until: When it is ended, by the clock: a fault that waits without computing is endless.
    """
    done, status = os.waitpid(child, os.WNOHANG)
    if done and os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return "endless"
    if done:
        return "seen" if status else "unseen"
    if time.monotonic() < until:
        return None
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "endless"


def outcome(mutant: Mutant, tests: list[str], limit: float) -> str:
    """Run tests in a process that loads the engine with the fault: ``seen``, ``endless`` or ``unseen``.

    Args:
        mutant: The fault.
        tests: Names of tests.
        limit: Seconds of the processor after which the fault counts as endless. A fault that waits without computing
            is ended after thirty times as many of the clock.
    """

    def work() -> int:
        sys.meta_path.insert(0, Planted(mutant))
        forget_compiled(str(PROJECT / mutant.module))
        return int(pytest.main([*QUIET, *tests]))

    until = time.monotonic() + 30 * limit
    child = forked(work, limit)
    while (said := ended(child, until)) is None:
        time.sleep(0.02)
    return said


def upto(tests: list[str], cover: Cover, seconds: float) -> list[str]:
    """The quickest tests that take no longer than this together, one at least; the slower half file by file.

    Tests of one file in turn share what their fixtures make.
    """
    chosen: list[str] = []
    for test in tests:
        seconds -= cover.seconds[test]
        if chosen and seconds < 0:
            break
        chosen.append(test)
    half = len(chosen) // 2
    return chosen[:half] + sorted(chosen[half:], key=lambda test: test.partition("::")[0])


def test_files(module: str, cover: Cover) -> list[str]:
    """Test files that touch a module; for one that Numba translates, where no line can be watched, its users' too."""
    files = set(cover.files.get(module, ()))
    if any(name in module for name in COMPILED):
        named = re.compile(rf"\b{Path(module).stem}\b")
        for other, own in cover.files.items():
            if named.search((PROJECT / other).read_text(encoding="utf-8")):
                files |= own
    return sorted(files)


def chosen_tests(mutant: Mutant, cover: Cover, *, every: bool) -> tuple[list[str], float]:
    """Tests that a fault is held against, and the seconds of the processor that it may take.

    Args:
        mutant: The fault.
        cover: Which tests run through which lines.
        every: Whether all tests of its module's files run, and not those of its statement alone.
    """
    compiled = any(name in mutant.module for name in COMPILED)
    lines = range(mutant.first, mutant.last + 1)
    tests = {test for line in lines for test in cover.tests.get((mutant.module, line), ())}
    budget = FIRST
    if every or compiled or not tests:
        tests = {test for file in test_files(mutant.module, cover) for test in cover.of_file[file]}
        budget = LATER
    chosen = upto(sorted(tests, key=cover.seconds.__getitem__), cover, budget)
    return chosen, 30.0 + 120.0 * compiled + 10.0 * sum(cover.seconds[test] for test in chosen)


def interval(seen: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, share = 1.959964, seen / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def report(console: Console, found: list[tuple[Mutant, str]], there: dict[str, int]) -> None:
    """A line for each module, and what no test has seen."""
    table = Table("module", "mutants", "drawn", "seen", "share")
    by_module: dict[str, list[str]] = defaultdict(list)
    for mutant, said in found:
        by_module[mutant.module].append(said)
    for module in sorted(by_module):
        said = by_module[module]
        seen = sum(one in ("seen", "endless") for one in said)
        table.add_row(module, str(there[module]), str(len(said)), str(seen), f"{100 * seen / len(said):.0f} %")
    seen = sum(said in ("seen", "endless") for _, said in found)
    low, high = interval(seen, len(found))
    share = f"{100 * seen / len(found):.1f} % ({100 * low:.1f}–{100 * high:.1f})"
    table.add_row("all", str(sum(there.values())), str(len(found)), str(seen), share)
    console.print(table)
    for mutant, said in sorted(found, key=lambda entry: (entry[0].module, entry[0].line)):
        if said not in ("seen", "endless"):
            console.print(f"{said}: {mutant.module}:{mutant.line} {mutant.kind}: {mutant.told}", markup=False)


def main() -> None:
    """Draw, plant, run, report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="only modules whose path holds one of these")
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--jobs", type=int, default=1, help="faults that are held against tests at a time")
    parser.add_argument("--again", action="store_true", help="hold what was unseen against all tests of its module")
    parser.add_argument("--keep", type=Path, help="directory for what was found, so that a run can go on")
    given = parser.parse_args()
    os.chdir(PROJECT)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    for heavy in ("numpy", "scipy.stats", "scipy.optimize", "polars", "pydantic", "yaml"):
        importlib.import_module(heavy)  # once, not in each child
    keep = given.keep or Path(tempfile.mkdtemp())
    keep.mkdir(parents=True, exist_ok=True)
    files = sorted(file.relative_to(PROJECT).as_posix() for file in (PROJECT / "ssc_index").rglob("*.py"))
    every = [mutant for file in files for mutant in mutants_of(file)]
    meant = [one for one in every if not given.modules or any(part in one.module for part in given.modules)]
    sample = drawn(meant, given.sample, given.seed)
    console = Console(soft_wrap=True, file=os.fdopen(os.dup(1), "w", buffering=1))
    cover = watch(keep / "cover.json")
    done = keep / "outcomes.jsonl"
    known = dict(json.loads(line) for line in done.read_text().splitlines()) if done.exists() else {}
    to_judge = ("", "unseen", "untested") if given.again else ("",)
    open_ones = [one for one in sample if known.get(one.name, "") in to_judge]
    within = [one for one in open_ones if not given.again and changed_functions(one) is not None]

    def tell(mutant: Mutant, said: str, begun: float) -> None:
        """Note what was found, at once."""
        with done.open("a") as out:
            out.write(json.dumps([mutant.name, said]) + "\n")
        told = f"{mutant.module}:{mutant.line} {mutant.kind}: {mutant.told}"
        line = f"{said} {time.monotonic() - begun:.1f} s {told}"
        console.print(line, markup=False, highlight=False)

    if within:
        nursery = Nursery(within, given.jobs, lambda one: chosen_tests(one, cover, every=False), tell)
        child = os.fork()
        if child == 0:
            os._exit(int(pytest.main([*QUIET, *TESTS], plugins=[nursery])))
        os.waitpid(child, 0)
    names = {one.name for one in within}
    for mutant in open_ones:
        if mutant.name not in names:
            begun = time.monotonic()
            tests, limit = chosen_tests(mutant, cover, every=True)
            tests = test_files(mutant.module, cover) if given.again else tests  # those of today too
            tell(mutant, outcome(mutant, tests, limit) if tests else "untested", begun)
    known = dict(json.loads(line) for line in done.read_text().splitlines())
    if missing := sum(mutant.name not in known for mutant in sample):
        raise SystemExit(f"{missing} faults were not judged; the same command with --keep goes on")
    found = [(mutant, known[mutant.name]) for mutant in sample]
    there: dict[str, int] = defaultdict(int)
    for mutant in meant:
        there[mutant.module] += 1
    report(console, found, there)


if __name__ == "__main__":
    main()
