"""How the catalogue's data points and list entries are recognised in what people write.

What belongs here: look-ups from spellings to codes. What does not: the catalogue itself and any file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from intake.by_catalogue import once
from intake.keys import key as key
from intake.units import ratio, written_unit
from ssc_index.framework.catalogue import Catalogue, Choice, DataPoint, Unit


class Lookup:
    """Look-ups of one catalogue; build it with `lookup_of`.

    Attributes:
        points: Data points by id.
        kpi_codes: KPI code by data-point id.
        version: Version of the catalogue.
        units: Units by data-point id.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.points: dict[str, DataPoint] = {point.id: point for point in catalogue.data_points}
        self.version = catalogue.version
        self.kpi_codes: dict[str, str] = {point: catalogue.kpi_of(point).code for point in self.points}
        self.units: dict[str, Unit] = {point.id: catalogue.codes.units[point.unit] for point in catalogue.data_points}
        self._asked = {
            (point.id, field): unit
            for point in catalogue.data_points
            for field, texts in (
                ("numerator", _bracketed(point.numerator)),
                ("denominator", _bracketed(point.denominator)),
                ("result", [self.units[point.id].printed]),
            )
            for unit in texts
            if written_unit(unit)
        }
        self._catalogue = catalogue
        self._ids = _ids(catalogue)
        self._quality = _choices(catalogue.scoring.quality_grades.choices)
        self._origin = _choices(catalogue.scoring.data_origins.choices)

    def data_point(self, text: str, label: str = "") -> str | None:
        """Id of the data point that a code, a printed code or a KPI's name means.

        Args:
            text: What stands where the code belongs.
            label: What stands in the column of the data point's name; tells the parts of one KPI apart.

        >>> from ssc_index.framework.catalogue import load_catalogue
        >>> lookup = lookup_of(load_catalogue())
        >>> lookup.data_point("EC: ICT: ICT: 1C"), lookup.data_point("EC: ICT: ICT: 4C")
        ('EC_ICT_ICT_1C.main', None)
        >>> lookup.data_point("EC: ICT: ICT: 4C", "3G")
        'EC_ICT_ICT_4C.3g'
        """
        if text in self.points:
            return text
        if found := self._ids.get(key(text)):
            return found
        kpi = self._catalogue.kpi_named(text)
        if kpi is None:
            return None
        parts = kpi.data_points
        if len(parts) > 1:
            wanted = key(label)
            parts = tuple(point for point in parts if wanted in _labels(point))
        return parts[0].id if len(parts) == 1 else None

    def is_unit(self, text: str, point: str) -> bool:
        """Whether a text names the unit of a data point, in one of the ways that people write it.

        >>> from ssc_index.framework.catalogue import load_catalogue
        >>> lookup = lookup_of(load_catalogue())
        >>> [lookup.is_unit(text, "EN_EN_WS_2C.main") for text in ("ℓ / day", "l / day / capita", "m3 / day")]
        [True, True, False]
        """
        unit = self.units[point]
        if text == unit.printed:
            return True
        if written_unit(text) and written_unit(unit.printed):
            return ratio(text, unit.printed) == 1
        written = key(text).replace("yr", "year")
        known = [key(name) for name in (unit.printed, unit.symbol, unit.name)]
        return any(written in name or (name and name in written) for name in known)

    def asked(self, point: str, field: str) -> str | None:
        """The unit that the form asks for in a number of a data point; None where it asks for none of ``units.yaml``.

        >>> from ssc_index.framework.catalogue import load_catalogue
        >>> lookup = lookup_of(load_catalogue())
        >>> [lookup.asked("EN_EN_WS_2C.main", field) for field in ("numerator", "denominator", "result")]
        ['l / day', None, 'l / day / capita']
        """
        return self._asked.get((point, field))

    def quality(self, text: str) -> str | None:
        """Code of a data-quality grade, from its code or its text."""
        return self._quality.get(key(text))

    def origin(self, text: str) -> str | None:
        """Code of a data origin, from its code or its text."""
        return self._origin.get(key(text))


@once
def lookup_of(catalogue: Catalogue) -> Lookup:
    """The look-ups of a catalogue, built once."""
    return Lookup(catalogue)


def _ids(catalogue: Catalogue) -> dict[str, str]:
    """Data-point id by the key of each way to write its code; a KPI alone means its only data point."""
    ids: dict[str, str] = {}
    for kpi in catalogue.kpis:
        for point in kpi.data_points:
            ids[key(point.id)] = point.id
        if len(kpi.data_points) == 1:
            ids[key(kpi.printed_code)] = ids[key(kpi.code)] = kpi.data_points[0].id
    return ids


def _bracketed(label: str | None) -> list[str]:
    """What stands in brackets in a label, its unit among it."""
    return re.findall(r"\(([^()]*)\)", label or "")


def _labels(point: DataPoint) -> set[str]:
    """Keys of the ways to name one part of a KPI."""
    return {key(point.name), key(point.name.rpartition(":")[2]), key(point.suffix)}


def _choices(choices: Iterable[Choice]) -> dict[str, str]:
    return {key(text): choice.code for choice in choices for text in (choice.code, choice.text)}
