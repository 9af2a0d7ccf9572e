"""A method: the ordered list of steps that turns values into an index, as data.

What belongs here: the reading of a method file. What does not: the parameters of a step and what it computes
(its module in `steps/`), and whether a method fits a framework (`plan.py`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError

from ssc_index.errors import MethodError, broken_rule, faults_in
from ssc_index.expert_tables import with_tables
from ssc_index.rank import rank_blocks, rank_descending
from ssc_index.steps.parameters import Name, Parameters, Ties
from ssc_index.steps.registry import STEPS
from ssc_index.steps.screen import Screen
from ssc_index.values import Floats

Model = TypeVar("Model", bound=BaseModel)


class Rank(BaseModel):
    """How ranks are taken, from 1.

    Attributes:
        ties: What equal scores get.
        round: Decimals to which scores are rounded before ranking; None ranks them as they are.
        first: Which score has rank 1: the ``highest``, or the ``lowest`` (of an index of which less is better, or that
            names the worst first).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    ties: Ties = "min"
    round: Annotated[int, Field(strict=True, ge=0, le=15)] | None = None
    first: Literal["highest", "lowest"] = "highest"

    def ranks_of(self, scores: Floats) -> Floats:
        """Rank scores as the method says.

        Args:
            scores: Shape (n,); NaN is not ranked.

        Returns:
            Ranks from 1, shape (n,); NaN exactly where ``scores`` is NaN.

        >>> import numpy as np
        >>> Rank(first="lowest").ranks_of(np.array([0.4, np.nan, 0.1]))
        array([ 2., nan,  1.])
        """
        return rank_descending(scores if self.first == "highest" else -scores, self.ties, self.round)

    def ranks_of_blocks(self, scores: Floats, blocks: Sequence[slice], columns: Sequence[int]) -> Floats:
        """Rank columns of a table within blocks of rows, as the method says.

        Args:
            scores: Shape (n_rows, n_columns); NaN is not ranked.
            blocks: The rows of each block.
            columns: Numbers of the columns to rank.

        Returns:
            Ranks from 1, shape of the scores; NaN where a score is, outside blocks and in other columns.

        >>> import numpy as np
        >>> Rank(first="lowest").ranks_of_blocks(np.array([[0.4], [np.nan], [0.1]]), [slice(0, 3)], [0]).ravel()
        array([ 2., nan,  1.])
        """
        return rank_blocks(scores if self.first == "highest" else -scores, blocks, self.ties, self.round, columns)


class Method(BaseModel):
    """A method, ready to run.

    Attributes:
        name: Its name, for example ``index-2026``.
        steps: The steps in order.
        rank: How ranks are taken.
        uncertainty: What the uncertainty analysis varies. Carried as it stands and neither read nor checked
            here; `compute_index` does not use it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name
    steps: Annotated[tuple[InstanceOf[Parameters], ...], Field(min_length=1)]
    rank: Rank = Rank()
    uncertainty: dict[str, Any] | None = None

    def as_mapping(self) -> dict[str, Any]:
        """The method in the form of its file, every default written out."""
        steps = [{step.step: step.model_dump(mode="json")} for step in self.steps]
        mapping = {"name": self.name, "steps": steps, "rank": self.rank.model_dump(mode="json")}
        return mapping if self.uncertainty is None else {**mapping, "uncertainty": self.uncertainty}


def method_from_mapping(data: object, subject: str = "method") -> Method:
    """Check a method given as plain data and build it.

    Args:
        data: The content of a method file: ``name``, ``steps`` and optionally ``rank``, ``uncertainty``.
        subject: What an error names, for example a file.

    Returns:
        The method.

    Raises:
        MethodError: With every fault, each with its path, for example ``steps[2].normalise.range``.

    >>> method = method_from_mapping({"name": "plain", "steps": [{"aggregate": {"method": "geometric"}}]})
    >>> method.as_mapping()["rank"]
    {'ties': 'min', 'round': None, 'first': 'highest'}
    """
    if not isinstance(data, dict):
        raise MethodError(subject, ["a method file is a mapping with the keys name, steps, rank, uncertainty"])
    faults = [
        f"{key}: unknown key; known are {', '.join(Method.model_fields)}"
        for key in data
        if key not in Method.model_fields
    ]
    steps = _steps(data.get("steps"), faults)
    rank = _build(Rank, data.get("rank") or {}, "rank", faults)
    head = {key: data[key] for key in ("name", "uncertainty") if key in data}
    stand_in = steps or (Screen(),)
    method = _build(Method, {**head, "steps": stand_in, "rank": rank or Rank()}, "", faults)
    if faults or method is None:
        raise MethodError(subject, faults)
    return method


def _steps(data: object, faults: list[str]) -> tuple[Parameters, ...]:
    """Build every step that can be built; a fault for each of the others."""
    if not isinstance(data, list) or not data:
        faults.append("steps: a list of at least one step, such as '- aggregate: {method: arithmetic}'")
        return ()
    return tuple(step for number, entry in enumerate(data) if (step := _step(entry, number, faults)))


def _step(entry: object, number: int, faults: list[str]) -> Parameters | None:
    """Build one step from ``{name: parameters}``."""
    path = f"steps[{number}]"
    if not isinstance(entry, dict) or len(entry) != 1:
        found = (
            f", not {', '.join(map(str, entry))}; parameters stand deeper than the step"
            if entry and isinstance(entry, dict)
            else ""
        )
        faults.append(f"{path}: a step is one key with its parameters, such as 'screen: {{min_coverage: 0.5}}'{found}")
        return None
    name, given = next(iter(entry.items()))
    if name not in STEPS:
        faults.append(f"{path}: unknown step {name!r}; known are {', '.join(STEPS)}")
        return None
    path = f"{path}.{name}"
    if given is not None and not isinstance(given, dict):
        has_method = any("method" in kind.model_fields for kind in STEPS[name].VARIANTS.values())
        hint = f"; write '{name}: {{method: {given}}}'" if has_method and isinstance(given, str) else ""
        faults.append(f"{path}: parameters are a mapping, not {given!r}{hint}")
        return None
    given = given or {}
    variants: dict[str, type[Parameters]] = STEPS[name].VARIANTS
    methods = [variant for variant in variants if variant]
    chosen = given.get("method", "") if methods else ""
    if chosen not in variants:
        said = f"unknown method {chosen!r}" if chosen else "no method"
        said += " (a blank follows a colon)" if any(str(key).startswith("method:") for key in given) else ""
        faults.append(f"{path}.method: {said}; known are {', '.join(methods)}")
        return None
    return _build(variants[chosen], given, path, faults)


def _build(kind: type[Model], data: object, path: str, faults: list[str]) -> Model | None:
    """Validate data; None and a fault for each error that Pydantic finds."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        for fault in faults_in(error.errors(include_url=False), data):
            place = ".".join([path, *(str(part) for part in fault["loc"])]).strip(".")
            if fault["type"] == "extra_forbidden":
                faults.append(f"{place}: unknown key; known are {', '.join(kind.model_fields)}")
            elif fault["type"] == "missing":
                faults.append(f"{place}: missing")
            else:
                hint = _hint(fault["input"], fault["type"])
                faults.append(f"{place}: {fault['input']!r}: {broken_rule(fault)}{hint}")
        return None


def _hint(value: object, kind: str) -> str:
    """YAML reads NO, on, yes as booleans, 1.10 as a number and 1e-3 as text; say so where it may have happened."""
    if isinstance(value, bool):
        return " (YAML reads NO, yes, on … as true or false: put quotes around a name)"
    if isinstance(value, int | float) and kind == "string_type":
        return " (YAML reads 1.10 as a number: put quotes around a code of digits)"
    if isinstance(value, str) and re.fullmatch(r"\d[\d.]*e[-+]?\d+", value, re.IGNORECASE):
        return " (YAML reads 1e-3 as text: write 0.001)"
    if kind == "tuple_type":
        return " (a list, such as [0, 100])"
    return ""


def read_method(path: Path) -> Method:
    """Read a method file (YAML).

    Args:
        path: A UTF-8 YAML file, plain: a key given twice and an alias are errors.

    Returns:
        The method.

    Raises:
        MethodError: With every fault, or with the place where the file is not YAML.
    """
    try:
        data = copy.deepcopy(_plain_data(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        hint = "; save it in the encoding UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        raise MethodError(path.name, [f"cannot be read as YAML: {error}{hint}"]) from error
    faults: list[str] = []
    data = with_tables(data, path.parent, faults)
    if faults:
        raise MethodError(path.name, faults)
    return method_from_mapping(data, path.name)


@lru_cache(maxsize=16)
def _plain_data(text: str) -> Any:
    """What a YAML text holds, to be copied: a build reads its method file at every step, PyYAML needs 20 ms for it."""
    return yaml.load(text, Loader=_StrictLoader)


class _StrictLoader(yaml.SafeLoader):
    """YAML without repeated keys, which PyYAML would resolve in silence, and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Build a node; raise where the file refers to another place of itself."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
            raise yaml.composer.ComposerError(None, None, "an alias; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; raise where a key occurs twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)
