"""The kinds of fault that `corruption` plants, each with the cell where it must be found and under which rule.

What belongs here: the faults, as changes of a clean form. What does not: cohort, search and table.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intake.demo_files import Form
from intake.template import Entry, denominator_of
from ssc_index.framework.catalogue import load_catalogue

Change = Callable[[Form, Sequence[Form], Form | None], Form]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: Its name.
        rules: Codes under which it may be told.
        needs: Data points that the workbook must report with their parts.
        plant: From a clean form, the others of the year and the form of the year before to the faulty form.
        at: Data point of the row where it must be told; a field of the profile as ``profile.x``; None for the whole.
        columns: Letters of the columns that may be named; empty takes any.
        damage: Change of the written file, where the fault is none of a form.
        extra: What else must hold of the clean form.
    """

    name: str
    rules: tuple[str, ...]
    needs: tuple[str, ...]
    plant: Change
    at: str | None
    columns: str = ""
    damage: Callable[[Path], None] | None = None
    extra: Callable[[Form], bool] = lambda _form: True

    def suits(self, form: Form) -> bool:
        """Whether the fault can be planted in a form."""
        whole = all(point in form.entries and _has_parts(form.entries[point], point) for point in self.needs)
        return whole and self.extra(form)

    def is_at(self, row: Mapping[str, Any]) -> bool:
        """Whether a finding is at the right cell."""
        if self.at is None:
            return row["data_point"] is None
        if self.at.startswith("profile."):
            return row["sheet"] == "Profile" and row["field"] == self.at.removeprefix("profile.") and bool(row["cell"])
        is_row = row["data_point"] == self.at or (self.at in ("", row["cell"]) and row["cell"] is not None)
        return (
            is_row
            and row["cell"] is not None
            and (not self.columns or row["cell"].rstrip("0123456789") in self.columns)
        )


def _has_parts(entry: Entry, point: str) -> bool:
    """Whether a row is filled with numbers as the form asks, or is a choice."""
    kind = load_catalogue().data_point(point)
    return entry.numerator is not None or kind.numerator is None


def parts(form: Form, point: str) -> tuple[float, float]:
    """Numerator and denominator of a row, the denominator as the form fills it in."""
    entry, kind = form.entries[point], load_catalogue().data_point(point)
    denominator = entry.denominator if entry.denominator is not None else denominator_of(kind, form.profile)
    return float(entry.numerator or 0), float(denominator or 1)


def value(form: Form, point: str) -> float:
    """Value of a row."""
    entry, kind = form.entries[point], load_catalogue().data_point(point)
    if entry.numerator is None:
        return float(entry.result) if isinstance(entry.result, int | float) else float(entry.result == "YES")
    numerator, denominator = parts(form, point)
    return numerator / denominator * kind.template_multiplier if kind.denominator else numerator


def at(point: str, **fields: Any) -> Change:
    """Other fields in a row; a callable is called with the form."""

    def change(form: Form, _others: Sequence[Form], _before: Form | None) -> Form:
        given = {name: field(form) if callable(field) else field for name, field in fields.items()}
        return replace(form, entries={**form.entries, point: replace(form.entries[point], **given)})

    return change


def alone(point: str, result: Callable[[Form], Any], **fields: Any) -> Change:
    """A final value in place of the parts."""
    return at(point, numerator=None, denominator=None, result=result, **fields)


def of_profile(**fields: Callable[[Form], float | str]) -> Change:
    """Other figures in the profile."""
    return lambda form, _others, _before: replace(
        form, profile={**form.profile, **{name: field(form) for name, field in fields.items()}}
    )


def scaled(point: str, factor: float) -> Callable[[Form], float]:
    """A row's numerator times a factor."""
    return lambda form: parts(form, point)[0] * factor


def _copied(form: Form, others: Sequence[Form], _before: Form | None) -> Form:
    """Six rows of another city of the year."""
    return replace(form, entries={**form.entries, **{point: _typed(others, point) for point in COPIED}})


def _typed(others: Sequence[Form], point: str) -> Entry:
    other = next(one for one in others if all(name in one.entries for name in COPIED))
    return replace(other.entries[point], numerator=None, denominator=None, result=value(other, point))


def _stale(form: Form, _others: Sequence[Form], before: Form | None) -> Form:
    """Every row as it was the year before, and the profile too."""
    assert before is not None
    return replace(form, entries=before.entries, profile=before.profile)


def _swapped(first: str, second: str) -> Change:
    def change(form: Form, _others: Sequence[Form], _before: Form | None) -> Form:
        one, other = form.entries[first], form.entries[second]
        return replace(form, entries={**form.entries, first: other, second: one})

    return change


def text_replaced(old: str, new: str) -> Callable[[Path], None]:
    """Another text in the file, wherever it stands as a whole."""

    def damage(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        strings = members["xl/sharedStrings.xml"].decode()
        members["xl/sharedStrings.xml"] = re.sub(rf"<t>{re.escape(old)}</t>", f"<t>{new}</t>", strings).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return damage


def unchanged(form: Form, _others: Sequence[Form], _before: Form | None) -> Form:
    """The form as it is."""
    return form


NET, BROADBAND, LITERACY = "EC_ICT_ICT_1C.main", "EC_ICT_ICT_2C.main", "SC_EH_ED_4C.main"
DOCTORS, BEDS, BIRTHS = "SC_EH_H_3C.main", "SC_EH_H_4A.main", "SC_EH_H_2C.main"
WATER, POTABLE, POWER = "EC_I_WS_1C.main", "EC_I_WS_2C.main", "EC_I_ES_3C.main"
JOBLESS, YOUTH, POVERTY = "EC_P_EM_1C.main", "EC_P_EM_2C.main", "SC_SH_SI_3C.main"
OUTAGES, OUTAGE_TIME, POLICE = "EC_I_ES_1C.main", "EC_I_ES_2C.main", "SC_SH_SA_6C.main"
PRIMARY, SECONDARY = "EN_EN_WS_4C.primary", "EN_EN_WS_4C.secondary"
PM25, PM10, NO2 = "EN_EN_AQ_1C.pm2_5", "EN_EN_AQ_1C.pm10", "EN_EN_AQ_1C.no2"
GINI, EQUITY, TRAVEL = "SC_SH_SI_2C.main", "SC_SH_SI_1C.main", "EC_I_T_5A.main"
POWER_USE, WATER_USE, WALK = "EN_E_E_2C.main", "EN_EN_WS_2C.main", "EC_I_UP_1A.main"
SETS, SETS_SHARE, SCHOOL = "EC_ICT_PS_1A.number", "EC_ICT_PS_1A.percent", "SC_EH_ED_2C.main"
CAR, LANDFILL, SME = "EC_I_T_4A.private", "EN_EN_WA_1C.landfill", "EC_P_IN_3A.main"
COPIED = (LITERACY, POVERTY, DOCTORS, BEDS, POLICE, JOBLESS)
SIZE = ("size_slipped", "jump", "unlike_peers")

KINDS: tuple[Kind, ...] = (
    # What stands in a cell.
    Kind("text in a number cell", ("not_a_number",), (LITERACY,), at(LITERACY, numerator="about half"), LITERACY, "F"),
    Kind(
        "comma that can mean two things", ("ambiguous_number",), (POLICE,), at(POLICE, numerator="1,234"), POLICE, "F"
    ),
    Kind("number with million", ("not_a_number",), (LITERACY,), at(LITERACY, numerator="3 million"), LITERACY, "F"),
    Kind("range for a number", ("not_a_number",), (DOCTORS,), at(DOCTORS, numerator="12-15"), DOCTORS, "F"),
    Kind("error text in the result", ("not_a_number",), (POVERTY,), alone(POVERTY, lambda _: "#DIV/0!"), POVERTY, "H"),
    Kind(
        "neither YES nor NO",
        ("not_yes_no",),
        (),
        at("SC_SH_SA_3A.main", result="partly"),
        "SC_SH_SA_3A.main",
        "H",
        extra=lambda form: "SC_SH_SA_3A.main" in form.entries,
    ),
    Kind("concentration with ppm", ("not_a_number",), (NO2,), alone(NO2, lambda _: "0.02 ppm"), NO2, "H"),
    Kind(
        "code that no one knows",
        ("unknown_kpi",),
        (LITERACY,),
        unchanged,
        "",
        "A",
        damage=text_replaced(LITERACY, "SC_EH_ED_9C.main"),
    ),
    Kind(
        "code twice",
        ("duplicate_data_point",),
        (LITERACY, SCHOOL),
        unchanged,
        SCHOOL,
        "A",
        damage=text_replaced(LITERACY, SCHOOL),
    ),
    Kind(
        "unit of another size",
        ("other_unit",),
        (WATER_USE,),
        unchanged,
        WATER_USE,
        "E",
        damage=text_replaced("l / day / capita", "m3 / day / capita"),
    ),
    # What a row must hold.
    Kind("denominator 0", ("denominator_zero",), (JOBLESS,), at(JOBLESS, denominator=0.0), JOBLESS, "G"),
    Kind("denominator missing", ("denominator_missing",), (JOBLESS,), at(JOBLESS, denominator="NR"), JOBLESS, "G"),
    Kind(
        "final value over 1",
        ("denominator_is_one",),
        (JOBLESS,),
        at(JOBLESS, numerator=lambda form: round(value(form, JOBLESS), 2), denominator=1.0),
        JOBLESS,
        "G",
        extra=lambda form: JOBLESS in form.entries and value(form, JOBLESS) < 1,
    ),
    Kind(
        "result beside other parts",
        ("result_differs",),
        (POVERTY,),
        at(POVERTY, result=lambda form: round(1.5 * value(form, POVERTY) + 1, 2)),
        POVERTY,
        "H",
    ),
    Kind(
        "fraction beside its parts",
        ("result_is_fraction",),
        (LITERACY,),
        at(LITERACY, result=lambda form: round(value(form, LITERACY) / 100, 4)),
        LITERACY,
        "H",
    ),
    Kind("Reported NO beside a value", ("value_marked_not_reported",), (SME,), at(SME, reported=False), SME, "K"),
    Kind(
        "share above 100",
        ("within_bounds",),
        (LITERACY,),
        at(LITERACY, numerator=lambda form: round(1.2 * parts(form, LITERACY)[1])),
        LITERACY,
        "F",
    ),
    Kind("negative number", ("within_bounds",), (DOCTORS,), at(DOCTORS, numerator=scaled(DOCTORS, -1)), DOCTORS, "F"),
    Kind(
        "source missing",
        ("source_missing",),
        (LITERACY,),
        at(LITERACY, source=None, source_details=None),
        LITERACY,
        "O",
    ),
    # Denominators.
    Kind(
        "population under a rate",
        ("denominator_not_per_100000",),
        (DOCTORS,),
        at(DOCTORS, denominator=lambda form: form.profile["population"]),
        DOCTORS,
        "G",
    ),
    Kind(
        "inhabitants for households",
        ("households_are_inhabitants",),
        (NET,),
        at(NET, denominator=lambda form: form.profile["population"]),
        NET,
        "G",
    ),
    Kind(
        "inhabitants for live births",
        ("per_100000_inhabitants_not_births",),
        (BIRTHS,),
        at(BIRTHS, denominator=lambda form: form.profile["population"]),
        BIRTHS,
        "G",
    ),
    Kind(
        "denominator of another area",
        ("denominator_far_from_profile", "denominator_far_from_elsewhere"),
        (POVERTY,),
        at(POVERTY, denominator=lambda form: round(1.3 * form.profile["population"])),
        POVERTY,
        "G",
    ),
    Kind(
        "households 7 % off",
        ("denominator_off_profile", "denominator_far_from_elsewhere"),
        (WATER,),
        at(WATER, denominator=lambda form: round(1.07 * form.profile["households"])),
        WATER,
        "G",
    ),
    Kind(
        "school age is everybody",
        ("school_age_implausible",),
        (SCHOOL,),
        at(SCHOOL, denominator=lambda form: form.profile["population"]),
        SCHOOL,
        "G",
    ),
    Kind(
        "other count of interruptions",
        ("interruptions_differ",),
        (OUTAGES, OUTAGE_TIME),
        at(OUTAGE_TIME, denominator=lambda form: round(1.4 * parts(form, OUTAGES)[0])),
        OUTAGE_TIME,
        "G",
    ),
    # Units.
    Kind(
        "Gini from 0 to 100",
        ("gini_on_0_to_100",),
        (),
        alone(GINI, lambda form: round(100 * value(form, GINI), 1)),
        GINI,
        "H",
        extra=lambda form: GINI in form.entries,
    ),
    Kind(
        "fraction for a percentage",
        ("maybe_fraction",),
        (LITERACY,),
        alone(LITERACY, lambda form: round(value(form, LITERACY) / 100, 4)),
        LITERACY,
        "H",
    ),
    Kind(
        "concentration as numerator",
        ("numerator_is_concentration",),
        (PM25,),
        at(PM25, numerator=lambda form: round(value(form, PM25), 1), denominator="NR"),
        PM25,
        "F",
    ),
    Kind("NO2 in ppm", ("pollutant_very_low",), (NO2,), alone(NO2, lambda form: value(form, NO2) / 1900), NO2, "H"),
    Kind(
        "ratio as percentage",
        ("ratio_looks_like_percentage",),
        (EQUITY,),
        alone(EQUITY, lambda form: round(100 * value(form, EQUITY), 1)),
        EQUITY,
        "H",
    ),
    Kind(
        "thousands as they are", SIZE, (POWER_USE,), at(POWER_USE, numerator=scaled(POWER_USE, 0.001)), POWER_USE, "F"
    ),
    Kind("ten times too many", SIZE, (DOCTORS,), at(DOCTORS, numerator=scaled(DOCTORS, 10)), DOCTORS, "F"),
    Kind(
        "cubic metres for litres", SIZE, (WATER_USE,), at(WATER_USE, numerator=scaled(WATER_USE, 0.001)), WATER_USE, "F"
    ),
    Kind("hectares for km²", ("area_above_city", *SIZE), (WALK,), at(WALK, numerator=scaled(WALK, 100)), WALK, "F"),
    Kind(
        "hours for minutes",
        ("interruption_time_of_customers", *SIZE),
        (OUTAGE_TIME,),
        at(OUTAGE_TIME, numerator=scaled(OUTAGE_TIME, 1 / 60)),
        OUTAGE_TIME,
        "FH",
    ),
    # Data points that must fit.
    Kind(
        "mode share wrong",
        ("mode_shares_not_100",),
        (CAR,),
        at(CAR, numerator=scaled(CAR, 0.5)),
        CAR,
        extra=lambda form: CAR in form.entries and value(form, CAR) > 10,
    ),
    Kind(
        "waste share wrong",
        ("waste_shares_not_100",),
        (LANDFILL,),
        at(LANDFILL, numerator=scaled(LANDFILL, 0.5)),
        LANDFILL,
        extra=lambda form: LANDFILL in form.entries and value(form, LANDFILL) > 10,
    ),
    Kind(
        "secondary above primary",
        ("secondary_above_primary",),
        (PRIMARY, SECONDARY),
        _swapped(PRIMARY, SECONDARY),
        SECONDARY,
        extra=lambda form: PRIMARY in form.entries and value(form, PRIMARY) - value(form, SECONDARY) > 1,
    ),
    Kind(
        "potable above basic",
        ("potable_above_basic",),
        (WATER, POTABLE),
        _swapped(WATER, POTABLE),
        POTABLE,
        extra=lambda form: WATER in form.entries and value(form, WATER) - value(form, POTABLE) > 1,
    ),
    Kind("fine dust and dust swapped", ("fine_dust_above_dust",), (PM25, PM10), _swapped(PM25, PM10), PM25),
    Kind(
        "travel times swapped",
        ("travel_time_below_1",),
        (TRAVEL,),
        at(TRAVEL, numerator=lambda form: parts(form, TRAVEL)[1], denominator=lambda form: parts(form, TRAVEL)[0]),
        TRAVEL,
        extra=lambda form: TRAVEL in form.entries and value(form, TRAVEL) > 1.01,
    ),
    Kind("youth below total", ("youth_below_total",), (JOBLESS, YOUTH), _swapped(JOBLESS, YOUTH), YOUTH),
    Kind(
        "other count of data sets",
        ("open_data_counts_differ",),
        (SETS, SETS_SHARE),
        at(SETS, numerator=lambda form: parts(form, SETS)[0] + 7),
        SETS,
        "F",
    ),
    # The whole.
    Kind(
        "households for population",
        ("households_implausible",),
        (),
        of_profile(
            population=lambda form: form.profile["households"], households=lambda form: form.profile["population"]
        ),
        "profile.households",
    ),
    Kind(
        "area in hectares",
        ("density_implausible",),
        (),
        of_profile(area_km2=lambda form: 1e5 * form.profile["area_km2"]),
        "profile.area_km2",
    ),
    Kind(
        "population of the region",
        ("population_jumped",),
        (),
        of_profile(
            population=lambda form: 1.4 * form.profile["population"],
            households=lambda form: 1.4 * form.profile["households"],
        ),
        "profile.population",
    ),
    Kind(
        "area of the region",
        ("area_changed",),
        (),
        of_profile(area_km2=lambda form: 1.5 * form.profile["area_km2"]),
        "profile.area_km2",
    ),
    Kind(
        "GDP in thousands",
        ("gdp_jumped",),
        (),
        of_profile(city_gdp=lambda form: form.profile["city_gdp"] / 1000),
        "profile.city_gdp",
    ),
    Kind("currency of no list", ("unknown_code",), (), of_profile(currency=lambda _: "kroner"), "profile.currency"),
    Kind("values of another city", ("copied_from_other_city",), COPIED, _copied, DOCTORS, "H"),
    Kind("last year's workbook", ("copied_from_last_year",), (LITERACY,), _stale, None),
    Kind("0 for what is not known", ("zero_without_comment",), (DOCTORS,), at(DOCTORS, numerator=0.0), DOCTORS, "F"),
)
