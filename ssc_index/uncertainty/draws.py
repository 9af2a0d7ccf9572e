"""Random numbers by their place: the same number for (seed, replication, input), whoever asks and in what order.

What belongs here: the generator and the distributions drawn from it. What does not: what a number decides
(`inputs.py`).

A replication is a row of numbers between 0 and 1, one for each input. An input that needs more than one number, such
as noise on every value, takes the bits of its number as the key of a stream of its own. So a row is all there is to
a replication, and a sensitivity analysis may put rows together as its design asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.values import Floats

Words = NDArray[np.uint64]
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
STEPS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
ROUNDS = 10
GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIXES = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
LANES, TILE = 32, 1024  # of normal noise, as the compiled kernel has them


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[Words, Words]) -> tuple[Words, Words, Words, Words]:
    """Philox4x32-10: four random words of 32 bits for each counter of four words and key of two.

    Source: Salmon et al. (2011), *Parallel random numbers: as easy as 1, 2, 3*; known answers in its Random123.

    >>> zero = np.zeros(1, np.uint64)
    >>> [hex(int(word[0])) for word in philox((zero, zero, zero, zero), (zero, zero))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    shape = np.broadcast_shapes(*(np.shape(one) for one in (*counter, *key)))
    c0, c1, c2, c3 = (np.array(np.broadcast_to(one, shape), dtype=np.uint64) for one in counter)
    k0, k1 = key
    p0, p1 = np.empty_like(c0), np.empty_like(c0)
    for _ in range(ROUNDS):  # in place: new arrays would take longer than the sums
        np.multiply(MULTIPLIERS[0], c0, out=p0)
        np.multiply(MULTIPLIERS[1], c2, out=p1)
        np.right_shift(p1, HALF, out=c0)
        c0 ^= c1
        c0 ^= k0
        np.right_shift(p0, HALF, out=c2)
        c2 ^= c3
        c2 ^= k1
        np.bitwise_and(p1, LOW, out=c1)
        np.bitwise_and(p0, LOW, out=c3)
        k0, k1 = (k0 + STEPS[0]) & LOW, (k1 + STEPS[1]) & LOW
    return c0, c1, c2, c3


def rows(seed: int, start: int, stop: int, n_inputs: int) -> Floats:
    """Rows of replications ``start`` to ``stop - 1``: one number in (0, 1) per input.

    Args:
        seed: Seed of the analysis, below 2⁶⁴.
        start: First replication, from 0.
        stop: The one after the last.
        n_inputs: Number of inputs.

    Returns:
        Shape (stop - start, n_inputs), multiples of 2⁻⁵³ plus half of it.

    >>> bool((rows(7, 0, 10, 3)[4:6] == rows(7, 4, 6, 3)).all())
    True
    """
    number = np.arange(start, stop, dtype=np.uint64)[:, None]
    place = np.arange(n_inputs, dtype=np.uint64)[None, :]
    number, place = np.broadcast_arrays(number, place)
    zero = np.zeros(number.shape, np.uint64)
    first, second, _, _ = philox((number & LOW, number >> HALF, place, zero), split(np.uint64(seed)))
    return unit(first, second)


def unit(first: Words, second: Words) -> Floats:
    """Numbers in (0, 1) of 52 bits from two words each."""
    whole = (first << np.uint64(20)) | (second >> np.uint64(12))
    return (whole.astype(np.float64) + 0.5) * 2.0**-52


def split(number: np.uint64 | Words) -> tuple[Words, Words]:
    """The low and the high word of 64 bits."""
    whole = np.asarray(number, dtype=np.uint64)
    return whole & LOW, whole >> HALF


def keys(numbers: Floats) -> Words:
    """Keys of streams from numbers in (0, 1): their bits, shape as given; a missing number (NaN) is a key too."""
    return np.ascontiguousarray(numbers).view(np.uint64)


def stream(key: Words, width: int, attempt: int = 0) -> Floats:
    """Uniform numbers of streams: two of each counter.

    Args:
        key: Key of each stream, shape (n,).
        width: Numbers wanted of each.
        attempt: Which set of numbers, for draws that may be thrown away.

    Returns:
        Shape (2, n, width), in (0, 1): two independent sets.
    """
    place = np.arange(width, dtype=np.uint64)[None, :]
    low, high = split(key[:, None])
    zero = np.zeros((key.size, width), np.uint64)
    counter = (zero + place, zero, zero + np.uint64(attempt), zero + np.uint64(1))
    one, two, three, four = philox(counter, (zero + low, zero + high))
    return np.stack([unit(one, two), unit(three, four)])


def gammas(key: Words, shapes: Floats) -> Floats:
    """Gamma draws of scale 1: one per stream and shape.

    Args:
        key: Key of each stream, shape (n,).
        shapes: Shape parameters above 0, shape (width,).

    Returns:
        Shape (n, width).

    Source: Marsaglia and Tsang (2000); shapes below 1 by their ``gamma(a + 1) u^(1/a)``.
    """
    raised = np.where(shapes < 1, shapes + 1, shapes)
    d = raised - 1 / 3
    c = 1 / np.sqrt(9 * d)
    drawn = np.zeros((key.size, shapes.size))
    open_ = np.ones(drawn.shape, dtype=bool)
    attempt = 0
    while open_.any():
        angle, radius = stream(key, shapes.size, 2 * attempt)
        accept, _ = stream(key, shapes.size, 2 * attempt + 1)
        normal = np.sqrt(-2 * elementary.ln(radius)) * np.cos(2 * np.pi * angle)
        root = 1 + c * normal
        cube = root * root * root
        positive = cube > 0
        safe = np.where(positive, cube, 1.0)
        good = positive & (elementary.ln(accept) < 0.5 * normal**2 + d - d * safe + d * elementary.ln(safe))
        drawn = np.where(open_ & good, d * safe, drawn)
        open_ &= ~good
        attempt += 1
    if (shapes < 1).any():
        boost, _ = stream(key, shapes.size, 2**31)
        drawn = np.where(shapes < 1, drawn * elementary.power(boost, 1 / shapes), drawn)
    return drawn


def starts(key: Words) -> Words:
    """Where the streams of measurement errors start, from their keys: 64 random bits of each, shape as given."""
    zero = np.zeros(key.shape, np.uint64)
    first, second, _, _ = philox((zero, zero, zero, zero + np.uint64(2)), split(key))
    return first | (second << HALF)


@lru_cache(maxsize=2)
def _advances(count: int) -> Words:
    """How far each of so many words is from the start of its stream."""
    return np.arange(1, count + 1, dtype=np.uint64) * GAMMA


def further(start: np.uint64 | Words, count: int) -> Words:
    """The start of what follows so many words."""
    with np.errstate(over="ignore"):
        return np.asarray(start + np.uint64(count * int(GAMMA) % 2**64))


def words(start: np.uint64 | Words, found: Words, part: Words) -> None:
    """Random words of 64 bits, each by its place: SplitMix64 from a start.

    Args:
        start: The start; or one for each row, shape (n_rows, 1).
        found: Filled, shape (n,) or (n_rows, n).
        part: Scratch, same shape: a new array for each replication would take longer than the sums.

    Source: Steele, Lea and Flood (2014), *Fast splittable pseudorandom number generators*, figures 16 and 17.

    >>> found = np.empty(2, np.uint64)
    >>> words(np.uint64(1234567), found, np.empty_like(found))
    >>> found.tolist()
    [6457827717110365317, 3203168211198807973]
    """
    np.add(_advances(found.shape[-1]), start, out=found)
    for shift, factor in MIXES:
        np.right_shift(found, shift, out=part)
        found ^= part
        found *= factor
    np.right_shift(found, np.uint64(31), out=part)
    found ^= part


@cache
def polar() -> tuple[Floats, Floats, Floats]:
    """Every radius by 16 bits; every cosine and sine, with its sign, by the other 16: two of the sign, 14 the angle."""
    number = np.arange(2**16, dtype=np.int64)
    radius = np.sqrt(-2 * elementary.ln((number.astype(np.float64) + 0.5) * 2.0**-16))
    angle = ((number & 0x3FFF) + 0.5) * 2.0**-14 * (np.pi / 2)
    signs = [1.0 - 2.0 * ((number >> bit) & 1) for bit in (15, 14)]
    return radius, signs[0] * np.cos(angle), signs[1] * np.sin(angle)


@dataclass(frozen=True)
class Tiles:
    """How the errors of a replication are laid out.

    The columns stand one after the other, each ``n_lanes`` long: rows, rounded up to 32. A tile of them has 1,024
    numbers or fewer: whole columns, or, where they are longer, a piece of one.

    Attributes:
        abreast: Columns of a tile.
        pieces: Tiles of a column.
        count: Tiles of a replication.
        cells: Numbers of a tile.
    """

    abreast: int
    pieces: int
    count: int
    cells: int

    @classmethod
    def of(cls, n_rows: int, n_columns: int) -> Tiles:
        """The layout of so many rows and columns."""
        n_lanes = -(-n_rows // LANES) * LANES
        abreast, pieces = max(1, TILE // n_lanes), -(-n_lanes // TILE)
        return cls(abreast, pieces, -(-n_columns // abreast) * pieces, TILE if pieces > 1 else abreast * n_lanes)


def normals(start: np.uint64, n_rows: int, n_columns: int) -> Floats:
    """Standard normal noise of one replication, the same numbers as the compiled kernel draws (to 1e-6).

    Half a word, 32 bits, gives two normals, by the polar form of Box and Muller: 16 bits the radius
    ``√(−2 ln u)``, 14 the angle within a quarter turn, two the signs. There are 65,536 radii and as many angles, each
    the middle of its share of the distribution. The variance is 5·10⁻⁶ below 1, no number is beyond 4.86, where a
    normal one is once in a million.

    Of the ``n`` numbers of a tile (`Tiles`), half-word ``j`` gives a cosine at ``j`` and a sine at ``j + n/2``; of the
    two halves of a word the lower comes first, and tile follows tile.

    Args:
        start: Where the stream starts.
        n_rows: Rows.
        n_columns: Columns.

    Returns:
        Shape (n_rows, n_columns).
    """
    tiles = Tiles.of(n_rows, n_columns)
    found = np.empty(tiles.count * tiles.cells // 4, np.uint64)
    words(start, found, np.empty_like(found))
    halves = found.astype("<u8").view("<u4").reshape(tiles.count, -1)
    (radii, cosines, sines), turn = polar(), halves & np.uint32(0xFFFF)
    radius = radii[halves >> np.uint32(16)]
    drawn = np.concatenate([radius * cosines[turn], radius * sines[turn]], axis=1)
    columns: Floats = drawn.reshape(tiles.count // tiles.pieces * tiles.abreast, -1)[:n_columns, :n_rows]
    return np.ascontiguousarray(columns.T)
