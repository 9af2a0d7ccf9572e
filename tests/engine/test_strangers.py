"""Files as strangers write them: each either works as if it were plain, or the error says what to do."""

from __future__ import annotations

import json
import re

import numpy as np
import polars as pl
import pytest

from ssc_index.errors import SscIndexError
from ssc_index.files import compute

FRAMEWORK = "code,parent,direction\ni,,\nA,i,\na,A,higher\nb,A,lower\nc,i,higher\n"
VALUES = "unit,a,b,c\np,1,4,2\nq,2,3,3\nr,3,1,9\n"
METHOD = "name: m\nsteps:\n  - normalise: {method: minmax}\n  - aggregate: {}\n"
SCORES = [0.0, 100 * (5 / 12 + 1 / 7) / 2, 100.0]  # A of q: (1/2 + 1/3) / 2; c of q: 1/7


@pytest.fixture
def computed(tmp_path):
    def compute_files(framework=FRAMEWORK, values=VALUES, method=METHOD, audit=False):
        paths = []
        for name, content in (("framework.csv", framework), ("values.csv", values), ("method.yaml", method)):
            path = tmp_path / name
            if isinstance(content, pl.DataFrame):
                path = tmp_path / "values.parquet"
                content.write_parquet(path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(path)
        return compute(*paths, tmp_path / "out", audit)

    return compute_files


def _long(text):
    head, *lines = (line.split(",") for line in text.split())
    return [(line[0], code, cell) for line in lines for code, cell in zip(head[1:], line[1:], strict=True)]


def _frame(**options):
    return pl.read_csv(VALUES.encode(), **options)


@pytest.mark.parametrize(
    ("framework", "values"),
    [
        ("\ufeff" + FRAMEWORK, "\ufeff" + VALUES),
        (FRAMEWORK.replace("\n", "\r\n"), VALUES.replace("\n", "\r\n")),
        (FRAMEWORK, VALUES.replace("\n", "\r")),
        (FRAMEWORK.rstrip(), VALUES.rstrip()),
        ("\n\n" + FRAMEWORK.replace("\n", "\n\n"), "\n\n" + VALUES.replace("\n", "\n\n")),
        (FRAMEWORK + ",,\n", VALUES + ",,,\n,,,\n"),
        (FRAMEWORK + "   \n", "  \n" + VALUES + " , ,,\n   \n"),
        (FRAMEWORK.replace(",", " , "), VALUES.replace(",", " , ")),
        (
            "direction,parent,code\nhigher,A,a\nlower,A,b\nhigher,i,c\n,i,A\n,,i\n",
            "b,c,unit,a\n4,2,p,1\n3,3,q,2\n1,9,r,3\n",
        ),
        (FRAMEWORK, '"unit","a","b","c"\n"r","3","1","9"\n"p","1","4","2"\n"q","2","3","3"\n'),
        (FRAMEWORK, "unit,a,b,c\np,1.,4e0,+2\nq,0.2E1,3.0,3\nr,3,1,9.000\n"),
        (FRAMEWORK, "unit,code,value\n" + "".join(",".join(row) + "\n" for row in reversed(_long(VALUES)))),
        (FRAMEWORK, "value,code,unit\n" + "".join(",".join(row[::-1]) + "\n" for row in _long(VALUES))),
        (FRAMEWORK, "unit,year,code,value\n" + "".join(f"{u},2020,{c},{x}\n" for u, c, x in _long(VALUES))),
        (FRAMEWORK, "unit,year,a,b,c\np,2020.0,1,4,2\nq,2020.0,2,3,3\nr,2020.0,3,1,9\n"),
        (FRAMEWORK, _frame),
        (FRAMEWORK, lambda: _frame(infer_schema=False).with_columns(pl.col("unit").cast(pl.Categorical))),
        (FRAMEWORK, lambda: _frame().with_columns(pl.col("a").cast(pl.Decimal(9, 2)), pl.col("b").cast(pl.Int8))),
        (FRAMEWORK, lambda: pl.DataFrame(_long(VALUES), schema=["unit", "code", "value"], orient="row")),
    ],
)
def test_the_form_of_a_file_moves_no_score(computed, framework, values):
    values = values() if callable(values) else values
    np.testing.assert_allclose(computed(framework, values).scores[:, 0], SCORES, rtol=1e-14)


def test_codes_may_be_in_any_script(computed):
    framework = "code,parent,direction\nИндекс,,\n指标,Индекс,higher\nβ-1 (%),Индекс,lower\n"
    steps = ["normalise: {method: minmax, only: [指标]}", "normalise: {method: borda}", "aggregate: {}"]
    method = "name: m\nsteps:\n" + "".join(f"  - {step}\n" for step in steps)
    found = computed(framework, "unit,指标,β-1 (%)\nМосква,1,2\n東京,2,1\n", method, audit=True)
    assert dict(zip(found.values.units, found.scores[:, 0].tolist(), strict=True)) == {"Москва": 0.0, "東京": 50.5}


@pytest.mark.parametrize(
    "values",
    [
        "unit,a,b,c\np,1,4,\nq,2,3,\n",
        "unit,a,b,c\np,,,\nq,,,\n",
        "unit,year,a,b,c\np,1,1,4,2\nq,1,2,3,3\np,2,1,4,2\nr,2,2,3,3\n",
    ],
    ids=["an indicator without values", "no value at all", "units come and go"],
)
def test_an_audit_says_what_is_missing(computed, values, tmp_path):
    computed(values=values, audit=True)
    found = pl.read_csv(tmp_path / "out" / "audit_discrimination.csv")
    assert (found["n"] >= 2).to_list() == found["reason"].is_null().to_list()


def test_a_single_unit_is_scored_by_goalposts_and_audited(computed, tmp_path):
    framework = "code,parent,low,high\ni,,,\na,i,0,10\n"
    found = computed(framework, "unit,a\np,1\n", METHOD.replace("minmax", "goalposts"), audit=True)
    assert (found.scores.tolist(), found.ranks.tolist()) == ([[10.0, 10.0]], [[1.0, 1.0]])
    assert pl.read_csv(tmp_path / "out" / "audit_discrimination.csv")["reason"].unique().to_list() == [
        "fewer than two scores"
    ]


def test_a_tree_may_be_deep_and_lopsided_and_nodes_may_have_one_child(computed):
    lines = ["code,parent,direction", "i,,", "n0,i,", "x0,i,higher"]
    lines += [line for k in range(1, 40) for line in (f"n{k},n{k - 1},", f"x{k},n{k - 1},higher")]
    lines += ["one,n39,", "only,one,", "y,only,higher"]
    header = ",".join(f"x{k}" for k in range(40))
    values = f"unit,{header},y\np,{'0,' * 40}1\nq,{'0,' * 40}0\nr,{'1,' * 40}0\n"
    found = computed("\n".join(lines), values)
    # y of p has a half of a half … forty times over
    np.testing.assert_allclose(found.scores[:, 0], [100 * 0.5**40, 0.0, 100 * (1 - 0.5**40)], rtol=1e-14)


def test_a_weight_of_nothing_takes_a_child_out_of_the_mean_only(computed):
    framework = "code,parent,direction,weight\ni,,,\na,i,higher,0\nb,i,lower,1\nc,i,higher,0\n"
    found = computed(framework, audit=True)
    np.testing.assert_allclose(found.scores[:, 0], [0.0, 100 / 3, 100.0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"values": VALUES.replace(",", ";")}, r"values.csv: .*separated by ';'; separate them by ','"),
        ({"values": VALUES.replace(",", "\t")}, r"values.csv: .*separated by tabs; separate them by ','"),
        ({"framework": FRAMEWORK.replace(",", ";")}, r"framework.csv: 1 fault.*separated by ';'; separate them by ','"),
        ({"framework": FRAMEWORK.replace(",", "|")}, r"framework.csv: 1 fault.*separated by '\|'"),
        ({"values": VALUES.replace("p", "Zürich").encode("latin-1")}, "save it in the encoding UTF-8"),
        ({"framework": FRAMEWORK.replace("A", "Ä").encode("latin-1")}, "save it in the encoding UTF-8"),
        ({"values": VALUES.replace("unit", "Unit")}, "no column 'unit'; 'Unit' is nearly it, write it as 'unit'"),
        ({"values": VALUES.replace("a,b,c", "A,b,c")}, r"no column 'a' \(a\); 'A' is nearly it, write it as 'a'"),
        ({"framework": FRAMEWORK.replace("code", "Code")}, "no column 'code'; 'Code' is nearly it"),
        ({"values": "unit,Year,a,b,c\np,2020,1,4,2\n"}, "no column 'year'; 'Year' is nearly it, write it as 'year'"),
        ({"values": "unit,year,a,b,c\np,,1,4,2\nq,2020,1,3,2\n"}, "line 2, column year: empty"),
        ({"values": "unit,a,b\np,1,4\n"}, r"no column 'c' \(c\); add it, empty if nobody reported it"),
        (
            {"framework": FRAMEWORK.replace("a,A", "\u00e9,A"), "values": VALUES.replace("a,b", "e\u0301,b")},
            "a column has the same letters, coded otherwise: write '\u00e9' in one way in both files",
        ),
        ({"values": VALUES + "p,1,4,2\n"}, "line 5: p is given on line 2 already; tell years apart by a column 'year'"),
        ({"values": "sep=;\n" + VALUES}, "values.csv: 1 fault.*line 1: 'sep=;' is for Excel alone; delete the line"),
        ({"framework": "sep=,\n" + FRAMEWORK}, "framework.csv: 1 fault.*is for Excel alone; delete the line"),
        (
            {"values": VALUES.replace("unit", "city")},
            "no column 'unit'; columns are city, a, b, c; rename the one that",
        ),
        (
            {"values": VALUES.replace("a,b", "aa,b")},
            r"no column 'a' \(a\); add it, .*columns that are no indicator: 'aa'",
        ),
        (
            {"values": "unit,Code,value\np,a,1\n"},
            "1 fault.*no column of any indicator .*'Code' is nearly it.*a long one",
        ),
        (
            {"values": "unit,code,value\np,B,1\n"},
            "'B' is not an indicator of the framework; 'b' is, and nearly the same",
        ),
        ({"values": "unit,code,value\np,A,1\n"}, "'A' is not an indicator but a node with children"),
        ({"values": "unit,region,code,value\np,N,a,1\n"}, "unknown column 'region'.*groups of units need a wide file"),
        (
            {"values": VALUES.replace("9", "..")},
            "line 4, column c: '..' is not a finite number; leave a missing cell empty",
        ),
        ({"values": VALUES.replace("9", "–")}, "'–' is not a finite number; leave a missing cell empty"),
        ({"values": VALUES.replace("9", '"1.234,5"')}, "'1.234,5' is not a finite number; write a decimal point"),
        (
            {"values": VALUES.replace("9", "1 234")},
            "'1 234' is not a finite number; write a decimal point and no thous",
        ),
        ({"values": VALUES.replace("9", "−3")}, "'−3' is not a finite number; write the minus as '-'"),
        (
            {"framework": FRAMEWORK + "a,i,higher\n"},
            "'a' is taken by line 4 .*to count an indicator under two parents, give",
        ),
        ({"framework": FRAMEWORK.replace("c,i", "c,I")}, "parent 'I' is not the code of any node; 'i' is nearly it"),
        (
            {"method": METHOD.replace("{method: minmax}", "\n    method: minmax")},
            "not normalise, method; parameters stand d",
        ),
        (
            {"method": METHOD.replace("{method: minmax}", "minmax")},
            "a mapping, not 'minmax'; write 'normalise: {method: minmax}'",
        ),
        (
            {"method": METHOD.replace("{}", "{min_coverage: {A: 2}}")},
            r": 1 fault\n.*aggregate\.min_coverage\.A: 2: Input should be less than or equal to 1$",
        ),
        (
            {"method": METHOD.replace("{}", "{min_coverage: half}")},
            r": 1 fault\n.*min_coverage: 'half': Input should be a valid number or a valid dictionary$",
        ),
        (
            {"method": METHOD.replace("{}", "{round: 99}")},
            r"aggregate\.round: 99: Input should be less than or equal to 15$",
        ),
        (
            {"method": METHOD.replace("{}", "{method: {bod: {shares: [0.1]}}}")},
            r": bod\.shares\.1: Field required$",
        ),
        (
            {"method": METHOD.replace("minmax", "minmax, overrides: {a: {over: yeer}}")},
            r": overrides\.a\.over: 'yeer': Input should be 'year' or 'panel' or a valid integer$",
        ),
        ({"method": METHOD.replace("{method: minmax}", "{method:minmax}")}, r"no method \(a blank follows a colon\)"),
        ({"method": METHOD.replace("name: m", "name: é").encode("latin-1")}, "as YAML.*save it in the encoding UTF-8"),
        ({"values": VALUES.replace("p,", '"p,')}, "unexpected end of data; a quotation mark opens a cell and none cl"),
        ({"method": METHOD.replace("{}", "median")}, "not 'median'; write 'aggregate: {method: median}'"),
        ({"method": METHOD.replace("minmax", "minmax, range: 0-100")}, r"valid tuple \(a list, such as \[0, 100\]\)$"),
        (
            {"method": METHOD.replace("{}", "{levels: {B: median}}")},
            r"method.yaml \(method m\): 1 fault.*'B' is no level",
        ),
        ({"values": pl.DataFrame({"unit": ["p"], "a": [[1]], "b": [1], "c": [1]})}, r"column 'a': holds List\(Int64\)"),
        ({"method": METHOD.replace("minmax", "minmax, only: [1.10]")}, "put quotes around a code of digits"),
        (
            {"method": METHOD.replace("aggregate: {}", "aggregate: {levels: {1: minimum}}")},
            "put quotes around a code of d",
        ),
    ],
)
def test_what_cannot_be_read_says_what_to_do(computed, changed, said):
    with pytest.raises(SscIndexError) as error:
        computed(**changed)
    assert re.search(said, str(error.value), re.DOTALL)


def test_a_workbook_in_the_place_of_a_csv_file_is_told(tmp_path):
    for name in ("framework.csv", "method.yaml"):
        (tmp_path / name).write_text({"framework.csv": FRAMEWORK, "method.yaml": METHOD}[name], encoding="utf-8")
    (tmp_path / "values.xlsx").write_bytes(b"PK\x03\x04\x14\x00\xff\xfe")
    with pytest.raises(SscIndexError, match="it is a workbook: save its sheet as 'CSV UTF-8"):
        compute(tmp_path / "framework.csv", tmp_path / "values.xlsx", tmp_path / "method.yaml", tmp_path / "out")


def test_what_the_framework_asks_for_and_no_step_does_is_a_note_of_the_run(computed, tmp_path):
    framework = "code,parent,direction,denominator\ni,,,\na,i,higher,people\nb,i,lower,\nc,i,higher,\n"
    values = "unit,people,a,b,c\np,4,1,4,2\nq,2,2,3,3\n"
    computed(framework, values, METHOD.replace("  - aggregate: {}\n", ""))
    notes = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["notes"]
    assert [note.split(":")[0] for note in notes] == [
        "no step aggregates up to i, which so has no score; add '- aggregate",
        "a counted undivided",
    ]
    divided = METHOD.replace("steps:\n", "steps:\n  - denominate: {}\n")
    computed(framework, values, divided)
    notes = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["notes"]
    assert notes == ["1_denominate: a: by people"]


def test_means_that_are_equal_on_paper_and_differ_in_the_last_bit_are_noted_until_they_are_rounded(computed, tmp_path):
    # Each of the four has the mean 0.35; one comes out a bit above the others.
    framework = "code,parent,direction\ni,,\na,i,higher\nb,i,higher\nc,i,higher\n"
    values = "unit,a,b,c\np,1,2,3\nq,2,3,1\nr,3,1,2\ns,2,2,2\n"
    method = METHOD.replace("minmax", "minmax, range: [0, 0.7]")
    assert computed(framework, values, method).ranks[:, 0].tolist() == [2.0, 2.0, 2.0, 1.0]
    (note,) = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["notes"]
    assert "equal on paper: 1 of i; 'rank: {round: 9}' ranks them alike" in note
    assert computed(framework, values, method + "rank: {round: 9}\n").ranks[:, 0].tolist() == [1.0] * 4
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["notes"] == []
    assert computed(framework, values, method.replace("{}", "{round: 9}")).ranks[:, 0].tolist() == [1.0] * 4
