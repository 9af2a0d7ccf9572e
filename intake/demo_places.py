"""The invented cities and countries of the demo cohort.

What belongs here: their names, keys, regions and income groups. What does not: their numbers (`demo_model.py`).
City n is the same in every cohort, whatever the seed and however many cities there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from intake.names import folded

# Regions and income groups as the World Bank words them. Country codes XAA to XZZ are reserved in ISO 3166 for
# users' own purposes, so they can never be those of a real country.
EAST_ASIA = "East Asia and Pacific"
EUROPE = "Europe and Central Asia"
LATIN_AMERICA = "Latin America and the Caribbean"
MIDDLE_EAST = "Middle East and North Africa"
NORTH_AMERICA = "North America"
SOUTH_ASIA = "South Asia"
AFRICA = "Sub-Saharan Africa"

HIGH = "High income"
UPPER_MIDDLE = "Upper middle income"
LOWER_MIDDLE = "Lower middle income"
LOW = "Low income"


@dataclass(frozen=True)
class Country:
    """An invented country.

    Attributes:
        code: Three letters from the users' range of ISO 3166.
        name: Name, marked as demo.
        region: World Bank region it is put into.
        income_group: World Bank income group it is put into.
        share: Of sixty cities so many are in it.
    """

    code: str
    name: str
    region: str
    income_group: str
    share: int


# North America stays below five cities of sixty, so that one sees a group that is too small to be shown.
COUNTRIES = (
    Country("XAA", "Demo Averra", EAST_ASIA, HIGH, 4),
    Country("XAB", "Demo Bolún", EAST_ASIA, UPPER_MIDDLE, 4),
    Country("XAC", "Demo Cashtara", EAST_ASIA, LOWER_MIDDLE, 4),
    Country("XAD", "Demo Dørnmark", EUROPE, HIGH, 6),
    Country("XAE", "Demo Estavía", EUROPE, UPPER_MIDDLE, 5),
    Country("XAF", "Demo Feronia", EUROPE, LOWER_MIDDLE, 3),
    Country("XAG", "Demo Gualmar", LATIN_AMERICA, HIGH, 2),
    Country("XAH", "Demo Hondela", LATIN_AMERICA, UPPER_MIDDLE, 5),
    Country("XAI", "Demo Izalta", LATIN_AMERICA, LOWER_MIDDLE, 3),
    Country("XAJ", "Demo Jadira", MIDDLE_EAST, HIGH, 3),
    Country("XAK", "Demo Kessabar", MIDDLE_EAST, UPPER_MIDDLE, 2),
    Country("XAL", "Demo Lubara", MIDDLE_EAST, LOWER_MIDDLE, 2),
    Country("XAM", "Demo Miradun", MIDDLE_EAST, LOW, 1),
    Country("XAN", "Demo Norwyn", NORTH_AMERICA, HIGH, 3),
    Country("XAO", "Demo Olvanda", SOUTH_ASIA, UPPER_MIDDLE, 1),
    Country("XAP", "Demo Parshana", SOUTH_ASIA, LOWER_MIDDLE, 3),
    Country("XAQ", "Demo Quorin", SOUTH_ASIA, LOW, 2),
    Country("XAR", "Demo Rusama", AFRICA, UPPER_MIDDLE, 1),
    Country("XAS", "Demo Sombaline", AFRICA, LOWER_MIDDLE, 3),
    Country("XAT", "Demo Tavora", AFRICA, LOW, 3),
)

_SLOTS = tuple(country for country in COUNTRIES for _ in range(country.share))
# Without a common factor with the sixty slots: neighbouring numbers fall into different countries.
_STRIDE = 23

# Their numbers have no common factor, so that (n mod 40, n mod 31) is a name of its own for 1240 cities.
_HEADS = (
    *("Alder", "Bræn", "Cóval", "Dún", "Elvan", "Fjør", "Glasu", "Høy", "Ísel", "Jaspa"),
    *("Kést", "Lúmen", "Marvé", "Nørre", "Ostra", "Pôla", "Quarin", "Råde", "Sólen", "Tarnu"),
    *("Ülmen", "Velda", "Wynda", "Xánti", "Yarrow", "Zélin", "Ambra", "Bosk", "Čaran", "Dréva"),
    *("Écla", "Fennu", "Grüna", "Hazel", "Ivora", "Junip", "Kræl", "Łusko", "Merrow", "Niçol"),
)
_TAILS = (
    *("moor", "vika", "dale", "hýthe", "polis", "brück", "cruzo", "stadt", "ñera", "garth"),
    *("mira", "fell", "ões", "gård", "luna", "port", "thal", "wick", "sund", "béc"),
    *("ora", "minster", "nova", "rívo", "kulla", "shaw", "tarn", "verde", "zala", "holm"),
    "ämne",
)


@dataclass(frozen=True)
class Place:
    """An invented city.

    Attributes:
        number: Its number, from 1.
        city_id: Key in the register, for example ``demo-001-aldermoor``.
        name: Name, marked as demo.
        plain_name: The name without accents, as others may write it.
        country: The invented country.
    """

    number: int
    city_id: str
    name: str
    plain_name: str
    country: Country


def place(number: int) -> Place:
    """The invented city of a number.

    Args:
        number: From 1.

    >>> place(1).city_id, place(1).country.code
    ('demo-001-aldermoor', 'XAA')
    >>> place(5).name
    'Demo Elvanpolis'
    """
    turn = number - 1
    block = turn // (len(_HEADS) * len(_TAILS))
    own = _HEADS[turn % len(_HEADS)] + _TAILS[turn % len(_TAILS)]
    name = f"{own} {block + 1}" if block else own
    plain = folded(name)
    slug = plain.replace(" ", "-")
    country = _SLOTS[turn * _STRIDE % len(_SLOTS)]
    return Place(number, f"demo-{number:03d}-{slug}", f"Demo {name}", f"Demo {plain.title()}", country)
