"""What an edition would take if all that waits for a verifier counted, in the form that the engine takes it.

What belongs here: which rows these are, and cities that only they would bring in. What does not: how values are chosen
(`intake/selection.py`) and what becomes of them (`ssc_index/uncertainty`). None of it may reach a public figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from assets.editions import GROUPS, max_age
from intake.selection import (
    UNREFUSED_OUTCOMES,
    accepted_submissions,
    edition_cities,
    provisional_values,
    standing_in,
)
from schemas import index
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method

KIND = "provisional"


@dataclass(frozen=True)
class Provisional:
    """What waits for verification, as an edition would take it.

    Attributes:
        values: ``city_id, year, data_point, value, quality``.
        cities: ``city_id`` and the groups of cities that have no verified submission which the edition may draw on.
    """

    values: pl.DataFrame
    cities: pl.DataFrame


def asks_for_provisional(method: Method) -> bool:
    """Whether an uncertain input of a method is of kind ``provisional``."""
    return any(_is_provisional(one) for one in _inputs(method).values())


def without_provisional(method: Method) -> Method | None:
    """The method without that input; None if nothing else is uncertain."""
    inputs = {name: one for name, one in _inputs(method).items() if not _is_provisional(one)}
    return (
        method.model_copy(update={"uncertainty": {**(method.uncertainty or {}), "inputs": inputs}}) if inputs else None
    )


def _inputs(method: Method) -> Mapping[str, object]:
    """Inputs as the file has them; what is wrong with them is told by whoever reads them."""
    found = (method.uncertainty or {}).get("inputs")
    return found if isinstance(found, dict) else {}


def _is_provisional(one: object) -> bool:
    return isinstance(one, dict) and one.get("kind") == KIND


def provisional_of(
    edition: int, inputs: Mapping[str, pl.DataFrame], catalogue: Catalogue, method: Method
) -> Provisional:
    """What waits of an edition.

    Args:
        edition: The edition.
        inputs: Rows of ``core.provisional``, ``raw.receipts`` and ``raw.submissions`` that the edition may draw on, by
            ``provisional``, ``receipts`` and ``submissions``; of ``raw.cities`` by ``register``; of ``index.selected``
            and ``index.cities`` of the edition by ``selected`` and ``cities``.
        catalogue: The KPI catalogue.
        method: The method: how old a carried value may be.
    """
    age, register = max_age(method), inputs["register"]
    unrefused = standing_in(edition, accepted_submissions(inputs["receipts"], UNREFUSED_OUTCOMES), register)
    values = provisional_values(inputs["provisional"], unrefused, inputs["selected"], edition, age)
    values = values.filter(pl.col("data_point").is_in(catalogue.framework(edition).codes))
    classes = catalogue.scoring.size_classes.classes
    every = edition_cities(values, unrefused, inputs["submissions"], register, classes, [edition], age)
    new = every.join(inputs["cities"], on="city_id", how="anti").join(values, on="city_id", how="semi")
    known = pl.concat([inputs["cities"]["city_id"], new["city_id"]])
    return Provisional(
        # A city that came to its end, or is not in the register, is in no edition.
        values.filter(pl.col("city_id").is_in(known.implode())).select(
            "city_id", "year", "data_point", "value", "quality"
        ),
        index.CITIES.conform(new).select("city_id", *GROUPS),
    )
