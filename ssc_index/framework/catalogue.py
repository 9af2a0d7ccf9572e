"""The U4SSC catalogue: 91 KPIs and their 112 data points as frozen objects.

What belongs here: reading the folder, and the views that others need (look-ups, the tree, the framework of a
year). What does not: what a file may hold (`catalogue_model.py`), the rules between its keys
(`catalogue_checks.py`), the numbers themselves (``u4ssc/``), and any arithmetic on cities' values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ssc_index.errors import FrameworkError, broken_rule
from ssc_index.framework.catalogue_checks import codes_faults, kpi_faults, scoring_faults, set_faults
from ssc_index.framework.catalogue_model import (
    WORKING_PROPOSAL,
    Band,
    BandEdge,
    BenchmarkTarget,
    Choice,
    Choices,
    Codes,
    DataPoint,
    Goalposts,
    Kpi,
    Part,
    Reference,
    Scoring,
    ShareRule,
    SizeClass,
    SizeClasses,
    Unit,
    name_key,
)
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.framework.strict_yaml import Tree, read_plain_yaml

__all__ = [
    "WORKING_PROPOSAL",
    "Band",
    "BandEdge",
    "BenchmarkTarget",
    "Catalogue",
    "Choice",
    "Choices",
    "Codes",
    "DataPoint",
    "Goalposts",
    "Kpi",
    "Reference",
    "Scoring",
    "ShareRule",
    "SizeClass",
    "SizeClasses",
    "Unit",
    "load_catalogue",
    "name_key",
]

SHIPPED_FOLDER = Path(__file__).parent / "u4ssc"


class Catalogue(Part):
    """The whole catalogue. Build it with `load_catalogue`, which reports every fault at once.

    Attributes:
        kpis: The KPIs in catalogue order.
        scoring: Rules and lists of the benchmark scoring.
        codes: Closed lists.
    """

    kpis: tuple[Kpi, ...]
    scoring: Scoring
    codes: Codes

    @property
    def version(self) -> str:
        """Version of the catalogue, for example ``u4ssc-2022.1``."""
        return self.codes.version

    @cached_property
    def data_points(self) -> tuple[DataPoint, ...]:
        """All data points in catalogue order, scored or not."""
        return tuple(point for kpi in self.kpis for point in kpi.data_points)

    def kpi(self, code: str) -> Kpi:
        """The KPI with a code; KeyError if there is none.

        >>> load_catalogue().kpi("EC_ICT_ICT_1C").name
        'Household Internet Access'
        """
        return self._kpis[code]

    def data_point(self, point_id: str) -> DataPoint:
        """The data point with an id; KeyError if there is none."""
        return self._points[point_id]

    def kpi_of(self, data_point_id: str) -> Kpi:
        """The KPI of a data point; KeyError if there is no such data point."""
        return self._kpis[self._points[data_point_id].kpi_code]

    def kpi_named(self, text: str) -> Kpi | None:
        """The KPI that bears a name, an alias, a code or a printed code; case and blanks do not matter.

        >>> load_catalogue().kpi_named("childcare  availability").code
        'SC_SH_SI_5A'
        """
        return self._names.get(name_key(text))

    def dimension_code(self, kpi: Kpi) -> str:
        """Node code of the dimension of a KPI: ``EC``."""
        return next(code for code, name in self.codes.dimensions.items() if name == kpi.dimension)

    def sub_dimension_code(self, kpi: Kpi) -> str:
        """Node code of the sub-dimension of a KPI: ``EC_ICT``."""
        wanted = (kpi.sub_dimension, self.dimension_code(kpi))
        pairs = self.codes.sub_dimensions.items()
        return next(code for code, part in pairs if (part.name, part.dimension) == wanted)

    def category_code(self, kpi: Kpi) -> str:
        """Node code of the category of a KPI within its sub-dimension: ``EC_ICT_WS``.

        It comes from the category's name, not from the KPI code: ``SC_EH_ED_5A`` belongs to ``SC_EH_H``.
        """
        own = next(code for code, name in self.codes.categories.items() if name == kpi.category)
        return f"{self.sub_dimension_code(kpi)}_{own}"

    def tree(self) -> tuple[Node, ...]:
        """Every node of the catalogue, parents before children, scored or not, without goalposts.

        Returns:
            ``index``, dimensions, sub-dimensions, category cells, KPIs and data points, depth first, in
            catalogue order.

        >>> len(load_catalogue().tree())
        241
        """
        return self._tree

    @cached_property
    def _tree(self) -> tuple[Node, ...]:
        nodes = [Node(code="index", parent=None, name="Global SSC Index", level="index")]
        seen: set[str] = set()
        for kpi in self.kpis:
            path = [node for node in self._path(kpi) if node.code not in seen]
            seen.update(node.code for node in path)
            nodes += path
            nodes += [_point_node(point) for point in kpi.data_points]
        return tuple(nodes)

    def framework(self, year: int) -> Framework:
        """The tree of the index in a reference year: scored data points with their goalposts of that year.

        Aggregates without a scored data point beneath them are left out; all weights are 1. ``target`` is the
        best value of a data point with transform ``gap_to_target``, for the others the benchmark target where
        one holds.

        Args:
            year: Reference year of the edition.

        Returns:
            The framework with levels index, dimension, sub_dimension, category, kpi, data_point.

        Raises:
            FrameworkError: If scored data points have no goalposts in that year; all of them are named.
        """
        if year not in self._frameworks:
            self._frameworks[year] = self._framework(year)
        return self._frameworks[year]

    @cached_property
    def _frameworks(self) -> dict[int, Framework]:
        """Frameworks asked for, by year: every step of a build asks for the same."""
        return {}

    def _framework(self, year: int) -> Framework:
        scored = [point for point in self.data_points if point.scored]
        faults = [
            f"{point.id}: scored, but no goalposts hold on {year}-01-01; date one earlier"
            for point in scored
            if point.goalposts_in(year) is None
        ]
        subject = f"catalogue {self.version}, year {year}"
        if faults:
            raise FrameworkError(subject, faults)
        wanted = {"index"}
        for point in scored:
            wanted.update([point.id, *(node.code for node in self._path(self.kpi_of(point.id)))])
        nodes = [self._dated(node, year) for node in self.tree() if node.code in wanted]
        return framework_from_nodes(nodes, subject)

    def _path(self, kpi: Kpi) -> Iterator[Node]:
        """The nodes from the dimension down to the KPI."""
        dimension, part = self.dimension_code(kpi), self.sub_dimension_code(kpi)
        category = self.category_code(kpi)
        yield Node(code=dimension, parent="index", name=kpi.dimension, level="dimension")
        yield Node(code=part, parent=dimension, name=kpi.sub_dimension, level="sub_dimension")
        yield Node(code=category, parent=part, name=kpi.category, level="category")
        yield Node(code=kpi.code, parent=category, name=kpi.name, level="kpi")

    def _dated(self, node: Node, year: int) -> Node:
        """Fill in goalposts, transform and target of a year where the node is a data point."""
        if node.level != "data_point":
            return node
        point = self.data_point(node.code)
        posts, benchmark = point.goalposts_in(year), point.benchmark_target_in(year)
        if posts is None:
            return node
        target = posts.target if posts.target is not None or benchmark is None else benchmark.target
        update = {"transform": point.transform, "low": posts.low, "high": posts.high, "target": target}
        return node.model_copy(update=update)

    @cached_property
    def _kpis(self) -> dict[str, Kpi]:
        return {kpi.code: kpi for kpi in self.kpis}

    @cached_property
    def _points(self) -> dict[str, DataPoint]:
        return {point.id: point for point in self.data_points}

    @cached_property
    def _names(self) -> dict[str, Kpi]:
        return {
            name_key(text): kpi for kpi in self.kpis for text in (kpi.code, kpi.printed_code, kpi.name, *kpi.aliases)
        }


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read and check a catalogue.

    Args:
        folder: Folder with ``codes.yaml``, ``scoring.yaml`` and ``kpis/<CODE>.yaml``; None is the shipped
            catalogue, which is read once per process.

    Returns:
        The checked catalogue, KPIs in the order of ``codes.yaml``.

    Raises:
        FrameworkError: With every fault of every file: file, key path, value and rule.

    >>> catalogue = load_catalogue()
    >>> len(catalogue.kpis), len(catalogue.data_points)
    (91, 112)
    """
    return _shipped() if folder is None else _load(folder)


@cache
def _shipped() -> Catalogue:
    return _load(SHIPPED_FOLDER)


def _load(folder: Path) -> Catalogue:
    faults: list[str] = []
    codes_tree = _read(folder / "codes.yaml", faults)
    scoring_tree = _read(folder / "scoring.yaml", faults)
    trees = {path.name: _read(path, faults) for path in sorted((folder / "kpis").glob("*.yaml"))}
    codes = _model(Codes, codes_tree, "codes.yaml", faults)
    scoring = _model(Scoring, scoring_tree, "scoring.yaml", faults)
    parsed = {name: _model(Kpi, tree, f"kpis/{name}", faults) for name, tree in trees.items()}
    faults += [f"codes.yaml: {fault}" for fault in codes_faults(codes_tree)]
    faults += [f"scoring.yaml: {fault}" for fault in scoring_faults(scoring_tree)]
    for name, tree in trees.items():
        faults += [f"kpis/{name}: {fault}" for fault in kpi_faults(name, tree, codes)]
    faults += set_faults(trees, codes)
    if faults or codes is None or scoring is None:
        raise FrameworkError(f"catalogue {folder.name}", dict.fromkeys(faults))
    by_code = {kpi.code: kpi for kpi in parsed.values() if kpi is not None}
    return Catalogue(kpis=tuple(by_code[code] for code in codes.kpi_order), scoring=scoring, codes=codes)


def _read(path: Path, faults: list[str]) -> Tree:
    """Read one file; its faults carry its name."""
    name = path.name if path.parent.name != "kpis" else f"kpis/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{name}: cannot be read as UTF-8 text: {error.__class__.__name__}")
        return None
    tree, found = read_plain_yaml(text)
    faults += [f"{name}: {fault}" for fault in found]
    if not found and not isinstance(tree, dict):
        faults.append(f"{name}: holds no mapping of keys to values")
    return tree


_Model = TypeVar("_Model", bound=BaseModel)


def _model(model: type[_Model], tree: Tree, name: str, faults: list[str]) -> _Model | None:
    """Build a model; every error becomes one sentence with key path, value and rule."""
    if not isinstance(tree, dict):
        return None
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        faults += [f"{name}: {_sentence(item)}" for item in error.errors(include_url=False)]
        return None


def _sentence(item: Mapping[str, Any]) -> str:
    path = ".".join(str(step) for step in item["loc"] if step != "[key]")
    if item["type"] == "extra_forbidden":
        return f"{path}: unknown key; see docs/catalogue.md for the keys"
    if item["type"] == "missing":
        return f"{path}: the key is missing"
    shown = repr(item["input"])
    return f"{path}: {shown if len(shown) <= 60 else shown[:57] + '...'}: {broken_rule(item)}"


def _point_node(point: DataPoint) -> Node:
    """The node of a data point, without goalposts."""
    direction = None if point.direction == "none" else point.direction
    return Node(
        code=point.id,
        parent=point.kpi_code,
        name=point.name,
        level="data_point",
        unit=point.unit,
        direction=direction,
    )
