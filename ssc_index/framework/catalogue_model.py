"""What a catalogue file may hold: the frozen models of KPIs, data points, scoring rules and closed lists.

What belongs here: keys, types and what follows from one object alone. What does not: rules between several
keys (`catalogue_checks.py`), reading of files and the tree (`catalogue.py`), and the numbers themselves
(``u4ssc/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Status = Literal["official", "provisional"]
PointDirection = Literal["higher", "lower", "none"]
ValueType = Literal[
    "ratio",
    "rate_per_100000",
    "count",
    "average",
    "ratio_plain",
    "per_capita",
    "concentration",
    "intensity",
    "years",
    "index",
    "yes_no",
]
DenominatorBasis = Literal["population", "households", "city_area", "city_gdp"]
Transform = Literal["none", "ln", "log10", "sqrt", "gap_to_target"]
ShareKind = Literal["higher", "lower", "gap_to_target", "yes_no"]

WORKING_PROPOSAL = "ssc-index working proposal"
"""Title of the reference of every number for which no outside source was found."""


def _flag(value: object) -> object:
    """Accept the words true and false and nothing that merely looks like them."""
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("write true or false")
    return value == "true"


Flag = Annotated[bool, BeforeValidator(_flag)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


_Dated = TypeVar("_Dated")


def _latest(entries: Mapping[date, _Dated], year: int) -> _Dated | None:
    """The entry with the latest date on or before 1 January of a year."""
    valid = [day for day in entries if day <= date(year, 1, 1)]
    return entries[max(valid)] if valid else None


class Part(BaseModel):
    """A frozen part of the catalogue; the reader gives texts, the types make them numbers and dates."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(Part):
    """Where a statement or a number comes from.

    Attributes:
        title: Title of the document.
        href: Address, where one is known.
        page: Page, where it was seen; a text, because ``33-34`` is one.
    """

    title: Text
    href: Text | None = None
    page: Text | None = None


class Goalposts(Part):
    """The two values between which a data point is scored, from a date on.

    Attributes:
        low: Value that scores 0, in real units; greater than ``high`` where less is better.
        high: Value that scores 100, in real units.
        target: Best value of a data point with transform ``gap_to_target``; None for all others.
        status: Whether the secretariat has published the pair.
        reason: Code of what the pair rests on (`Codes.goalpost_reasons`).
        reference: Source.
    """

    low: Number
    high: Number
    target: Number | None = None
    status: Status
    reason: Text
    reference: Reference


class BenchmarkTarget(Part):
    """The value that counts as 100 % of target in the U4SSC benchmark scoring, from a date on.

    Attributes:
        target: Target value, in the unit of the data point.
        status: Whether the target has been published by U4SSC.
        reference: Source.
    """

    target: Number
    status: Status
    reference: Reference


class KpiEvidence(Part):
    """What the statements about a KPI rest on; words in `Codes.evidence`."""

    definition: Text
    level: Text
    kind: Text
    direction: Text


class DataPointEvidence(Part):
    """What the statements about a data point rest on; words in `Codes.evidence`."""

    formula: Text
    direction: Text


class DataPoint(Part):
    """What one row of a workbook reports.

    The value is ``numerator / denominator * multiplier`` where both are given.

    Attributes:
        id: KPI code, a point, a suffix: ``EC_ICT_ICT_4C.3g``; ``.main`` where the KPI has one data point.
        name: What the reports call it.
        unit: Code of the unit (`Codes.units`).
        value_type: How the value comes about.
        numerator: What is counted; None where the value is reported as it is.
        denominator: What it is divided by; None where nothing is.
        denominator_basis: The profile figure that fills the denominator beforehand and must equal it; None
            where the profile has no such figure.
        multiplier: Factor of the formula on the undivided denominator, for example 100000 per inhabitant.
        lower_bound: Smallest possible value; None is open.
        upper_bound: Greatest possible value; None is open.
        direction: Whether more is better; ``none`` where neither or where a middle value is best.
        transform: What is done to values and goalposts before normalisation.
        scored: Whether it enters the index tree.
        not_scored_because: Code of the reason where it does not.
        no_benchmark_because: Code of the reason where it has no benchmark target.
        evidence: What formula and direction rest on.
        caveats: Codes of what a reader must know (`Codes.caveats`).
        goalposts: Goalposts by the date from which they hold.
        benchmark_targets: Benchmark targets by the date from which they hold.
    """

    id: Text
    name: Text
    unit: Text
    value_type: ValueType
    numerator: Text | None
    denominator: Text | None
    denominator_basis: DenominatorBasis | None
    multiplier: Annotated[Number, Field(gt=0)]
    lower_bound: Number | None
    upper_bound: Number | None
    direction: PointDirection
    transform: Transform
    scored: Flag
    not_scored_because: Text | None
    no_benchmark_because: Text | None
    evidence: DataPointEvidence
    caveats: tuple[Text, ...]
    goalposts: dict[date, Goalposts]
    benchmark_targets: dict[date, BenchmarkTarget]

    @property
    def kpi_code(self) -> str:
        """Code of the KPI it belongs to."""
        return self.id.partition(".")[0]

    @property
    def suffix(self) -> str:
        """What follows the KPI code in the id, for example ``3g`` or ``main``."""
        return self.id.partition(".")[2]

    @property
    def template_divisor(self) -> float:
        """By what the workbook template divides the profile figure in the denominator cell.

        100000 for rates per 100 000 inhabitants, so that 100 000 people give a denominator of 1; else 1.

        Source: verification manual (2022) p31.
        """
        is_rate = self.value_type == "rate_per_100000" and self.denominator_basis == "population"
        return 100_000.0 if is_rate else 1.0

    @property
    def template_multiplier(self) -> float:
        """Factor of the formula on the denominator in the template: ``multiplier / template_divisor``."""
        return self.multiplier / self.template_divisor

    @property
    def share_kind(self) -> ShareKind | None:
        """Which rule of `Scoring.share_of_target` applies; None for a data point without direction."""
        if self.value_type == "yes_no":
            return "yes_no"
        if self.transform == "gap_to_target":
            return "gap_to_target"
        return None if self.direction == "none" else self.direction

    def goalposts_in(self, year: int) -> Goalposts | None:
        """The goalposts that hold in a reference year.

        Args:
            year: Reference year of the edition.

        Returns:
            The entry with the latest date on or before 1 January of ``year``; None if there is none.
        """
        return _latest(self.goalposts, year)

    def benchmark_target_in(self, year: int) -> BenchmarkTarget | None:
        """The benchmark target that holds in a reference year, by the same rule as `goalposts_in`."""
        return _latest(self.benchmark_targets, year)


class Kpi(Part):
    """One KPI: what it is, where it belongs, what it rests on.

    Attributes:
        code: Code used everywhere in this project: ``EC_ICT_ICT_1C``.
        printed_code: Code as U4SSC prints it: ``EC: ICT: ICT: 1C``.
        name: Name used in reports.
        aliases: Other spellings seen in published reports.
        definition: What it measures, in our words.
        dimension: Name of the dimension.
        sub_dimension: Name of the sub-dimension.
        category: Name of the category; it cannot be derived from the code.
        level: Core KPIs every city should be able to report; advanced ones may be out of reach of some.
        kind: Smart, structural or sustainable.
        unit: Code of the unit (`Codes.units`).
        sdg_references: Goals, targets or indicators, as texts: ``11.2``, ``17.8.1``.
        reference: Page on which the KPI was seen.
        further_references: Further pages.
        evidence: What definition, level, kind and direction rest on.
        caveats: Codes of what a reader must know (`Codes.caveats`).
        data_points: What a workbook reports for it.
    """

    code: Annotated[str, Field(pattern=r"^[A-Z]{2}(_[A-Z]+){2}_[1-9][AC]$")]
    printed_code: Text
    name: Text
    aliases: tuple[Text, ...]
    definition: Text
    dimension: Text
    sub_dimension: Text
    category: Text
    level: Literal["core", "advanced"]
    kind: Literal["smart", "structural", "sustainable"]
    unit: Text
    sdg_references: tuple[Annotated[str, Field(pattern=r"^([1-9]|1[0-7])(\.[0-9a-d]+){0,2}$")], ...]
    reference: Reference
    further_references: tuple[Reference, ...]
    evidence: KpiEvidence
    caveats: tuple[Text, ...]
    data_points: tuple[DataPoint, ...]

    @property
    def direction(self) -> PointDirection:
        """The direction its data points share; ``none`` where they differ."""
        directions = {point.direction for point in self.data_points}
        return directions.pop() if len(directions) == 1 else "none"


class BandEdge(Part):
    """An edge between two bands of the share of target, and the band to which the edge itself belongs."""

    at: Number
    belongs_to: Literal["lower", "upper"]
    status: Status
    reference: Reference


class Band(Part):
    """A band of the share of target."""

    code: Text
    name: Text
    points: int


class ShareRule(Part):
    """How a value and its target give the share of target.

    Attributes:
        rule: ``value_over_target``; ``target_over_value`` (a value of 0 or less has the full share);
            ``one_minus_relative_gap`` (``1 - |value - target| / target``, at least 0); ``yes_is_full``
            (yes is 1, no is 0).
        status: Whether U4SSC has published the rule.
        reference: Source.
    """

    rule: Literal["value_over_target", "target_over_value", "one_minus_relative_gap", "yes_is_full"]
    status: Status
    reference: Reference


class SizeClass(Part):
    """A class of cities by population: ``from_population`` belongs to it, ``below_population`` does not."""

    code: Text
    name: Text
    from_population: Annotated[int, Field(ge=0)]
    below_population: int | None


class SizeClasses(Part):
    """The size classes, from small to large, without gaps."""

    status: Status
    reference: Reference
    classes: tuple[SizeClass, ...]


class Choice(Part):
    """One entry of a drop-down list: the code we keep and the text people read."""

    code: Text
    text: Text


class Choices(Part):
    """A drop-down list."""

    status: Status
    reference: Reference
    choices: tuple[Choice, ...]

    @cached_property
    def by_code(self) -> dict[str, Choice]:
        """Entries by code."""
        return {choice.code: choice for choice in self.choices}


class Verification(Part):
    """The only two words of the verification column."""

    yes: Text
    no: Text


class Scoring(Part):
    """The rules and lists of U4SSC scoring, and of what surrounds it.

    Attributes:
        edges: Edges of the bands, ascending, as shares (0.33 is 33 %), each with the band it belongs to.
        bands: Bands, ascending, one more than edges.
        full_points: Points of a data point on target; category percentage = points / (full_points * scored).
        share_of_target: Rule by `DataPoint.share_kind`.
        size_classes: City size classes for peers.
        smallest_group: Groups of fewer cities are not shown.
        quality_grades: Column T of the workbook.
        data_origins: Column U of the workbook.
        verification: Column S of the workbook.
    """

    edges: tuple[BandEdge, ...]
    bands: tuple[Band, ...]
    full_points: int
    share_of_target: dict[ShareKind, ShareRule]
    size_classes: SizeClasses
    smallest_group: int
    quality_grades: Choices
    data_origins: Choices
    verification: Verification

    @property
    def band_edges(self) -> tuple[float, ...]:
        """Edges as shares, ascending."""
        return tuple(edge.at for edge in self.edges)

    @property
    def band_points(self) -> tuple[int, ...]:
        """Points of the bands, ascending."""
        return tuple(band.points for band in self.bands)


class Unit(Part):
    """A unit of measurement: what stands behind a number, its name, and how U4SSC prints it."""

    symbol: str
    name: Text
    printed: Text


class SubDimension(Part):
    """A sub-dimension and the code of its dimension."""

    name: Text
    dimension: Text


class Codes(Part):
    """The closed lists: every code that a KPI file may use, with its meaning.

    Attributes:
        version: Version of the catalogue.
        kpi_order: KPI codes in the order of the catalogue.
        dimensions: Name by code, ``EC``.
        sub_dimensions: By code, ``EC_ICT``.
        categories: Name by code, ``WS``; the node is sub-dimension code and category code, ``EC_ICT_WS``.
        units: Units by code.
        caveats: Meaning by code.
        goalpost_reasons: Meaning by code.
        not_scored_because: Meaning by code.
        no_benchmark_because: Meaning by code.
        evidence: Meaning of the evidence words, by what they speak of.
    """

    version: Text
    kpi_order: tuple[Text, ...]
    dimensions: dict[Text, Text]
    sub_dimensions: dict[Text, SubDimension]
    categories: dict[Text, Text]
    units: dict[Text, Unit]
    caveats: dict[Text, Text]
    goalpost_reasons: dict[Text, Text]
    not_scored_because: dict[Text, Text]
    no_benchmark_because: dict[Text, Text]
    evidence: dict[Literal["definition", "level", "kind", "direction", "formula"], dict[Text, Text]]


def name_key(text: str) -> str:
    """The form in which names are compared: small letters, no blanks.

    >>> name_key("e-Government  Services")
    'e-governmentservices'
    """
    return "".join(text.casefold().split())
