from __future__ import annotations

from pathlib import Path

import pytest

from ssc_index.errors import FrameworkError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import framework_from_nodes, read_framework_csv
from ssc_index.framework.model import Node
from ssc_index.framework.save import framework_csv

HEADER = "code,parent,name,unit,direction,weight,transform,low,high,target,aggregation\n"
GOOD = HEADER + (
    "index,,Index,,,,,,,,geometric\n"
    "env,index,Environment,,,2,,,,,\n"
    "pm,env,Particles,µg/m3,lower,,none,50,10,,\n"
    "gdp,index,Product,USD,higher,0.5,ln,100,75000,,\n"
)


def _read(tmp_path: Path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "framework.csv"
    path.write_bytes(text.encode(encoding))
    return read_framework_csv(path)


def _faults(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(FrameworkError) as caught:
        _read(tmp_path, text)
    return caught.value.faults


def _row(**cells: str) -> str:
    """An indicator's line of a small good framework, some cells changed."""
    row = {"code": "x", "parent": "index", "direction": "higher", "low": "0", "high": "10"} | cells
    return ",".join(row.get(name, "") for name in HEADER.strip().split(",")) + "\n"


def _root(**cells: str) -> str:
    """The root's line."""
    return _row(**{"code": "index", "parent": "", "direction": "", "low": "", "high": ""} | cells)


def _one(tmp_path: Path, **cells: str) -> tuple[str, ...]:
    return _faults(tmp_path, HEADER + _root() + _row(**cells))


def test_a_good_file_becomes_a_tree(tmp_path):
    framework = _read(tmp_path, GOOD)
    assert framework.root.code == "index"
    assert framework.codes == ("pm", "gdp")
    assert framework.levels == ("index", "level_1", "indicator")
    assert framework.by_code["pm"].level == framework.by_code["gdp"].level == "indicator"
    assert framework.by_code["env"].weight == 2.0
    assert framework.by_code["pm"].weight == 1.0
    assert (framework.by_code["gdp"].low, framework.by_code["gdp"].high) == (100.0, 75000.0)
    assert framework.by_code["index"].aggregation == "geometric"
    assert framework.by_code["pm"].aggregation is None


def test_byte_order_mark_windows_line_ends_blank_lines_and_spaces_do_not_matter(tmp_path):
    text = "\ufeff" + GOOD.replace("\n", "\r\n\r\n").replace("pm,env", " pm , env ")
    assert _read(tmp_path, text) == _read(tmp_path, GOOD)


def test_optional_columns_may_be_absent_and_names_default_to_codes(tmp_path):
    framework = _read(tmp_path, "code,parent,direction\nindex,,\na,index,higher\n")
    assert framework.by_code["a"].name == "a"
    assert framework.by_code["a"].transform == "none"


@pytest.mark.parametrize("word", ["lower", "Lower", "lower_is_better"])
def test_direction_may_be_written_in_several_ways(tmp_path, word):
    text = f"code,parent,direction\nindex,,\na,index,{word}\n"
    assert _read(tmp_path, text).by_code["a"].direction == "lower"


def test_direction_follows_from_goalposts_where_it_is_empty(tmp_path):
    framework = _read(tmp_path, "code,parent,low,high\nindex,,,\na,index,0,9\nb,index,9,0\n")
    assert [node.direction for node in framework.indicators] == ["higher", "lower"]


def test_children_may_stand_before_their_parents(tmp_path):
    lines = GOOD.splitlines(keepends=True)
    framework = _read(tmp_path, lines[0] + lines[3] + lines[2] + lines[1] + lines[4])
    codes = [node.code for node in framework.nodes]
    assert codes.index("index") < codes.index("env") < codes.index("pm")


def test_level_names_may_be_given(tmp_path):
    text = "code,parent,direction,level\nhdi,,,index\nedu,hdi,,dimension\neys,edu,higher,indicator\n"
    assert _read(tmp_path, text).levels == ("index", "dimension", "indicator")


def test_levels_are_ordered_by_the_tree_and_not_by_the_file():
    nodes = [
        Node(code="r", parent=None, name="r", level="top"),
        Node(code="a", parent="r", name="a", level="mid"),
        Node(code="x", parent="r", name="x", level="leaf", direction="higher"),
        Node(code="b", parent="a", name="b", level="low"),
        Node(code="y", parent="b", name="y", level="leaf", direction="higher"),
    ]
    assert framework_from_nodes(nodes).levels == ("top", "mid", "low", "leaf")


def test_every_fault_of_a_file_is_reported_at_once(tmp_path):
    text = HEADER + (
        "index,,Index,,,,,,,,\n"
        "a,index,A,,higher,heavy,,0,10,,\n"
        "b,nowhere,B,,higher,,,0,10,,\n"
        "c,index,C,,higher,,,5,5,,\n"
        "c,index,C,,sideways,,,,,,\n"
        "d,index,D,,lower,,cube,0,10,,\n"
        "e,index,E,,,,,,,,\n"
    )
    faults = _faults(tmp_path, text)
    for expected in (
        "line 3, column weight: 'heavy'",
        "line 4 (code 'b'): parent 'nowhere'",
        "line 5 (code 'c'): columns low and high: both 5",
        "line 6, column direction: 'sideways'",
        "line 6 (code 'c'): code 'c' is taken by line 5",
        "line 7 (code 'd'): column transform: unknown 'cube'",
        "line 7 (code 'd'): column direction: 'lower' against low 0 and high 10",
        "line 8 (code 'e'): no children and no direction",
    ):
        assert any(fault.startswith(expected) for fault in faults), expected
    assert len(faults) == 8


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"code": ""}, "column code: empty"),
        ({"code": "unit"}, "name of a column of every values file"),
        ({"weight": "-1"}, "a weight is a finite number, 0 or more"),
        ({"weight": "nan"}, "not a finite number"),
        ({"weight": "1_0"}, "not a finite number"),
        ({"weight": "0"}, "weights of its children sum to 0"),
        ({"low": "", "high": "10"}, "one is empty"),
        ({"low": "10", "high": "0"}, "'higher' against low 10 and high 0"),
        ({"transform": "ln"}, "ln of goalpost 0"),
        ({"transform": "log10", "low": "-1"}, "log10 of goalpost -1"),
        ({"transform": "sqrt", "low": "-1"}, "sqrt of goalpost -1"),
        ({"transform": "gap_to_target"}, "gap_to_target needs it"),
        ({"transform": "gap_to_target", "target": "5"}, "no farther from target 5"),
        ({"aggregation": "geometric"}, "set on an indicator"),
        ({"high": "1e999"}, "not a finite number"),
    ],
)
def test_faults_of_an_indicator(tmp_path, cells, expected):
    faults = _one(tmp_path, **cells)
    assert len(faults) == 1
    assert expected in faults[0]


def test_gap_to_target_takes_goalposts_on_one_side_of_the_target(tmp_path):
    text = HEADER + _root() + _row(transform="gap_to_target", target="10")
    assert _read(tmp_path, text).by_code["x"].target == 10.0


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"direction": "lower"}, "only indicators have a direction"),
        ({"transform": "ln"}, "column transform: set on a node with children"),
        ({"low": "1"}, "column low: set on a node with children"),
        ({"high": "2"}, "column high: set on a node with children"),
        ({"target": "3"}, "column target: set on a node with children"),
        ({"aggregation": "mode"}, "unknown 'mode'"),
    ],
)
def test_faults_of_a_node_with_children(tmp_path, cells, expected):
    faults = _faults(tmp_path, HEADER + _root(**cells) + _row())
    assert len(faults) == 1
    assert expected in faults[0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a,b,higher\nb,a,\nr,,\nx,r,higher\n", "cycle: a → b → a"),
        ("a,b,higher\nb,a,\n", "no root"),
        ("a,a,higher\nr,,\nx,r,higher\n", "cycle: a → a"),
        ("r,,\ns,,\nx,r,higher\ny,s,higher\n", "2 roots"),
        ("r,,\n", "the root has no children"),
        ("r,,\ng,r,\nx,r,higher\n", "an empty group"),
    ],
)
def test_faults_of_the_shape(tmp_path, rows, expected):
    faults = _faults(tmp_path, "code,parent,direction\n" + rows)
    assert any(expected in fault for fault in faults)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("code,name\n", "no column 'parent'"),
        ("code,parent,colour\n", "unknown column 'colour'"),
        ("code,parent,parent\n", "column 'parent' occurs twice"),
        ("code,parent,weight:a,weight:a\n", "column 'weight:a' occurs twice"),
        ("code,parent,weight:\n", "column 'weight:': a weight set has a name of its own"),
        ("code,parent,weight:equal\n", "column 'weight:equal': a weight set has a name of its own"),
        ("code,parent\n", "no row below the header"),
        ("code,parent\nindex\n", "line 2: 1 cells under 2 columns"),
        ('code,parent\n"index,\n', "cannot be read"),
    ],
)
def test_faults_of_the_form(tmp_path, text, expected):
    assert any(expected in fault for fault in _faults(tmp_path, text))


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(FrameworkError, match=r"nowhere\.csv"):
        read_framework_csv(tmp_path / "nowhere.csv")
    with pytest.raises(FrameworkError, match="UTF-8"):
        _read(tmp_path, "code,parent\nÅ,", encoding="latin-1")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("r,,,index\nx,r,higher,\n", "name all levels or none"),
        ("r,,,index\na,r,,dim\nx,a,higher,kpi\ny,r,higher,dim\n", "indicators on several levels"),
        ("r,,,top\na,r,,mid\nb,a,,top\nx,b,higher,kpi\n", "above and below each other"),
        ("r,,,kpi\nx,r,higher,kpi\n", "above and below each other"),
        ("r,,,index\ndim,r,,group\na,r,,dim\nx,dim,higher,kpi\ny,a,higher,kpi\n", "bears the name of a level"),
    ],
)
def test_faults_of_level_names(tmp_path, rows, expected):
    faults = _faults(tmp_path, "code,parent,direction,level\n" + rows)
    assert any(expected in fault for fault in faults)


def test_a_node_may_bear_the_name_of_its_own_level(tmp_path):
    text = "code,parent,direction,level\nindex,,,index\nx,index,higher,kpi\n"
    assert [node.code for node in _read(tmp_path, text).named("index")] == ["index"]


def test_names_mean_one_node_or_all_of_a_level(tmp_path):
    framework = _read(tmp_path, GOOD)
    assert [node.code for node in framework.named("indicator")] == ["pm", "gdp"]
    assert [node.code for node in framework.named("env")] == ["env"]
    assert framework.named("nothing") == ()


SETS = "code,parent,direction,weight,weight:experts,weight:public\n"


def test_weight_sets_stand_beside_the_weight_and_an_empty_cell_takes_it(tmp_path):
    framework = _read(tmp_path, SETS + "index,,,,,\na,index,higher,2,0.5,\nb,index,higher,1,1.5,7\n")
    assert framework.weight_sets == ("experts", "public")
    assert framework.by_code["a"].weight_sets == {"experts": 0.5, "public": 2.0}
    assert framework.by_code["b"].weight_sets == {"experts": 1.5, "public": 7.0}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("index,,,,,\na,index,higher,2,-1,\n", "node 'a', column weight:experts: -1.0"),
        ("index,,,,,\na,index,higher,2,0,1\n", "node 'index', column weight:experts: the weights of its children"),
        ("index,,,,,\na,index,higher,2,x,1\n", "line 3, column weight:experts: 'x' is not a finite number"),
    ],
)
def test_faults_of_weight_sets_name_the_set(tmp_path, rows, expected):
    faults = _faults(tmp_path, SETS + rows)
    assert any(fault.startswith(expected) for fault in faults)


def test_every_kind_of_fault_of_a_tree_is_reported_in_one_go(tmp_path):
    text = HEADER + (
        "index,,Index,,,,,,,,\n"  # a root …
        "other,,Other,,,,,,,,\n"  # … and a second one
        "y,other,Y,,higher,,,,,,\n"
        "p,q,P,,,,,,,,\n"  # a cycle
        "q,p,Q,,,,,,,,\n"
        "lost,nowhere,Lost,,higher,,,,,,\n"  # an orphan
        "empty,index,Empty,,,,,,,,\n"  # an empty group
        "y,index,Y again,,higher,,,,,,\n"  # a duplicate
        "flat,index,Flat,,higher,,,5,5,,\n"  # low = high
        "wrong,index,Wrong,,higher,,,9,1,,\n"  # direction against goalposts
        "half,index,Half,,higher,,,1,,,\n"  # one goalpost
        "light,index,Light,,higher,-1,,,,,\n"  # a negative weight
    )
    faults = "\n".join(_faults(tmp_path, text))
    for expected in (
        "2 roots",
        "cycle: p → q → p",
        "parent 'nowhere' is not the code of any node",
        "line 8 (code 'empty'): no children and no direction: an empty group",
        "line 9 (code 'y'): code 'y' is taken by line 4",
        "line 10 (code 'flat'): columns low and high: both 5",
        "line 11 (code 'wrong'): column direction: 'higher' against low 9 and high 1",
        "line 12 (code 'half'): columns low and high: one is empty",
        "node 'light', column weight: -1.0",
    ):
        assert expected in faults, expected


def test_a_tree_may_be_of_any_depth_and_hold_many_nodes(tmp_path):
    # 40 levels deep, then 500 indicators beneath the lowest node.
    chain = "".join(f"n{depth},{f'n{depth - 1}' if depth else ''},,\n" for depth in range(40))
    leaves = "".join(f"x{number},n39,higher,\n" for number in range(500))
    framework = _read(tmp_path, "code,parent,direction,unit\n" + chain + leaves)
    assert len(framework.levels) == 41
    assert len(framework.leaves_under["n0"]) == 500


def test_a_framework_that_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    nodes = [
        Node(code="index", parent=None, name="Index, “whole”\nof it", level="top", weight_sets={"expert": 1.0}),
        Node(
            code="a",
            parent="index",
            name="A",
            level="leaf",
            unit="m³",
            direction="lower",
            weight=1 / 3,
            weight_sets={"expert": 0.1 + 0.2},
            transform="gap_to_target",
            low=0.1 + 0.2,
            high=1e-300,
            target=1e-300,
            denominator="people",
            per=1000.0,
        ),
        Node(code="b", parent="index", name="B", level="leaf", direction="higher", weight_sets={"expert": 2.0}),
    ]
    for framework in (framework_from_nodes(nodes), load_catalogue().framework(2025)):
        (tmp_path / "framework.csv").write_text(framework_csv(framework), encoding="utf-8")
        assert read_framework_csv(tmp_path / "framework.csv") == framework
