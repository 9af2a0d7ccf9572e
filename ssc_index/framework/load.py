"""Reading and checking a framework: nodes in, a `Framework` out, every fault at once.

What belongs here: the CSV form of a framework and the rules that every tree must keep, whatever index
it is. What does not: the U4SSC catalogue (`catalogue.py`) and what the numbers mean (`normalise.py`).
"""

from __future__ import annotations

import csv
import heapq
import math
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from ssc_index.errors import FrameworkError
from ssc_index.framework.model import Direction, Framework, Node
from ssc_index.normalise import TRANSFORMS, domain, outside_domain, transform_parts

AGGREGATIONS = (
    "arithmetic",
    "geometric",
    "harmonic",
    "median",
    "minimum",
    "mpi",
    "ampi",
    "bod",
    "unobserved",
    "borda",
    "copeland",
)
DIRECTIONS = {
    "higher": "higher",
    "lower": "lower",
    "higher_is_better": "higher",
    "lower_is_better": "lower",
}
TEXT_COLUMNS = ("code", "parent", "name", "unit", "direction", "transform", "aggregation", "level", "denominator")
NUMBER_COLUMNS = ("weight", "low", "high", "target", "per")
REQUIRED_COLUMNS = ("code", "parent")
RESERVED_CODES = ("unit", "year")
WEIGHT_SET = "weight:"
RESERVED_SETS = ("framework", "equal")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


def framework_from_nodes(nodes: Iterable[Node], subject: str = "framework") -> Framework:
    """Check nodes and build the tree of them.

    Nodes keep the order given, except that a parent given after its child moves in front of it. Leaves may
    lie at unequal depth: they share the last level. Nodes whose ``level`` is empty get the default names:
    ``index`` (root), ``level_1``, ``level_2`` … counted from the root, ``indicator`` (leaves); either all
    nodes name their level or none does. A leaf with goalposts and no direction takes it from them.

    Args:
        nodes: The nodes, in any order.
        subject: What the error names, for example a file.

    Returns:
        The checked framework.

    Raises:
        FrameworkError: With every fault: duplicate code, unknown parent, no or several roots, cycle, empty
            group, weights, goalposts, direction, transform, aggregation, level names.

    >>> tree = framework_from_nodes([
    ...     Node(code="index", parent=None, name="Index", level=""),
    ...     Node(code="a", parent="index", name="A", level="", direction="higher"),
    ... ])
    >>> tree.levels, tree.codes
    (('index', 'indicator'), ('a',))
    """
    listed = list(nodes)
    return _checked(listed, [f"node {node.code!r}" for node in listed], subject, [])


def read_framework_csv(path: Path) -> Framework:
    """Read a framework from a CSV file, one row per node.

    Columns: ``code,parent,name,unit,direction,weight,transform,low,high,target,aggregation``, and
    optionally ``level``, ``denominator``, ``per`` and weight sets, each a column ``weight:<name>``. Only ``code`` and
    ``parent`` must be there; any other column is a fault. An empty cell takes the default: weight 1, in a weight set
    the node's weight, transform none, per 1, name = code. The root has an empty parent.
    ``direction`` is ``higher`` or ``lower`` (``higher_is_better``, ``lower_is_better`` are understood).

    Args:
        path: A UTF-8 CSV file with a header.

    Returns:
        The checked framework.

    Raises:
        FrameworkError: With every fault, each with its line and column.
    """
    rows, faults = _read_rows(path)
    nodes: list[Node] = []
    unsound: set[int] = set()
    for line, row in rows:
        before = len(faults)
        node = _node(row, line, faults)
        if len(faults) > before:
            unsound.add(len(nodes))
        nodes.append(node)
    places = [f"line {line} (code {node.code!r})" for (line, _), node in zip(rows, nodes, strict=True)]
    if not rows and not faults:
        faults.append("no row below the header; a framework has a root and at least one indicator")
    return _checked(nodes, places, path.name, faults, unsound)


def _read_rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Read rows with their line numbers, and the faults of the file's form."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FrameworkError(path.name, [said_of_reading(error, path)]) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise FrameworkError(path.name, ["the file is empty; the first line names the columns"])
    header = lines[0][1]
    faults = _header_faults(header)
    if faults:
        raise FrameworkError(path.name, faults)
    rows = []
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            faults.append(f"line {number}: {len(cells)} cells under {len(header)} columns")
            continue
        rows.append((number, dict(zip(header, cells, strict=True))))
    return rows, faults


def separator_faults(header: Sequence[str]) -> list[str]:
    """A fault where the columns of a CSV file are separated by something else than a comma."""
    if header[0].lower().startswith("sep="):
        return [f"line 1: {header[0]!r} is for Excel alone; delete the line, and separate the columns by ','"]
    if len(header) != 1:
        return []
    found = [name for sign, name in ((";", "';'"), ("\t", "tabs"), ("|", "'|'")) if sign in header[0]]
    return [f"line 1: the columns are separated by {name}; separate them by ','" for name in found[:1]]


def plain(text: str) -> str:
    """A name without capitals, blanks and the way that its letters are coded."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def nearly(name: str, others: Iterable[str]) -> str:
    """A hint if one of some names is the same but for capitals, blanks or the way that its letters are coded."""
    found = [other for other in others if plain(other) == plain(name)]
    if found and unicodedata.normalize("NFC", found[0]) == unicodedata.normalize("NFC", name):
        return f"; a column has the same letters, coded otherwise: write {name!r} in one way in both files"
    return f"; {found[0]!r} is nearly it, write it as {name!r}" if found else ""


def said_of_reading(error: Exception, path: Path) -> str:
    """Why a file cannot be read as CSV, and what to do."""
    hint = "; save it in the encoding UTF-8" if isinstance(error, UnicodeDecodeError) else ""
    if str(error) == "unexpected end of data":
        hint = "; a quotation mark opens a cell and none closes it"
    if path.suffix.lower() in WORKBOOKS:
        hint = "; it is a workbook: save its sheet as 'CSV UTF-8 (comma delimited)' and name that file"
    return f"cannot be read as UTF-8 CSV: {error}{hint}"


def _header_faults(header: Sequence[str]) -> list[str]:
    """Faults of the column names."""
    if separated := separator_faults(header):
        return separated
    known = (*TEXT_COLUMNS, *NUMBER_COLUMNS)
    sets = [name for name in dict.fromkeys(header) if name.startswith(WEIGHT_SET)]
    faults = [
        f"line 1: unknown column {name!r}; known are {', '.join(known)} and {WEIGHT_SET}<name of a weight set>"
        for name in dict.fromkeys(header)
        if name not in known and name not in sets
    ]
    faults += [f"line 1: column {name!r} occurs twice" for name in (*known, *sets) if header.count(name) > 1]
    faults += [
        f"line 1: column {name!r}: a weight set has a name of its own, other than {' and '.join(RESERVED_SETS)}"
        for name in sets
        if name.removeprefix(WEIGHT_SET) in ("", *RESERVED_SETS)
    ]
    faults += [f"line 1: no column {name!r}{nearly(name, header)}" for name in REQUIRED_COLUMNS if name not in header]
    return faults


def _node(row: dict[str, str], line: int, faults: list[str]) -> Node:
    """Turn one row into a node; a cell that cannot be read is a fault and counts as empty."""
    code = row["code"] or f"of line {line}"
    if not row["code"]:
        faults.append(f"line {line}, column code: empty; every node has a code")
    numbers = {name: _number(row.get(name, ""), line, name, faults) for name in NUMBER_COLUMNS}
    sets = {name: _number(row[name], line, name, faults) for name in row if name.startswith(WEIGHT_SET)}
    weight = 1.0 if numbers["weight"] is None else numbers["weight"]
    direction = row.get("direction", "").lower()
    if direction and direction not in DIRECTIONS:
        faults.append(f"line {line}, column direction: {row['direction']!r} is neither 'higher' nor 'lower'")
    return Node(
        code=code,
        parent=row["parent"] or None,
        name=row.get("name", "") or code,
        level=row.get("level", ""),
        unit=row.get("unit", ""),
        direction=cast(Direction | None, DIRECTIONS.get(direction)),
        weight=weight,
        weight_sets={
            name.removeprefix(WEIGHT_SET): weight if number is None else number for name, number in sets.items()
        },
        transform=row.get("transform", "").lower().replace(" ", "") or "none",
        low=numbers["low"],
        high=numbers["high"],
        target=numbers["target"],
        aggregation=row.get("aggregation", "").lower() or None,
        denominator=row.get("denominator", "") or None,
        per=1.0 if numbers["per"] is None else numbers["per"],
    )


def _number(text: str, line: int, column: str, faults: list[str]) -> float | None:
    """Read a finite number; None for an empty cell."""
    if not text:
        return None
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        faults.append(f"line {line}, column {column}: {text!r} is not a finite number (decimal point, no unit)")
        return None
    return number


def _checked(
    nodes: list[Node], places: list[str], subject: str, faults: list[str], unsound: Collection[int] = ()
) -> Framework:
    """Check everything, then build the framework; cells of the unsound ones have had their faults."""
    faults = [*faults, *_tree_faults(nodes, places)]
    parents = {node.parent for node in nodes if node.parent is not None}
    fixed = []
    for position, (node, place) in enumerate(zip(nodes, places, strict=True)):
        is_leaf = node.code not in parents
        if position not in unsound:
            found = _leaf_faults(node) if is_leaf else _aggregate_faults(node)
            faults += [f"{place}: {fault}" for fault in found]
        fixed.append(_with_direction(node, is_leaf))
    faults += _weight_faults(nodes) + _denominator_faults(nodes)
    if faults:
        raise FrameworkError(subject, faults)
    ordered = _parents_first(fixed)
    named, levels, faults = _with_levels(ordered)
    if faults:
        raise FrameworkError(subject, faults)
    return Framework(nodes=tuple(named), levels=tuple(levels))


def _tree_faults(nodes: Sequence[Node], places: Sequence[str]) -> list[str]:
    """Faults of the shape: codes, parents, roots, cycles."""
    faults: list[str] = []
    first: dict[str, str] = {}
    codes = dict.fromkeys(node.code for node in nodes)
    for node, place in zip(nodes, places, strict=True):
        if node.code in first:
            hint = "; to count an indicator under two parents, give it two codes, and its values two columns"
            faults.append(f"{place}: code {node.code!r} is taken by {first[node.code]}; codes are unique{hint}")
        first.setdefault(node.code, place)
        if node.parent is not None and node.parent not in codes:
            found = [code for code in codes if plain(code) == plain(node.parent)]
            hint = f"; {found[0]!r} is nearly it, write both in one way" if found else ""
            faults.append(f"{place}: parent {node.parent!r} is not the code of any node{hint}")
    roots = [place for node, place in zip(nodes, places, strict=True) if node.parent is None]
    if nodes and not roots:
        faults.append("no root: exactly one node has an empty parent")
    if len(roots) > 1:
        faults.append(f"{len(roots)} roots ({', '.join(roots)}): exactly one node has an empty parent")
    return faults + _cycle_faults(nodes)


def _cycle_faults(nodes: Sequence[Node]) -> list[str]:
    """Name each cycle once, by the codes on it."""
    parent = {node.code: node.parent for node in nodes}
    faults, seen = [], set()
    for start in parent:
        path: list[str] = []
        at: str | None = start
        while at is not None and at in parent and at not in seen:
            seen.add(at)
            path.append(at)
            at = parent[at]
        if at in path:
            circle = path[path.index(at) :]
            faults.append(f"cycle: {' → '.join([*circle, at])}; no node may lie beneath itself")
    return faults


def _aggregate_faults(node: Node) -> list[str]:
    """Faults of a node with children: settings that only an indicator has."""
    faults = []
    if node.direction == "lower":
        faults.append("column direction: 'lower' on a node with children; only indicators have a direction")
    faults += [
        f"column {name}: set on a node with children; only indicators have it"
        for name in ("low", "high", "target")
        if getattr(node, name) is not None
    ]
    if node.transform != "none":
        faults.append("column transform: set on a node with children; only indicators have it")
    if node.denominator is not None:
        faults.append("column denominator: set on a node with children; only indicators have it")
    if node.aggregation is not None and node.aggregation not in AGGREGATIONS:
        faults.append(f"column aggregation: unknown {node.aggregation!r}; known are {', '.join(AGGREGATIONS)}")
    return faults


def _leaf_faults(node: Node) -> list[str]:
    """Faults of an indicator."""
    faults = []
    if node.parent is None:
        return ["the root has no children; a framework has at least one indicator"]
    if node.code in RESERVED_CODES:
        faults.append(f"code {node.code!r} is the name of a column of every values file; choose another")
    if node.aggregation is not None:
        faults.append("column aggregation: set on an indicator; only nodes with children aggregate")
    if node.direction is None and node.low is None and node.high is None:
        faults.append("no children and no direction: an empty group, or an indicator without direction")
    if transform_parts(node.transform) is None:
        faults.append(f"column transform: unknown {node.transform!r}; known are {TRANSFORMS}")
    if node.transform == "gap_to_target" and node.target is None:
        faults.append("column target: empty, but transform gap_to_target needs it")
    if not (math.isfinite(node.per) and node.per > 0):
        faults.append(f"column per: {node.per:g}; it is a number above 0, such as 1000 for 'per thousand'")
    if node.per != 1 and node.denominator is None:
        faults.append(f"column per: {node.per:g} without a denominator; name the column of the values to divide by")
    return faults + _goalpost_faults(node)


def _goalpost_faults(node: Node) -> list[str]:
    """Faults of ``low`` and ``high``, on their own and against direction and transform."""
    low, high = node.low, node.high
    if low is None and high is None:
        return []
    if low is None or high is None:
        return ["columns low and high: one is empty; give both or neither"]
    if low == high:
        return [f"columns low and high: both {low:g}; the scale would have no length"]
    if node.transform == "gap_to_target":
        return _gap_faults(node, low, high)
    faults = []
    if node.direction is not None and (node.direction == "higher") != (low < high):
        faults.append(
            f"column direction: {node.direction!r} against low {low:g} and high {high:g}; "
            "low scores 0 and high the full mark, so low > high where less is better"
        )
    if transform_parts(node.transform) is not None and outside_domain(np.array([low, high]), node.transform).any():
        smallest = min(low, high)
        faults.append(
            f"column transform: {node.transform} of goalpost {smallest:g}; it must be {domain(node.transform)}"
        )
    return faults


def _gap_faults(node: Node, low: float, high: float) -> list[str]:
    """The full mark must lie nearer to the target than the zero."""
    if node.target is None or abs(low - node.target) > abs(high - node.target):
        return []
    return [
        f"columns low and high: low {low:g} lies no farther from target {node.target:g} than high {high:g}; "
        "with gap_to_target, high is the value nearest to the target"
    ]


def _denominator_faults(nodes: Sequence[Node]) -> list[str]:
    """A denominator is a column of its own in the values file."""
    taken = {*RESERVED_CODES, *(node.code for node in nodes)}
    return [
        f"node {node.code!r}, column denominator: {node.denominator!r} is a node or a key; name another column"
        for node in nodes
        if node.denominator in taken
    ]


def _weight_faults(nodes: Sequence[Node]) -> list[str]:
    """In each set, weights are finite and not negative, and some sibling weighs more than nothing."""
    faults = []
    for name in (None, *dict.fromkeys(name for node in nodes for name in node.weight_sets)):
        column = "weight" if name is None else f"{WEIGHT_SET}{name}"
        weights = [node.weight if name is None else node.weight_sets.get(name, node.weight) for node in nodes]
        faults += [
            f"node {node.code!r}, column {column}: {weight!r}; a weight is a finite number, 0 or more"
            for node, weight in zip(nodes, weights, strict=True)
            if not (math.isfinite(weight) and weight >= 0)
        ]
        totals: dict[str, float] = {}
        for node, weight in zip(nodes, weights, strict=True):
            if node.parent is not None:
                totals[node.parent] = totals.get(node.parent, 0.0) + weight
        faults += [
            f"node {code!r}, column {column}: the weights of its children sum to 0"
            for code, total in totals.items()
            if total == 0
        ]
    return faults


def _with_direction(node: Node, is_leaf: bool) -> Node:
    """Give an indicator the direction of its goalposts; take it from an aggregate."""
    if not is_leaf:
        return node.model_copy(update={"direction": None}) if node.direction else node
    if node.direction is None and node.low is not None and node.high is not None:
        return node.model_copy(update={"direction": "higher" if node.low < node.high else "lower"})
    return node


def _parents_first(nodes: Sequence[Node]) -> list[Node]:
    """Order nodes so that parents come first, otherwise as given."""
    children: dict[str | None, list[int]] = {}
    for position, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(position)
    ready = list(children[None])
    ordered = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        ordered.append(node)
        for position in children.get(node.code, ()):
            heapq.heappush(ready, position)
    return ordered


def _with_levels(nodes: Sequence[Node]) -> tuple[list[Node], list[str], list[str]]:
    """Name levels by default, or check the names given; nodes are parents first."""
    unnamed = [node.code for node in nodes if not node.level]
    if unnamed and len(unnamed) < len(nodes):
        return (
            [],
            [],
            [f"column level: empty for {', '.join(unnamed)}; name all levels or none"],
        )
    parents = {node.parent for node in nodes}
    if unnamed:
        nodes, levels = _default_levels(nodes, parents)
    else:
        levels, faults = _named_levels(nodes, parents)
        if faults:
            return [], [], faults
    at_level = {level: [node.code for node in nodes if node.level == level] for level in levels}
    faults = [
        f"node {node.code!r} bears the name of a level; in a method file that name would be ambiguous"
        for node in nodes
        if node.code in at_level and at_level[node.code] != [node.code]
    ]
    return list(nodes), levels, faults


def _default_levels(nodes: Sequence[Node], parents: set[str | None]) -> tuple[list[Node], list[str]]:
    """``index``, ``level_1`` …, ``indicator``."""
    depth: dict[str | None, int] = {None: -1}
    named = []
    for node in nodes:
        depth[node.code] = depth[node.parent] + 1
        name = f"level_{depth[node.code]}" if node.parent is not None else "index"
        named.append(node.model_copy(update={"level": name if node.code in parents else "indicator"}))
    deepest = max(depth[node.code] for node in named if node.code in parents)
    return named, ["index", *(f"level_{number}" for number in range(1, deepest + 1)), "indicator"]


def _named_levels(nodes: Sequence[Node], parents: set[str | None]) -> tuple[list[str], list[str]]:
    """Order the names given from the root down; faults where they cannot be ordered."""
    leaf_levels = list(dict.fromkeys(node.level for node in nodes if node.code not in parents))
    if len(leaf_levels) > 1:
        return [], [f"column level: indicators on several levels ({', '.join(leaf_levels)}); they share one"]
    level_of = {node.code: node.level for node in nodes}
    below: dict[str, set[str]] = {level: set() for level in dict.fromkeys(level_of.values())}
    for node in nodes:
        if node.parent is not None:
            below[level_of[node.parent]].add(node.level)
    ordered: list[str] = []
    left = list(below)
    while left:
        top = next((level for level in left if not any(level in below[other] for other in left)), None)
        if top is None:
            return [], [f"column level: {', '.join(left)} stand above and below each other"]
        ordered.append(top)
        left.remove(top)
    if ordered[-1] != leaf_levels[0]:
        return [], [f"column level: {leaf_levels[0]!r} is the level of indicators and of nodes with children"]
    return ordered, []
