"""Reading plain YAML: mappings, lists and texts, nothing clever.

What belongs here: turning one YAML text into dictionaries, lists and strings while refusing every feature
that makes a data file mean more than it shows. What does not: what the keys mean; a schema turns the texts
into numbers and dates, so that ``NO``, ``1.10`` or ``12:30`` stay what was written where it wants a text.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

Tree = dict[str, "Tree"] | list["Tree"] | str | None
"""What a plain YAML text holds: every scalar is a string, or None for ``null`` and for nothing."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null"})


def read_plain_yaml(text: str) -> tuple[Tree, list[str]]:
    """Read one plain YAML document.

    Refused are repeated keys, anchors, aliases, tags, merge keys, keys that are not plain scalars, and a
    second document. Numbers, dates and booleans are not interpreted.

    Args:
        text: The whole file.

    Returns:
        The tree and the faults found, each with its line. Where the text is not YAML at all the tree is None.

    >>> read_plain_yaml("code: NO\\nlow: 1.10\\nnote: null")
    ({'code': 'NO', 'low': '1.10', 'note': None}, [])
    >>> read_plain_yaml("low: 1\\nlow: 2")[1]
    ["line 2: key 'low' stands twice; keep one"]
    """
    faults: list[str] = []
    try:
        events = yaml.parse(text, Loader=_LOADER)
        tree = _document(events, faults)
    except yaml.YAMLError as error:
        return None, [*faults, f"not YAML: {' '.join(str(error).split())}"]
    return tree, faults


def _document(events: Iterator[yaml.Event], faults: list[str]) -> Tree:
    tree: Tree = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            value = _value(next(events), events, faults)
            if documents == 1:
                tree = value
            else:
                faults.append(f"{_line(event)}: a second document begins; one file holds one document")
    return tree


def _value(event: yaml.Event, events: Iterator[yaml.Event], faults: list[str]) -> Tree:
    if isinstance(event, yaml.AliasEvent):
        faults.append(f"{_line(event)}: alias '*{event.anchor}'; write the value out")
        return None
    for feature, mark in (("anchor", "&"), ("tag", "")):
        if (name := getattr(event, feature, None)) is not None:
            faults.append(f"{_line(event)}: {feature} '{mark}{name}'; plain files have none")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, faults)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, faults)
    assert isinstance(event, yaml.ScalarEvent)  # the grammar of events leaves nothing else
    is_plain = not event.style
    return None if is_plain and event.value in _NOTHING else str(event.value)


def _mapping(events: Iterator[yaml.Event], faults: list[str]) -> Tree:
    mapping: dict[str, Tree] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, faults)
        value = _value(next(events), events, faults)
        if not isinstance(key, str):
            faults.append(f"{_line(event)}: a key must be a plain word")
        elif key == "<<":
            faults.append(f"{_line(event)}: merge key '<<'; write the values out")
        elif key in mapping:
            faults.append(f"{_line(event)}: key '{key}' stands twice; keep one")
        else:
            mapping[key] = value
    return mapping


def _sequence(events: Iterator[yaml.Event], faults: list[str]) -> Tree:
    items: list[Tree] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.append(_value(event, events, faults))
    return items


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"
