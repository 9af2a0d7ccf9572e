"""What a value can be held against: the city's own past, and the other cities of the same year.

What belongs here: robust distances on a scale that fits the data point, and equal values of different cities. What
does not: when a distance is too great (the rules).

A distance is a robust z: (x - median) / (1.4826 * median absolute deviation), on the logarithm where values run from
0 upwards, on the logit where they are percentages, else as they are. The deviation has a floor, so that a group that
agrees to the last digit does not make every other value an outlier.

Source: OECD/JRC Handbook on composite indicators (2008), step 3; Leys et al. (2013), DOI 10.1016/j.jesp.2013.03.013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.framework.catalogue import Catalogue, DataPoint

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Positions = NDArray[np.intp]

# Fewer cities than these are no group to compare with.
FEWEST_PEERS = 12
# How far back a value counts as the city's own past.
OLDEST = 3
# Deviations are at least so large, by scale: ten per cent of a value, two points of a share of 95 %.
FLOORS = (0.10, 0.35, 0.10)
# Where too few cities have a past: a usual change from one report to the next, on the same scales.
USUAL_CHANGE = 0.25
TO_SIGMA = 1.4826
# A distance that calls for a reason, and the factors by which decimal marks and units slip.
FAR = 8
SLIPS = (10.0, 100.0, 1_000.0, 100_000.0, 0.1, 0.01, 0.001, 0.00001)
# Shares are held between these before the logit.
LEAST_SHARE = 0.01
# Copies: so many equal values of so many digits with one other city.
FEWEST_TWINS, FEWEST_DIGITS = 4, 4
# A value that more cities have is a common value, not a copy.
MOST_ALIKE = 12

LOG, LOGIT, PLAIN = 0, 1, 2

# Figures of the profile that are held against the city's own past, by their names among past values.
PAST_PROFILE = ("profile.population", "profile.households", "profile.area_km2", "profile.city_gdp")


@dataclass(frozen=True)
class Evidence:
    """Other years and other cities, for a batch of n submissions and p data points.

    Attributes:
        previous: The city's latest earlier value, shape (n, p); NaN where there is none.
        previous_year: Its year, shape (n, p).
        group: Peer group of each submission, from 0; -1 has none.
        is_reference: Whether the submission counts as a peer: one for each city.
        city: Position of each submission's city.
        scales: Scale of each data point.
        spans: On a plain scale, what counts as 1; shape (p,).
        previous_profile: Figures of `PAST_PROFILE` in the city's latest earlier submission, shape (n, 4).
        previous_profile_year: Its year, shape (n, 1).
        elders: The latest earlier value of each city, shape (cities, p), and its peer group: who is asked where too few
            cities have reported this year yet.
    """

    previous: Floats
    previous_year: Floats
    group: Positions
    is_reference: Booleans
    city: Positions
    scales: Positions
    spans: Floats
    previous_profile: Floats
    previous_profile_year: Floats
    elders: Callable[[], tuple[Floats, Positions]]
    _cache: dict[str, tuple[Floats, Floats]] = field(default_factory=dict, compare=False)

    @classmethod
    def none(cls, n_submissions: int, catalogue: Catalogue) -> Evidence:
        """No other year and no other city."""
        return gather(
            pl.DataFrame({"city_id": [str(at) for at in range(n_submissions)], "year": [0] * n_submissions}),
            None,
            None,
            None,
            catalogue,
        )

    def peer_median(self, value: Floats) -> Floats:
        """Middle of the peers' values, shape (n, p)."""
        middle, _ = self._peers(value)
        return self._back(middle)

    def peer_middle(self, value: Floats) -> Floats:
        """About what the peers gave, to be told to a city: shape (n, p), missing where the median is.

        The mean of the middle half of them on the data point's scale, to two digits. Of an odd number of peers the
        median is the number of one city, which may not be told; this is the number of none, and at least six go into
        it.
        """
        points = np.arange(value.shape[1])
        x, reference = self._to(value, points), self.is_reference
        middle = self._by_group(_mean_of_middle_half, x[reference], self.group[reference], value.shape)
        unknown = np.isnan(middle)
        if unknown.any():
            elders, group = self.elders()
            middle[unknown] = self._by_group(_mean_of_middle_half, self._to(elders, points), group, value.shape)[
                unknown
            ]
        return _two_digits(self._back(middle))

    def peer_z(self, x: Floats, value: Floats, points: Positions) -> Floats:
        """Robust z of numbers against the peers' values.

        Args:
            x: Numbers, shape (n, number of ``points``).
            value: Values of the whole batch, shape (n, p).
            points: Positions of the data points.
        """
        middle, deviation = (part[:, points] for part in self._peers(value))
        distance: Floats = (self._to(x, points) - middle) / deviation
        return distance

    def jump_z(self, x: Floats, value: Floats, points: Positions) -> Floats:
        """Robust z of the change from the city's own past to numbers, against the changes of all cities.

        Args:
            x: Numbers, shape (n, number of ``points``).
            value: Values of the whole batch, shape (n, p).
            points: Positions of the data points.
        """
        middle, deviation = (part[:, points] for part in self._changes(value))
        change = self._to(x, points) - self._to(self.previous[:, points], points)
        distance: Floats = (change - middle) / deviation
        return distance

    def slipped_z(self, value: Floats) -> Floats:
        """Smallest distance to the city's own past that a slip of the decimal mark or the unit would leave.

        Told only where the value itself is farther than `FAR` from it; else missing.
        """
        every = np.arange(value.shape[1])
        at = np.nonzero(np.abs(self.jump_z(value, value, every)) > FAR)
        points = at[1]
        middle, deviation = (part[0, points] for part in self._changes(value))
        before = self._to(self.previous[at][np.newaxis], points)[0]
        distances = [
            np.abs(self._to((value[at] * factor)[np.newaxis], points)[0] - before - middle) / deviation
            for factor in SLIPS
        ]
        least = np.full(value.shape, np.nan)
        least[at] = np.fmin.reduce(distances)
        return least

    def twins(self, value: Floats) -> Floats:
        """With how many values of one other city a city's are equal, told at each of these values; else 0."""
        counts = np.zeros(value.shape)
        reference = np.flatnonzero(self.is_reference)
        is_named = _digits(value[reference]) >= FEWEST_DIGITS
        pairs: dict[tuple[int, int], list[int]] = {}
        for point in range(value.shape[1]):
            column = value[reference, point]
            named = np.flatnonzero(is_named[:, point])
            _, inverse, size = np.unique(column[named], return_inverse=True, return_counts=True)
            order = np.argsort(inverse, kind="stable")
            ends = np.cumsum(size)
            for at in np.flatnonzero((size > 1) & (size <= MOST_ALIKE)):
                members = reference[named[order[ends[at] - size[at] : ends[at]]]]
                for left in members:
                    for right in members:
                        if self.city[left] != self.city[right]:
                            pairs.setdefault((int(left), int(right)), []).append(point)
        for (left, _), points in pairs.items():
            if len(points) >= FEWEST_TWINS:
                counts[left, points] = np.maximum(counts[left, points], len(points))
        return counts

    def _peers(self, value: Floats) -> tuple[Floats, Floats]:
        """Median and deviation of each submission's peers, shape (n, p); missing where there are too few.

        Peers are the cities of its group; where fewer than `FEWEST_PEERS` of them give a value, all cities; where these
        are too few as well, what the cities gave last.
        """
        if "peers" not in self._cache:
            points = np.arange(value.shape[1])
            x, reference = self._to(value, points), self.is_reference
            middle, deviation = self._centres(x[reference], self.group[reference], value.shape)
            if np.isnan(middle).any():
                elders, group = self.elders()
                unknown = np.isnan(middle)
                for own, last in zip(
                    (middle, deviation), self._centres(self._to(elders, points), group, value.shape), strict=True
                ):
                    own[unknown] = last[unknown]
            self._cache["peers"] = middle, deviation
        return self._cache["peers"]

    def _centres(self, x: Floats, group: Positions, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Median and deviation of some cities' numbers, for each submission over its group, else over all."""
        centre = partial(_centre, floors=np.array(FLOORS)[self.scales])
        middle = self._by_group(lambda numbers: np.stack(centre(numbers)), x, group, (2, *shape))
        return middle[0], middle[1]

    def _by_group(self, of: Callable[[Floats], Floats], x: Floats, group: Positions, shape: tuple[int, ...]) -> Floats:
        """Figures of some cities' numbers, for each submission over its group, else over all.

        Args:
            of: From numbers, shape (cities, p), to figures, shape (…, p); missing where there are too few.
            x: Numbers of the cities, on the scale.
            group: Peer group of each city.
            shape: Shape of what is returned, (…, n, p).
        """
        out = np.full(shape, np.nan)
        out[:] = of(x)[..., np.newaxis, :]
        for one in np.unique(self.group[self.group >= 0]):
            own = of(x[group == one])[..., np.newaxis, :]
            members = self.group == one
            out[..., members, :] = np.where(np.isnan(own), out[..., members, :], own)
        return out

    def _changes(self, value: Floats) -> tuple[Floats, Floats]:
        """Median and deviation of the changes of all cities, shape (1, p)."""
        if "changes" not in self._cache:
            every = np.arange(value.shape[1])
            change = self._to(value, every) - self._to(self.previous, every)
            middle, deviation = _centre(change[self.is_reference], np.array(FLOORS)[self.scales])
            unknown = np.isnan(middle)
            middle[unknown], deviation[unknown] = 0.0, np.maximum(USUAL_CHANGE, np.array(FLOORS)[self.scales])[unknown]
            self._cache["changes"] = middle[np.newaxis], deviation[np.newaxis]
        return self._cache["changes"]

    def _to(self, x: Floats, points: Positions) -> Floats:
        """Numbers on the scale of their data points; zeros and less have no logarithm and are missing."""
        scales, out = self.scales[points], np.full(np.broadcast_shapes(x.shape, (1, len(points))), np.nan)
        x = np.broadcast_to(x, out.shape)
        at = scales == LOG
        positive = np.where(x[:, at] > 0, x[:, at], np.nan)
        out[:, at] = np.log(positive)
        at = scales == LOGIT
        share = x[:, at] / 100
        share = np.where((share >= 0) & (share <= 1), np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE), np.nan)
        out[:, at] = np.log(share / (1 - share))
        at = scales == PLAIN
        out[:, at] = x[:, at] / self.spans[points][at]
        return out

    def _back(self, x: Floats) -> Floats:
        """From the scale to values."""
        out = x * self.spans
        out[:, self.scales == LOG] = np.exp(x[:, self.scales == LOG])
        at = self.scales == LOGIT
        out[:, at] = 100 / (1 + np.exp(-x[:, at]))
        return out


def gather(
    submissions: pl.DataFrame,
    past: pl.DataFrame | None,
    income_groups: pl.DataFrame | None,
    is_reference: Booleans | None,
    catalogue: Catalogue,
) -> Evidence:
    """Evidence for a batch of submissions.

    Args:
        submissions: ``city_id`` and ``year`` of each, in the order of the batch.
        past: Values of earlier years: ``city_id, year, data_point, value``, figures of the profile by their names in
            `PAST_PROFILE`; None is none.
        income_groups: ``city_id, income_group``; None leaves all cities in one group.
        is_reference: Which submissions are peers; None takes the last of each city and year.
        catalogue: The KPI catalogue.

    Returns:
        The evidence; a city's past is its latest value of the last `OLDEST` years.
    """
    points = catalogue.data_points
    keyed = submissions.select("city_id", "year").with_row_index("submission")
    if is_reference is None:
        is_reference = keyed.select(pl.struct("city_id", "year").is_last_distinct()).to_series().to_numpy()
    shape = (submissions.height, len(points))
    # The figures of the profile stand behind the data points.
    ids = pl.DataFrame({"data_point": [*(point.id for point in points), *PAST_PROFILE]}).with_row_index("point")
    previous, previous_year = (np.full((shape[0], ids.height), np.nan) for _ in range(2))
    if past is not None and past.height:
        earlier = (
            keyed.join(
                past.drop_nulls("value").rename({"year": "past_year"}),
                on="city_id",
                how="inner",
                maintain_order="left_right",
            )
            .filter(pl.col("past_year").is_between(pl.col("year") - OLDEST, pl.col("year") - 1))
            .join(ids, on="data_point", how="inner", maintain_order="left")
            .select("submission", "point", "past_year", "value")
        )
        for year in sorted(earlier["past_year"].unique()):  # the latest is placed last and stays
            of_year = earlier.filter(pl.col("past_year") == year)
            at = of_year["submission"].to_numpy(), of_year["point"].to_numpy()
            previous[at] = of_year["value"].to_numpy()
            previous_year[at] = year
    groups = np.full(submissions.height, -1, dtype=np.intp)
    coded = None
    if income_groups is not None:
        coded = income_groups.select(
            "city_id", pl.col("income_group").fill_null("").rank("dense").cast(pl.Int64).alias("group")
        )
        named = keyed.join(coded, on="city_id", how="left", maintain_order="left")["group"]
        groups = named.fill_null(0).to_numpy().astype(np.intp)
    profile_year = previous_year[:, shape[1] :].max(
        axis=1, initial=-np.inf, where=~np.isnan(previous_year[:, shape[1] :])
    )
    profile_year = np.where(np.isfinite(profile_year), profile_year, np.nan)[:, np.newaxis]
    is_of_that_year = previous_year[:, shape[1] :] == profile_year
    return Evidence(
        previous=previous[:, : shape[1]],
        previous_year=previous_year[:, : shape[1]],
        previous_profile=np.where(is_of_that_year, previous[:, shape[1] :], np.nan),
        previous_profile_year=profile_year,
        elders=partial(_elders, past, submissions["year"], coded, ids.head(shape[1])),
        group=groups,
        is_reference=is_reference,
        city=keyed["city_id"].rank("dense").to_numpy().astype(np.intp),
        scales=np.array([_scale(point) for point in points], dtype=np.intp),
        spans=np.array([_span(point) for point in points]),
    )


def profile_past(submissions: pl.DataFrame) -> pl.DataFrame:
    """Figures of the profile of earlier submissions, as `gather` takes past values."""
    names = [name.removeprefix("profile.") for name in PAST_PROFILE]
    figures = submissions.unpivot(names, index=["city_id", "year"], variable_name="field").drop_nulls("value")
    return figures.select("city_id", "year", pl.format("profile.{}", "field").alias("data_point"), "value")


def _elders(
    past: pl.DataFrame | None, years: pl.Series, groups: pl.DataFrame | None, ids: pl.DataFrame
) -> tuple[Floats, Positions]:
    """Each city's latest value of the `OLDEST` years before, shape (cities, data points), and its group or -1."""
    if past is None or not past.height or not len(years):
        return np.empty((0, ids.height)), np.empty(0, dtype=np.intp)
    last = int(str(years.max()))
    latest = (
        past.drop_nulls("value")
        .filter(pl.col("year").is_between(last - OLDEST, last - 1))
        .join(ids, on="data_point", how="inner")
        .sort("city_id", "point", "year")
        .unique(["city_id", "point"], keep="last", maintain_order=True)
    )
    cities = latest.select("city_id").unique(maintain_order=True).with_row_index("row")
    placed = latest.join(cities, on="city_id", how="inner")
    values = np.full((cities.height, ids.height), np.nan)
    values[placed["row"].to_numpy(), placed["point"].to_numpy()] = placed["value"].to_numpy()
    if groups is None:
        return values, np.full(cities.height, -1, dtype=np.intp)
    group = cities.join(groups, on="city_id", how="left", maintain_order="left")["group"]
    return values, group.fill_null(0).to_numpy().astype(np.intp)


def _scale(point: DataPoint) -> int:
    if point.unit == "percent" and point.upper_bound == 100:
        return LOGIT
    return LOG if point.lower_bound == 0 and point.value_type not in ("yes_no", "years", "index") else PLAIN


def _span(point: DataPoint) -> float:
    """What counts as one unit of a plain scale: a twentieth of life, a fifth of an index of 0 to 1."""
    return 20.0 if point.value_type == "years" else 0.2


def _centre(x: Floats, floors: Floats) -> tuple[Floats, Floats]:
    """Median and deviation of each column; missing where fewer than `FEWEST_PEERS` are given."""
    middle = _median(x)
    deviation = np.maximum(TO_SIGMA * _median(np.abs(x - middle)), floors)
    is_enough = (~np.isnan(x)).sum(axis=0) >= FEWEST_PEERS
    return np.where(is_enough, middle, np.nan), np.where(is_enough, deviation, np.nan)


def _mean_of_middle_half(x: Floats) -> Floats:
    """Mean of what lies between the quarters of each column; missing where fewer than `FEWEST_PEERS` are given."""
    ordered = np.sort(x, axis=0)
    count = (~np.isnan(x)).sum(axis=0)
    rank = np.arange(len(x))[:, np.newaxis]
    within = (rank >= count // 4) & (rank < count - count // 4)
    total = np.where(within, ordered, 0.0).sum(axis=0)
    middle: Floats = np.where(count >= FEWEST_PEERS, total / np.maximum(within.sum(axis=0), 1), np.nan)
    return middle


def _two_digits(x: Floats) -> Floats:
    """Numbers to two significant digits."""
    size = np.floor(np.log10(np.abs(x), out=np.zeros(x.shape), where=x != 0))
    step = 10.0 ** (size - 1)
    return np.rint(x / step) * step


def _median(x: Floats) -> Floats:
    """Median of what is given in each column; missing where nothing is."""
    if not len(x):
        return np.full(x.shape[1], np.nan)
    ordered = np.sort(x, axis=0)
    count = (~np.isnan(x)).sum(axis=0)
    at = np.arange(x.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(x) - 1)
    median: Floats = np.where(count > 0, (ordered[low, at] + ordered[high, at]) / 2, np.nan)
    return median


def _digits(x: Floats) -> NDArray[np.int64]:
    """Significant digits of numbers, at most 9; trailing zeros do not count; missing and 0 have none."""
    digits = np.zeros(x.shape, dtype=np.int64)
    usable = np.isfinite(x) & (x != 0)
    number = np.abs(x[usable])
    scaled = np.rint(number / 10 ** (np.floor(np.log10(number)) - 8)).astype(np.int64)
    found = np.full(scaled.shape, 9)
    for trailing in range(1, 9):
        found[scaled % 10**trailing == 0] = 9 - trailing
    digits[usable] = found
    return digits
