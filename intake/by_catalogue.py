"""What is built of a catalogue is built once.

What belongs here: the cache, by the catalogue's identity: hashing 91 KPIs costs more than reading a file. What does
not: anything that is built.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from ssc_index.framework.catalogue import Catalogue

Build = TypeVar("Build", bound=Callable[..., Any])


class _Box:
    """Carries a catalogue through a cache; equal to another box of the same object alone."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Box) and other.catalogue is self.catalogue


def once(build: Build) -> Build:
    """Let a function of a catalogue, and of what else can be hashed, build once what it builds."""

    @lru_cache(maxsize=4)
    def built(box: _Box, *rest: Hashable) -> Any:
        return build(box.catalogue, *rest)

    @wraps(build)
    def of_catalogue(catalogue: Catalogue, *rest: Hashable) -> Any:
        return built(_Box(catalogue), *rest)

    return cast("Build", of_catalogue)
