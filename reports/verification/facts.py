"""What a verification report tells, as words and figures, in the order of U4SSC's reports.

What belongs here: counting, choosing and wording. What does not: layout (``report.typ``, `report_page.py`), and what
was found and decided, which the caller brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports import words
from reports.figures import Part, group, wheel
from reports.figures.palette import BANDS, UNCOMPARED, legend
from reports.verification.recommendations import recommended
from ssc_index.framework.catalogue import Catalogue, Kpi

VERIFIED, NOT_VERIFIED, NOT_REPORTED_WORD = "verified", "not verified", "not reported"
# Why a reported data point is not verified, where nobody has looked at it yet.
UNDECIDED = "no verdict yet"
OUTCOMES = {
    "pending": "not concluded yet",
    "verified": "verified",
    "partly_verified": "partly verified",
    "rejected": "rejected",
}
# Whoever has less has room for improvement.
# What a finding of each severity does to a value.
EFFECTS = {"error": "kept out", "warning": "to check"}
FULL_POINTS = 4
IMPROVEMENTS_SHOWN = 15


@dataclass(frozen=True)
class Verified:
    """A submission after its verification.

    Attributes:
        city: Name of the city.
        city_id: Its key.
        year: Reference year.
        outcome: ``pending``, ``verified``, ``partly_verified`` or ``rejected``.
        mode: ``onsite``, ``remote`` or nothing.
        on: Day of the outcome, or nothing.
        verifier: Who gave it, or nothing.
        received_on: Day of the receipt, or nothing.
        values: Value of each data point that is reported and verified.
        unverified: Why, for each data point that is reported but not verified.
        points: By data point with a benchmark: ``points, band, target, target_share``.
        cuts: By cut and node: ``percentage, band, points, max_points, n_scored``.
        findings: Rows with ``severity, rule, data_point, message, cell, sheet``.
        accepted: Findings that the verifier accepted, with reasons.
        questions: Number, data point, question and answer of each question.
        is_demo: Whether the city is invented.
    """

    city: str
    city_id: str
    year: int
    outcome: str
    mode: str
    on: str
    verifier: str
    received_on: str
    values: Mapping[str, float]
    unverified: Mapping[str, str]
    points: Mapping[str, Mapping[str, Any]]
    cuts: Mapping[tuple[str, str], Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)
    questions: Sequence[tuple[int, str, str, str]] = ()
    is_demo: bool = False


def report_facts(one: Verified, catalogue: Catalogue) -> dict[str, Any]:
    """The facts of a report: texts, tables of texts, and a figure as SVG.

    Args:
        one: The submission.
        catalogue: The KPI catalogue.
    """
    rows = _rows(one, catalogue)
    states = {row["data_point"]: row["state"] for row in rows}
    counts = {word: sum(state == word for state in states.values()) for word in (VERIFIED, NOT_VERIFIED)}
    mode = f", {one.mode}" if one.mode else ""
    return {
        "city": one.city,
        "city_id": one.city_id,
        "year": str(one.year),
        "notice": "Invented data: a demonstration." if one.is_demo else "",
        "confidential": "Confidential. Published only at the discretion of the city.",
        "introduction": _introduction(one, catalogue),
        "key_figures": [
            [OUTCOMES[one.outcome], f"outcome{mode}"],
            [str(sum(counts.values())), f"of {len(rows)} data points reported"],
            [str(counts[VERIFIED]), "of these verified"],
            [_percentage(one, "total", "index"), "of benchmark points"],
        ],
        "kpi_summary": _summary(catalogue, states, by_kpi=True),
        "point_summary": _summary(catalogue, states, by_kpi=False),
        "wheel": _wheel(one, catalogue, states),
        "legend": legend("without a target", "not reported or not verified"),
        "benchmarks": _benchmarks(one, catalogue),
        "scoring": [[band.name, f"{band.points} of {FULL_POINTS}"] for band in catalogue.scoring.bands],
        "results": _results(rows),
        "not_reported": _not_reported(catalogue, states),
        "not_verified": [
            [row["kpi"], row["name"], one.unverified[row["data_point"]]] for row in rows if row["state"] == NOT_VERIFIED
        ],
        "questions": [
            [str(number), _named(catalogue, point), asked, answer or "no answer"]
            for number, point, asked, answer in one.questions
        ],
        "accepted": [[_named_finding(catalogue, finding), why] for finding, why in one.accepted.items()],
        "open_findings": [
            [
                f"{row['sheet']}!{row['cell']}" if row["sheet"] else row["cell"] or "–",
                _named(catalogue, row["data_point"] or ""),
                EFFECTS[row["severity"]],
                row["message"],
            ]
            for row in one.findings
            if row["severity"] in EFFECTS
        ],
        "recommendations": [
            {"heading": rule.heading, "text": rule.text, "because": ", ".join(low), "source": rule.source.title,
             "href": rule.source.href, "category": rule.category}
            for rule, low in recommended(rows)
        ],
        "improvements": _improvements(rows),
        "none": _none(rows),
        "next_steps": _next_steps(one, len(rows) - sum(counts.values())),
    }  # fmt: skip


def _rows(one: Verified, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every data point of the catalogue with its state, value and benchmark."""
    rows = []
    for kpi in catalogue.kpis:
        for point in kpi.data_points:
            scored = one.points.get(point.id, {})
            state = VERIFIED if point.id in one.values else NOT_REPORTED_WORD
            state = NOT_VERIFIED if point.id in one.unverified else state
            is_whole = len(kpi.data_points) == 1 or point.name.startswith(kpi.name)
            name = point.name if is_whole else f"{kpi.name}: {point.name}"
            rows.append(
                {
                    "data_point": point.id,
                    "kpi": kpi.printed_code,
                    "name": name,
                    "dimension": kpi.dimension,
                    "category": kpi.category,
                    "state": state,
                    "value": one.values.get(point.id),
                    "unit": point.unit,
                    "points": scored.get("points"),
                    "band": scored.get("band"),
                    "target": scored.get("target"),
                    "share": scored.get("target_share"),
                }
            )
    return rows


def _introduction(one: Verified, catalogue: Catalogue) -> list[str]:
    mode = f" {one.mode}" if one.mode else ""
    came = f" The workbook was received on {one.received_on}." if one.received_on else ""
    done = f" The verification was concluded on {one.on} by {one.verifier}." if one.on and one.verifier else ""
    return [
        f"{one.city} reports the key performance indicators for smart sustainable cities (U4SSC, Recommendation ITU-T "
        f"Y.4903) for {one.year}: {len(catalogue.kpis)} KPIs with {len(catalogue.data_points)} data points in the "
        "dimensions economy, environment, and society and culture.",
        f"This report tells the outcome of the{mode} verification: {OUTCOMES[one.outcome]}.{came}{done}",
    ]


def _summary(catalogue: Catalogue, states: Mapping[str, str], *, by_kpi: bool) -> list[list[str]]:
    """By dimension and in all: asked for, reported, reported in part (KPIs only), not reported, verified."""
    names = list(dict.fromkeys(kpi.dimension for kpi in catalogue.kpis))
    lines = []
    for name in [*names, "All"]:
        kpis = [kpi for kpi in catalogue.kpis if name in (kpi.dimension, "All")]
        lines.append([name, *map(str, _kpi_counts(kpis, states) if by_kpi else _point_counts(kpis, states))])
    return lines


def _kpi_counts(kpis: Sequence[Kpi], states: Mapping[str, str]) -> list[int]:
    told = [[states[point.id] for point in kpi.data_points] for kpi in kpis]
    given = [sum(state != NOT_REPORTED_WORD for state in one) for one in told]
    whole = sum(count == len(one) for count, one in zip(given, told, strict=True))
    none = sum(count == 0 for count in given)
    verified = sum(all(state == VERIFIED for state in one) for one in told)
    return [len(kpis), whole, len(kpis) - whole - none, none, verified]


def _point_counts(kpis: Sequence[Kpi], states: Mapping[str, str]) -> list[int]:
    told = [states[point.id] for kpi in kpis for point in kpi.data_points]
    given = sum(state != NOT_REPORTED_WORD for state in told)
    return [len(told), given, len(told) - given, sum(state == VERIFIED for state in told)]


def _percentage(one: Verified, cut: str, node: str) -> str:
    row = one.cuts.get((cut, node))
    return "–" if row is None or row["percentage"] is None else f"{words.score(row['percentage'])} %"


def _wheel(one: Verified, catalogue: Catalogue, states: Mapping[str, str]) -> str:
    """The benchmark wheel: dimensions, categories, data points."""
    dimensions: dict[str, dict[str, list[Part]]] = {}
    codes = {}
    for kpi in catalogue.kpis:
        codes[kpi.dimension] = catalogue.dimension_code(kpi)
        within = dimensions.setdefault(kpi.dimension, {}).setdefault(kpi.category, [])
        for point in kpi.data_points:
            value = one.values.get(point.id)
            if value is None:
                within.append(Part(point.name, None, states[point.id]))
            else:
                band = one.points.get(point.id, {}).get("band") or UNCOMPARED.key
                within.append(Part(point.name, band, words.amount(value, point.unit)))

    def cut(name: str, kind: str, node: str, parts: tuple[Part, ...]) -> Part:
        row = one.cuts.get((kind, node))
        if row is None:
            return group(name, None, "no benchmark", parts)
        return group(name, row["band"], _percentage(one, kind, node), parts)

    parts = [
        cut(name, "dimension", codes[name],
            tuple(cut(category, "category", f"{codes[name]}: {category}", tuple(points))
                  for category, points in categories.items()))
        for name, categories in dimensions.items()
    ]  # fmt: skip
    centre = (_percentage(one, "total", "index").removesuffix(" %"), "% of benchmark points")
    told = "Rings from the inside: dimensions, categories, data points, coloured by the share of the target reached."
    return wheel(parts, centre, title=f"Benchmark wheel of {one.city}", description=told)


def _benchmarks(one: Verified, catalogue: Catalogue) -> list[list[str]]:
    """Percentages of benchmark points: all, dimensions, and their categories."""
    rows = [["All", _percentage(one, "total", "index"), _of(one, "total", "index"), "main"]]
    done = set()
    for kpi in catalogue.kpis:
        code = catalogue.dimension_code(kpi)
        for cut, node, name, kind in (
            ("dimension", code, kpi.dimension, "main"),
            ("category", f"{code}: {kpi.category}", kpi.category, ""),
        ):
            if node not in done:
                done.add(node)
                rows.append([name, _percentage(one, cut, node), _of(one, cut, node), kind])
    return rows


def _of(one: Verified, cut: str, node: str) -> str:
    row = one.cuts.get((cut, node))
    return "–" if row is None or row["points"] is None else f"{row['points']} of {row['max_points']}"


def _results(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Results by dimension and category: name, value, state, points, share of target and band."""
    groups: dict[tuple[str, str], list[list[str]]] = {}
    fills = {band.key: band.fill for band in BANDS}
    for row in rows:
        value = row["state"] if row["value"] is None else words.amount(row["value"], row["unit"])
        share = "" if row["share"] is None else words.percent(row["share"])
        target = "no benchmark" if row["target"] is None else words.amount(row["target"], row["unit"])
        if row["value"] is None:
            target = share = ""
        points = "" if row["points"] is None else f"{row['points']}"
        line = [row["kpi"], row["name"], value, target, share, points, fills.get(row["band"], "")]
        groups.setdefault((row["dimension"], row["category"]), []).append(line)
    return [{"dimension": key[0], "category": key[1], "rows": lines} for key, lines in groups.items()]


def _not_reported(catalogue: Catalogue, states: Mapping[str, str]) -> list[list[str]]:
    """KPIs without a report, and those reported in part with what is missing."""
    rows = []
    for kpi in catalogue.kpis:
        missing = [point for point in kpi.data_points if states[point.id] == NOT_REPORTED_WORD]
        if missing:
            partial = len(missing) < len(kpi.data_points)
            told = (
                f"partial – following not reported: {'; '.join(one.name for one in missing)}"
                if partial
                else "not reported"
            )
            rows.append([kpi.printed_code, kpi.name, kpi.level, told])
    return rows


def _improvements(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Data points furthest from their targets."""
    low = [
        row for row in rows if row["points"] is not None and row["points"] < FULL_POINTS and row["share"] is not None
    ]
    low.sort(key=lambda row: (row["points"], row["share"], row["data_point"]))
    return [
        [
            row["name"],
            row["category"],
            *(words.amount(row[name], row["unit"]) for name in ("value", "target")),
            words.percent(row["share"]),
        ]
        for row in low[:IMPROVEMENTS_SHOWN]
    ]


def _none(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is said where a section has nothing to list: that all is well only where there is something."""
    is_reported = any(row["state"] != NOT_REPORTED_WORD for row in rows)
    is_compared = any(row["points"] is not None for row in rows)
    nothing = "Nothing that has a benchmark is verified."
    return {
        "not_reported": "None: every KPI is reported.",
        "not_verified": "None: every reported data point is verified." if is_reported else "Nothing is reported.",
        "recommendations": "None: no category lies at two points or below." if is_compared else nothing,
        "improvements": "None: every benchmark is reached." if is_compared else nothing,
    }


def _next_steps(one: Verified, missing: int) -> list[str]:
    steps = []
    if one.outcome == "rejected":
        steps.append("Correct the workbook as the findings say and send it again as a revision.")
    if waiting := [asked_for for _, _, asked_for, answer in one.questions if not answer]:
        steps.append(f"Answer the {len(waiting)} open question{'s' if len(waiting) > 1 else ''} of the verifier.")
    undecided = sum(why == UNDECIDED for why in one.unverified.values())
    if undecided:
        steps.append(
            f"Wait for the verifier's verdict on {undecided} reported data point{'' if undecided == 1 else 's'}."
        )
    if refused := len(one.unverified) - undecided:
        told = "1 data point that is" if refused == 1 else f"{refused} data points that are"
        steps.append(f"Give what is missing for the {told} reported but not verified; section 8 says why.")
    if missing:
        steps.append(f"Collect the {missing} data points that are not reported, core KPIs first.")
    steps.append("Decide what may be published: nothing, scores, values, or this report.")
    steps.append("Discuss the recommendations with the departments concerned, and report again for the next year.")
    return steps


def _named(catalogue: Catalogue, point: str) -> str:
    known = {one.id: one.name for one in catalogue.data_points}
    return known.get(point, "the submission")


def _named_finding(catalogue: Catalogue, finding: str) -> str:
    rule, _, point = finding.partition("@")
    return f"{rule.strip()}: {_named(catalogue, point.strip())}"
