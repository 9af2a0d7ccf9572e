"""Rules between the keys of the catalogue's files, and between the files.

What belongs here: every rule that types alone cannot hold, as functions from a file's tree to sentences. They
read the plain tree and pass over what is missing or not a number, because the models report that: one wrong
key hides no other fault. What does not: keys and types (`catalogue_model.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from ssc_index.framework.catalogue_model import WORKING_PROPOSAL, Codes, name_key
from ssc_index.framework.strict_yaml import Tree

Faults = Iterator[str]
LEVEL_OF_SUFFIX = {"C": "core", "A": "advanced"}
NO_SOURCE = "proposal_without_source"
LEVEL_EXCEPTION = "level_differs_from_code"


def kpi_faults(file_name: str, tree: Tree, codes: Codes | None) -> list[str]:
    """Faults of one KPI file beyond keys and types.

    Args:
        file_name: Name of the file, ``EC_ICT_ICT_1C.yaml``.
        tree: What it holds.
        codes: The closed lists; None skips the look-ups, where ``codes.yaml`` itself cannot be read.

    Returns:
        One sentence per fault: key path, value, rule.
    """
    kpi = _mapping(tree)
    faults = [*_identity_faults(file_name, kpi), *_level_faults(kpi), *_reference_faults(kpi)]
    if kpi.get("data_points") == []:
        faults.append("data_points: empty; a KPI has at least one")
    if codes is not None:
        faults += _membership_faults(kpi, codes)
    for number, point in enumerate(_items(kpi.get("data_points"))):
        place = f"data_points.{number}"
        faults += [f"{place}.{fault}" for fault in point_faults(_mapping(point))]
        if codes is not None:
            faults += [f"{place}.{fault}" for fault in _point_membership_faults(_mapping(point), codes)]
    return faults


def point_faults(point: Mapping[str, Tree]) -> list[str]:
    """Faults of one data point, apart from codes that are in no list."""
    return [
        *_scored_faults(point),
        *_goalposts_faults(point),
        *_target_faults(point),
        *_formula_faults(point),
        *_status_faults(point),
        *_proposal_faults(point),
    ]


def codes_faults(tree: Tree) -> list[str]:
    """Faults of the closed lists: parts of the tree that do not exist, names that occur twice."""
    codes = _mapping(tree)
    dimensions = _mapping(codes.get("dimensions"))
    faults = [
        f"sub_dimensions.{code}.dimension: {_word(part, 'dimension')!r} is no code in dimensions"
        for code, part in _mapping(codes.get("sub_dimensions")).items()
        if _word(part, "dimension") not in dimensions
    ]
    for key in ("dimensions", "categories"):
        names = [str(name) for name in _mapping(codes.get(key)).values()]
        faults += [f"{key}: name {name!r} occurs twice" for name in _repeated(names)]
    order = [str(code) for code in _items(codes.get("kpi_order"))]
    return faults + [f"kpi_order: {code!r} occurs twice" for code in _repeated(order)]


def scoring_faults(tree: Tree) -> list[str]:
    """Faults of the scoring rules: edges in order, bands to match, size classes without gap, codes unique."""
    scoring = _mapping(tree)
    if not scoring:
        return []
    edges, bands = _items(scoring.get("edges")), _items(scoring.get("bands"))
    faults: list[str] = []
    at = [number for edge in edges if (number := _number(_mapping(edge).get("at"))) is not None]
    if at != sorted(set(at)):
        faults.append(f"edges: {at} do not ascend; give each edge once, the lowest first")
    if len(bands) != len(edges) + 1:
        faults.append(f"bands: {len(bands)} bands for {len(edges)} edges; there is one band more than edges")
    points = [number for band in bands if (number := _number(_mapping(band).get("points"))) is not None]
    full = _number(scoring.get("full_points"))
    if points and full is not None and (points != sorted(set(points)) or points[-1] != full):
        faults.append(f"bands: points {points} must ascend to full_points {full:g}")
    rules = _mapping(scoring.get("share_of_target"))
    wanted = ("higher", "lower", "gap_to_target", "yes_no")
    faults += [f"share_of_target.{kind}: the rule is missing" for kind in wanted if kind not in rules]
    return [*faults, *_size_faults(scoring), *_list_faults(scoring)]


def set_faults(trees: Mapping[str, Tree], codes: Codes | None) -> list[str]:
    """Faults between KPI files: codes, ids and names that occur twice; files that ``kpi_order`` lacks."""
    owners: dict[tuple[str, str], list[str]] = {}
    for file_name, tree in trees.items():
        for key in dict.fromkeys(_keys_of(_mapping(tree))):
            owners.setdefault(key, []).append(file_name)
    faults = [
        f"kpis/{files[-1]}: {kind} {value!r} is taken by kpis/{files[0]}; it must be unique"
        for (kind, value), files in owners.items()
        if len(files) > 1
    ]
    if codes is None:
        return faults
    listed = {f"{code}.yaml" for code in codes.kpi_order}
    faults += [f"kpis/{name}: not in kpi_order of codes.yaml; add it" for name in trees if name not in listed]
    missing = sorted(listed - trees.keys())
    return faults + [f"codes.yaml: kpi_order names {name[:-5]}, but there is no kpis/{name}" for name in missing]


def _keys_of(kpi: Mapping[str, Tree]) -> Iterator[tuple[str, str]]:
    """What must not occur in two files."""
    for key in ("code", "printed_code"):
        if isinstance(text := kpi.get(key), str):
            yield key, text
    for text in [kpi.get("name"), *_items(kpi.get("aliases"))]:
        if isinstance(text, str):
            yield "name or alias", name_key(text)
    for point in _items(kpi.get("data_points")):
        if text := _word(point, "id"):
            yield "data point id", text


def _identity_faults(file_name: str, kpi: Mapping[str, Tree]) -> Faults:
    code = _word(kpi, "code")
    if code and file_name != f"{code}.yaml":
        yield f"code: {code!r} in a file of another name; it must be {code}.yaml"
    printed = _word(kpi, "printed_code")
    if code and printed and "_".join(printed.replace(":", " ").split()) != code:
        yield f"printed_code: {printed!r} does not give code {code!r} with underscores for colons"
    suffixes = []
    for number, point in enumerate(_items(kpi.get("data_points"))):
        text = _word(point, "id")
        stem, point_mark, suffix = text.partition(".")
        if text and code and (stem != code or not point_mark or not suffix):
            yield f"data_points.{number}.id: {text!r} is not {code!r}, a point and a suffix"
        suffixes.append(suffix)
    yield from (f"data_points: suffix {suffix!r} occurs twice" for suffix in _repeated(suffixes))
    if len(suffixes) == 1 and suffixes[0] not in ("main", ""):
        yield f"data_points.0.id: suffix {suffixes[0]!r}; a single data point is called 'main'"


def _level_faults(kpi: Mapping[str, Tree]) -> Faults:
    code, level = _word(kpi, "code"), _word(kpi, "level")
    expected = LEVEL_OF_SUFFIX.get(code[-1:])
    if expected is None or not level or level == expected:
        return
    seen_on_page = _word(kpi.get("evidence"), "level") == "page"
    if not (seen_on_page and LEVEL_EXCEPTION in _items(kpi.get("caveats"))):
        yield (
            f"level: {level!r} against code {code!r} ({expected}); an exception needs evidence.level 'page' "
            f"and caveat {LEVEL_EXCEPTION!r}"
        )


def _membership_faults(kpi: Mapping[str, Tree], codes: Codes) -> Faults:
    """Codes and names that are in no closed list."""
    yield from _not_in(kpi, "unit", codes.units, "units")
    yield from _not_in(kpi, "dimension", codes.dimensions.values(), "dimensions")
    yield from _not_in(kpi, "category", codes.categories.values(), "categories")
    names = {part.name: codes.dimensions.get(part.dimension) for part in codes.sub_dimensions.values()}
    yield from _not_in(kpi, "sub_dimension", names, "sub_dimensions")
    owner, dimension = names.get(_word(kpi, "sub_dimension")), _word(kpi, "dimension")
    if owner is not None and dimension and owner != dimension:
        yield f"sub_dimension: {_word(kpi, 'sub_dimension')!r} belongs to {owner!r}, not to {dimension!r}"
    yield from _caveat_faults(kpi, codes)
    yield from _evidence_faults(kpi, codes)


def _point_membership_faults(point: Mapping[str, Tree], codes: Codes) -> Faults:
    yield from _not_in(point, "unit", codes.units, "units")
    yield from _not_in(point, "not_scored_because", codes.not_scored_because, "not_scored_because")
    yield from _not_in(point, "no_benchmark_because", codes.no_benchmark_because, "no_benchmark_because")
    for day, posts in _mapping(point.get("goalposts")).items():
        for fault in _not_in(_mapping(posts), "reason", codes.goalpost_reasons, "goalpost_reasons"):
            yield f"goalposts.{day}.{fault}"
    yield from _caveat_faults(point, codes)
    yield from _evidence_faults(point, codes)


def _caveat_faults(part: Mapping[str, Tree], codes: Codes) -> Faults:
    caveats = [str(caveat) for caveat in _items(part.get("caveats"))]
    yield from (
        f"caveats: {caveat!r} is not in caveats of codes.yaml; add it there with its meaning"
        for caveat in caveats
        if caveat not in codes.caveats
    )
    yield from (f"caveats: {caveat!r} occurs twice" for caveat in _repeated(caveats))


def _evidence_faults(part: Mapping[str, Tree], codes: Codes) -> Faults:
    for subject, words in codes.evidence.items():
        for fault in _not_in(_mapping(part.get("evidence")), subject, words, f"evidence.{subject}"):
            yield f"evidence.{fault}"


def _not_in(part: Mapping[str, Tree], key: str, allowed: Iterable[str], name: str) -> Faults:
    text = _word(part, key)
    if text and text not in set(allowed):
        yield f"{key}: {text!r} is not in {name} of codes.yaml"


def _reference_faults(kpi: Mapping[str, Tree]) -> Faults:
    if _word(kpi.get("reference"), "title") == WORKING_PROPOSAL:
        yield f"reference.title: {WORKING_PROPOSAL!r} is no source of a KPI; name where it was seen"


def _scored_faults(point: Mapping[str, Tree]) -> Faults:
    scored, because = point.get("scored"), _word(point, "not_scored_because")
    posts = _mapping(point.get("goalposts"))
    if scored == "true" and not posts:
        yield "goalposts: empty, but scored is true; give low and high or set scored to false with a reason"
    if scored == "true" and because:
        yield f"not_scored_because: {because!r}, but scored is true; one of the two is wrong"
    if scored == "false" and not because:
        yield "not_scored_because: empty, but scored is false; give the code of the reason"
    if scored == "true" and point.get("direction") == "none" and point.get("transform") != "gap_to_target":
        yield "direction: 'none' and scored; only transform gap_to_target scores without a direction"


def _goalposts_faults(point: Mapping[str, Tree]) -> Faults:
    for day, entry in _mapping(point.get("goalposts")).items():
        posts = _mapping(entry)
        for fault in _post_faults(point, posts):
            yield f"goalposts.{day}.{fault}"


def _post_faults(point: Mapping[str, Tree], posts: Mapping[str, Tree]) -> Faults:
    low, high = _number(posts.get("low")), _number(posts.get("high"))
    for key in ("low", "high", "target"):
        yield from _bound_faults(point, posts, key)
    is_gap = point.get("transform") == "gap_to_target"
    if is_gap and posts.get("target") is None:
        yield "target: missing, but transform gap_to_target measures the distance to it"
    if not is_gap and posts.get("target") is not None:
        yield f"target: {posts.get('target')!r}, but only transform gap_to_target has one here"
    if low is None or high is None:
        return
    if low == high:
        yield f"low: {low:g} equals high; the scale would have no length"
    elif is_gap:
        target = _number(posts.get("target"))
        if target is not None and abs(high - target) >= abs(low - target):
            yield f"high: {high:g} is not nearer to target {target:g} than low {low:g}"
    elif point.get("direction") == ("lower" if low < high else "higher"):
        direction = point.get("direction")
        yield f"low: {low:g} and high {high:g} against direction {direction!r}; low scores 0, high 100"


def _target_faults(point: Mapping[str, Tree]) -> Faults:
    targets, because = _mapping(point.get("benchmark_targets")), _word(point, "no_benchmark_because")
    if not targets and not because:
        yield "no_benchmark_because: empty, but there is no benchmark target; give the code of the reason"
    if targets and because:
        yield f"no_benchmark_because: {because!r}, but there is a benchmark target; one of the two is wrong"
    if targets and point.get("direction") == "none" and point.get("transform") != "gap_to_target":
        yield "benchmark_targets: a data point without direction has no share of target"
    for day, entry in targets.items():
        for fault in _bound_faults(point, _mapping(entry), "target"):
            yield f"benchmark_targets.{day}.{fault}"
        target = _number(_mapping(entry).get("target"))
        if target is not None and target <= 0:
            yield f"benchmark_targets.{day}.target: {target:g}; a share of target needs a target above 0"


def _bound_faults(point: Mapping[str, Tree], part: Mapping[str, Tree], key: str) -> Faults:
    value = _number(part.get(key))
    lower, upper = _number(point.get("lower_bound")), _number(point.get("upper_bound"))
    if value is not None and lower is not None and value < lower:
        yield f"{key}: {value:g} is below lower_bound {lower:g}"
    if value is not None and upper is not None and value > upper:
        yield f"{key}: {value:g} is above upper_bound {upper:g}"


def _formula_faults(point: Mapping[str, Tree]) -> Faults:
    lower, upper = _number(point.get("lower_bound")), _number(point.get("upper_bound"))
    if lower is not None and upper is not None and lower >= upper:
        yield f"lower_bound: {lower:g} is not below upper_bound {upper:g}"
    if point.get("denominator") is not None and point.get("numerator") is None:
        yield "numerator: empty, but there is a denominator"
    if point.get("denominator_basis") is not None and point.get("denominator") is None:
        yield f"denominator_basis: {point.get('denominator_basis')!r}, but there is no denominator"
    factor = {"ratio": 100.0, "rate_per_100000": 100_000.0}.get(_word(point, "value_type"), 1.0)
    multiplier = _number(point.get("multiplier"))
    if multiplier is not None and multiplier != factor:
        yield f"multiplier: {multiplier:g}; value_type {point.get('value_type')!r} has {factor:g}"


def _status_faults(point: Mapping[str, Tree]) -> Faults:
    """An official number names the page or the address where it is published."""
    for path, entry in _dated_entries(point):
        reference = _mapping(entry.get("reference"))
        if entry.get("status") != "official":
            continue
        if reference.get("title") == WORKING_PROPOSAL or not (reference.get("page") or reference.get("href")):
            yield f"{path}.reference: status is official; name the publication with its page or address"


def _proposal_faults(point: Mapping[str, Tree]) -> Faults:
    """Numbers without an outside source and the caveat that says so go together."""
    titles = [_word(entry.get("reference"), "title") for _, entry in _dated_entries(point)]
    has_proposal, has_caveat = WORKING_PROPOSAL in titles, NO_SOURCE in _items(point.get("caveats"))
    if has_proposal and not has_caveat:
        yield f"caveats: {NO_SOURCE!r} is missing, but a number rests on {WORKING_PROPOSAL!r}"
    if has_caveat and not has_proposal:
        yield f"caveats: {NO_SOURCE!r}, but every number has an outside source"


def _dated_entries(point: Mapping[str, Tree]) -> Iterator[tuple[str, Mapping[str, Tree]]]:
    for key in ("goalposts", "benchmark_targets"):
        for day, entry in _mapping(point.get(key)).items():
            yield f"{key}.{day}", _mapping(entry)


def _size_faults(scoring: Mapping[str, Tree]) -> Faults:
    """Each class begins where the one before it ends; the first at 0, the last open."""
    start: float | None = 0.0
    classes = _items(_mapping(scoring.get("size_classes")).get("classes"))
    for number, entry in enumerate(classes):
        first, end = _number(_mapping(entry).get("from_population")), _mapping(entry).get("below_population")
        if first != start:
            yield f"size_classes.classes.{number}.from_population: {first} leaves a gap or an overlap"
        start = _number(end)
    if classes and start is not None:
        yield f"size_classes.classes: the last class ends at {start:g}; leave it open with null"


def _list_faults(scoring: Mapping[str, Tree]) -> Faults:
    lists = {
        "bands": _items(scoring.get("bands")),
        "size_classes.classes": _items(_mapping(scoring.get("size_classes")).get("classes")),
        "quality_grades.choices": _items(_mapping(scoring.get("quality_grades")).get("choices")),
        "data_origins.choices": _items(_mapping(scoring.get("data_origins")).get("choices")),
    }
    for path, entries in lists.items():
        codes = [_word(entry, "code") for entry in entries]
        yield from (f"{path}: code {code!r} occurs twice" for code in _repeated(codes))


def _mapping(tree: Tree) -> Mapping[str, Tree]:
    return tree if isinstance(tree, dict) else {}


def _items(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []


def _word(tree: Tree | Mapping[str, Tree], key: str) -> str:
    """The text at a key; empty where there is none."""
    value = tree.get(key) if isinstance(tree, Mapping) else None
    return value if isinstance(value, str) else ""


def _number(tree: Tree) -> float | None:
    """The finite number a text stands for; None where it is none."""
    try:
        number = float(tree) if isinstance(tree, str) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _repeated(texts: Iterable[str]) -> list[str]:
    """Texts that occur more than once, each once, in order."""
    listed = [text for text in texts if text]
    return [text for text in dict.fromkeys(listed) if listed.count(text) > 1]
