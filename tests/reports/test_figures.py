"""Figures: what stands in the SVG, read back by an XML parser."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from reports.figures import (
    BANDS,
    Gap,
    Influence,
    Mark,
    Part,
    RankInterval,
    SlopeLine,
    WaterfallStep,
    acceptability_map,
    correlation_map,
    distribution_strip,
    palette,
    rank_intervals,
    sensitivity_bars,
    slope_chart,
    waterfall,
    weight_gaps,
    wheel,
)
from reports.figures.svg import ticks

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "Łódź <script>alert('1')</script> & \"co\" \x07"
WORDS = {"title": "A title & more", "description": "What it <shows>"}

POINTS = (
    Part("one", "above_95", "96 %"),
    Part("two", None, "not reported"),
    Part("three", "below_33", "3 %"),
)
DIMENSIONS = (
    Part("Economy", "from_66_to_95", "70 %", (Part("ICT", "from_33_to_66", "50 %", POINTS),)),
    Part("Environment", None, "not reported", (Part(NASTY, None, "none", POINTS[:1]),)),
)
FIGURES = {
    "wheel": wheel(DIMENSIONS, ("62.5", "% of targets"), **WORDS),
    "intervals": rank_intervals([RankInterval(NASTY, 2, 1.0, 4.0), RankInterval("b", 3, 2.0, 9.0, True)], **WORDS),
    "strip": distribution_strip([Mark(NASTY, 1.0), Mark("b", 3.0, True)], references=[("Target", 5.0)], **WORDS),
    "slope": slope_chart([SlopeLine(NASTY, 1, 3), SlopeLine("b", 2, 1, True)], editions=("2024", "2025"), **WORDS),
    "waterfall": waterfall(("2024", 50.0), [WaterfallStep(NASTY, 2.0)], ("2025", 52.0), **WORDS),
    "correlations": correlation_map(["a", NASTY], [[1.0, math.nan], [-0.5, 1.0]], **WORDS),
    "bars": sensitivity_bars([Influence(NASTY, -0.01, (-0.1, 0.2), 0.5, (0.3, 0.75))], **WORDS),
    "gaps": weight_gaps([Gap(NASTY, 0.25, 0.5, True), Gap("b", 0.75, 0.5)], **WORDS),
    "acceptability": acceptability_map([NASTY], [[0.25, 0.75, math.nan]], **WORDS),
}


def of(svg: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(SVG + name))


@pytest.mark.parametrize("svg", FIGURES.values(), ids=FIGURES)
def test_every_figure_names_and_describes_itself(svg: str) -> None:
    root = ET.fromstring(svg)
    title, told = root[0], root[1]
    assert (title.tag, title.text, told.tag, told.text) == (
        SVG + "title",
        WORDS["title"],
        SVG + "desc",
        WORDS["description"],
    )
    assert root.get("role") == "img"
    assert root.get("aria-labelledby", "").split() == [title.get("id"), told.get("id")]


@pytest.mark.parametrize("svg", FIGURES.values(), ids=FIGURES)
def test_what_people_wrote_stays_text(svg: str) -> None:
    assert of(svg, "script") == []
    assert "\x07" not in svg
    assert any("Łódź" in (text or "") for text in ET.fromstring(svg).itertext())


@pytest.mark.parametrize("svg", FIGURES.values(), ids=FIGURES)
def test_no_coordinate_is_missing_or_leaves_the_picture(svg: str) -> None:
    assert "nan" not in re.sub(r">[^<]*<", "><", svg)
    root = ET.fromstring(svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for circle in root.iter(SVG + "circle"):
        assert 0 <= float(circle.get("cx", -1)) <= width
        assert 0 <= float(circle.get("cy", -1)) <= height


def test_wheel_has_a_sector_for_each_part_in_the_colour_of_its_band() -> None:
    sectors = [path for path in of(FIGURES["wheel"], "path") if "f-band" in path.get("class", "")]
    # 2 dimensions, 2 categories, 4 data points: one from_66_to_95, one from_33_to_66, two above_95, one below_33;
    # Environment, its category and the data point "two" are not reported.
    fill = {band.key: band.fill for band in BANDS}
    expected = {
        fill["from_66_to_95"]: 1,
        fill["from_33_to_66"]: 1,
        fill["above_95"]: 2,
        fill["below_33"]: 1,
        palette.NOT_REPORTED: 3,
    }
    assert Counter(path.get("fill") for path in sectors) == expected


def test_wheel_gives_every_data_point_the_same_angle() -> None:
    # Four data points: the outer ring's sectors begin at 0, 90, 180 and 270 degrees of the outer radius 214.
    outer = [path.get("d", "") for path in of(FIGURES["wheel"], "path") if "A214 214" in path.get("d", "")]
    starts = [tuple(map(float, re.findall(r"-?[\d.]+", d)[:2])) for d in outer]
    centre = 690 / 2
    assert starts == [
        (centre, centre - 214),
        (centre + 214, centre),
        (centre, centre + 214),
        (centre - 214, centre),
    ]


def test_a_city_whose_only_dimension_is_one_data_point_fills_the_whole_turn() -> None:
    whole = wheel([Part("D", "above_95", "1", (Part("C", None, "2", (Part("P", None, "3"),)),))], ("", ""), **WORDS)
    assert all(path.get("d", "").count("M") == 2 for path in of(whole, "path") if "f-band" in path.get("class", ""))


def test_an_interval_spans_its_ranks() -> None:
    # Ranks 1 to 9 over 640 - 190 - 24 = 426 units: rank r lies at 190 + 53.25 (r - 1).
    bars = [bar for bar in of(FIGURES["intervals"], "line") if bar.get("stroke-width") == "5"]
    assert [(bar.get("x1"), bar.get("x2")) for bar in bars] == [("190", "349.75"), ("243.25", "616")]


def test_bars_end_at_their_index_and_no_bar_is_shorter_than_none() -> None:
    # 0 to 0.7725 (1.03 times the end of the widest interval) over 640 - 190 - 24 = 426 units, beside two of the legend.
    bars = [float(bar.get("width", -1)) for bar in of(FIGURES["bars"], "rect")]
    assert bars == [18, 18, 0, pytest.approx(426 * 0.5 / 0.7725, abs=0.01)]
    whiskers = [line for line in of(FIGURES["bars"], "line") if line.get("stroke-width") == "1.2"]
    ends = [190, 190 + 426 * 0.2 / 0.7725, 190 + 426 * 0.3 / 0.7725, 190 + 426 * 0.75 / 0.7725]
    found = [float(whisker.get(end, 0)) for whisker in (whiskers[0], whiskers[3]) for end in ("x1", "x2")]
    assert found == pytest.approx(ends, abs=0.01)


def test_a_gap_leads_from_the_weight_to_the_importance_in_the_colour_of_its_sign() -> None:
    # Shares 0 to 0.7875 (1.05 times the largest) over 640 - 230 - 40 = 370 units.
    at = [230 + 370 * share / 0.7875 for share in (0.25, 0.5, 0.75, 0.5)]
    bars = [bar for bar in of(FIGURES["gaps"], "line") if bar.get("stroke-width") == "4"]
    found = [float(bar.get(end, 0)) for bar in bars for end in ("x1", "x2")]
    assert found == pytest.approx(at, abs=0.01)
    assert [bar.get("stroke") for bar in bars] == [palette.BETTER, palette.WORSE]


def test_equal_values_are_stacked_and_the_axis_holds_the_references() -> None:
    svg = distribution_strip([Mark("a", 2.0), Mark("b", 2.0), Mark("c", 4.0)], references=[("T", 0.0)], **WORDS)
    dots = [(float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in of(svg, "circle")]
    assert dots[0][0] == dots[1][0]
    assert dots[0][1] == dots[1][1] + 8  # one diameter above
    # 0 lies at the left end (24), 4 at the right (616), 2 in the middle.
    assert [dot[0] for dot in dots] == [320, 320, 616]


def test_strip_of_equal_values_or_none_has_an_axis() -> None:
    for marks in ([], [Mark("a", 3.0)]):
        assert len(of(distribution_strip(marks, **WORDS), "circle")) == len(marks)


def test_slope_rises_where_the_rank_falls_in_number() -> None:
    svg = slope_chart([SlopeLine("a", 1, 3), SlopeLine("b", 3, 1), SlopeLine("c", 2, 2)], editions=("x", "y"), **WORDS)
    slopes = {
        group[0].text: float(line.get("y2", 0)) - float(line.get("y1", 0))
        for group in of(svg, "g")
        for line in group.iter(SVG + "line")
    }
    assert slopes == {"a: rank 1 to 3, down 2": 34, "b: rank 3 to 1, up 2": -34, "c: rank 2 to 2, unchanged": 0}


def test_cities_of_equal_rank_have_rows_of_their_own() -> None:
    svg = slope_chart([SlopeLine("a", 1, 1), SlopeLine("b", 1, 1)], editions=("x", "y"), **WORDS)
    assert len({line.get("y1") for line in of(svg, "line")}) == 2


def test_waterfall_refuses_steps_that_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="give 53, not 52"):
        waterfall(("2024", 50.0), [WaterfallStep("Economy", 3.0)], ("2025", 52.0), **WORDS)


def test_waterfall_tells_each_change_with_its_sign() -> None:
    steps = [WaterfallStep("up", 2.0), WaterfallStep("down", -0.5)]
    svg = waterfall(("2024", 50.0), steps, ("2025", 51.5), **WORDS)
    told = [title.text for title in of(svg, "title")][1:]
    assert told == ["2024: 50.0", "up: +2.0", "down: −0.5", "2025: 51.5"]


def test_correlation_map_shows_the_unknown_in_grey() -> None:
    cells = [(cell.get("fill"), cell[0].text) for cell in of(FIGURES["correlations"], "rect")]
    assert cells[0] == (palette.BETTER, "a and a: 1.00")
    assert cells[1][0] == palette.NOT_REPORTED
    assert cells[1][1] is not None
    assert cells[1][1].endswith(": none")


def test_acceptability_map_is_darkest_at_the_likeliest_rank() -> None:
    fills = [cell.get("fill", "") for cell in of(FIGURES["acceptability"], "rect")]
    assert palette.luminance(fills[1]) < palette.luminance(fills[0])
    assert fills[2] == palette.NOT_REPORTED


def test_the_heading_of_a_map_of_few_ranks_is_within_the_picture() -> None:
    (heading,) = [one for one in of(FIGURES["acceptability"], "text") if (one.text or "").startswith("Rank, with")]
    width = float(ET.fromstring(FIGURES["acceptability"]).get("viewBox", "").split()[2])
    assert float(heading.get("x", "")) + 6.5 * len(heading.text or "") < width  # half a size and a bit, a letter


@pytest.mark.parametrize("band", [*BANDS, palette.UNREPORTED], ids=lambda band: band.key)
def test_text_on_a_band_has_a_contrast_of_four_and_a_half(band: palette.Band) -> None:
    lighter, darker = sorted((palette.luminance(band.fill), palette.luminance(band.ink)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def seen_by_deuteranope(colour: str) -> tuple[float, float, float]:
    """A colour as people without M cones see it (Viénot, Brettel and Mollon 1999), linear RGB."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    yellow = 0.29275 * red + 0.70725 * green
    return yellow, yellow, -0.02234 * red + 0.02234 * green + blue


def test_neighbouring_bands_differ_for_a_deuteranope() -> None:
    colours = [seen_by_deuteranope(band.fill) for band in (*BANDS, palette.UNREPORTED)]
    for count, first in enumerate(colours):
        for second in colours[count + 1 :]:
            assert math.dist(first, second) > 0.12


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 100.0, [0, 25, 50, 75, 100]), (3.0, 3.0, [3]), (0.0, 0.3, [0, 0.1, 0.2, 0.3]), (37.2, 78.9, [40, 60])],
)
def test_ticks_are_round_numbers_within_the_scale(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)
