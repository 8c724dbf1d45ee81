"""The tables of imported sets are read whole or refused in a sentence."""

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vasolib.errors import UserError
from vasolib.v2.real_tables import CORNERS, PARTS, read_boxes, read_parts

FUZZED = {"max_examples": 150, "deadline": None, "derandomize": True, "database": None}
TEXT = st.text(st.characters(codec="utf-8"), max_size=4)
CELLS = TEXT | st.sampled_from([*PARTS, "id", "1", "-2.5", "1e400", "nan", "inf", "9" * 30, "0x1", "1_0", "None", '"'])
NAMES = st.sampled_from(["id", "split", "patient", "cine", *CORNERS]) | TEXT


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return tmp_path / "t.csv"


def test_parts_are_text_and_unknown_patients_are_empty(tmp_path: Path):
    table = read_parts(written(tmp_path, "id,split,patient,original\n001,train,07,x\nNA,test,,y\n"))
    assert table.to_numpy().tolist() == [["001", "train", "07", ""], ["NA", "test", "", ""]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has the columns \[\].*add id, split"),
        ('id,split\n"a"x,train\n', "cannot be read"),
        ("id,split\na,train,\n", "a row of 3 cells, expected 2 .id, split., 'a,train,': mend that row"),
        ("id,split,patient\na,train\n", "a row of 2 cells, expected 3"),
        ("id,split,patient,patient\na,train,1,2\n", "expected each once"),
        ("id,part\na,train\n", r"has the columns \['id', 'part'\].*add split"),
        ("id,split\na,train\na,test\n", "1 id.* twice, such as 'a'"),
        ("id,split\na,trian\n", "the split 'trian'.*train"),
    ],
)
def test_faulty_parts_are_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_parts(written(tmp_path, text))


def test_boxes_go_to_their_images(tmp_path: Path):
    found = read_boxes(written(tmp_path, "id,x0,y0,x1,y1\n1,0,0.5,3,4\n2,1,1,2,2\n1,5,5,6,6\n"))
    assert found == {"1": ((0, 0.5, 3, 4), (5, 5, 6, 6)), "2": ((1, 1, 2, 2),)}
    assert read_boxes(written(tmp_path, "id,x0,y0,x1,y1\n")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [("id,x0,y0,x1\na,1,2,3\n", "add y1"), ("id,x0,y0,x1,y1\na,1,2,,4\n", "box .* of a"),
     ("id,x0,y0,x1,y1\na,b,1,2,3,4\n", "a row of 6 cells, expected 5"),
     ("id,x0,y0,x1,y1\na,1,2,inf,4\n", "inf"), ("id,x0,y0,x1,y1\na,1,2,x,4\n", "four numbers")],
)  # fmt: skip
def test_faulty_boxes_are_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_boxes(written(tmp_path, text))


@st.composite
def tables(draw: st.DrawFn, *columns: str) -> list[list[str]]:
    """Rows of equal length under these columns, or some of them and others."""
    head = list(columns) if draw(st.booleans()) else draw(st.lists(NAMES, min_size=1, max_size=7))
    usual = {"split": st.sampled_from(PARTS)} | dict.fromkeys(CORNERS, st.integers(-9, 9).map(str))
    row = st.tuples(*(usual.get(name, TEXT) if draw(st.integers(0, 3)) else CELLS for name in head))
    return [head, *map(list, draw(st.lists(row, max_size=4)))]


def as_csv(rows: list[list[str]]) -> bytes:
    """A table's file, each cell in quotes."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def read_or_refused(read, folder: Path, data: bytes):
    """What a table of these bytes says; None where it is refused by a message that begins with its path."""
    path = folder / "t.csv"
    path.write_bytes(data)
    try:
        return read(path)
    except UserError as error:
        refused = str(error)
    assert refused.startswith(f"{path} ")
    return None


def check_parts(table) -> None:
    """A table of parts is as documented."""
    assert list(table) == ["id", "split", "patient", "cine"] and table["id"].is_unique
    assert all(isinstance(cell, str) for cell in table.to_numpy().ravel()) and set(table["split"]) <= set(PARTS)


def check_boxes(boxes: dict) -> None:
    """Boxes are as documented."""
    assert all(isinstance(name, str) and found for name, found in boxes.items())
    assert all(len(box) == 4 and all(map(math.isfinite, box)) for found in boxes.values() for box in found)


@settings(**FUZZED)
@given(tables("id", "split", "patient"))
def test_any_cells_of_parts(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]):
    table = read_or_refused(read_parts, tmp_path_factory.getbasetemp(), as_csv(rows))
    if table is not None:
        check_parts(table)
        for name in set(rows[0]) & set(table):
            assert table[name].tolist() == [row[rows[0].index(name)] for row in rows[1:]]


@settings(**FUZZED)
@given(tables("id", *CORNERS))
def test_any_cells_of_boxes(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]):
    boxes = read_or_refused(read_boxes, tmp_path_factory.getbasetemp(), as_csv(rows))
    if boxes is not None:
        check_boxes(boxes)
        assert set(boxes) == {row[rows[0].index("id")] for row in rows[1:]}


WORDS = st.sampled_from([b"id", b"split", b"train", b",", b'"', b"\n", b"\r", b"1", b"\0", b"\xff", b"\xef\xbb\xbf"])
HEADS = st.sampled_from([b"", b"id,split\n", b"id,x0,y0,x1,y1\n"])


@settings(**FUZZED)
@given(HEADS, st.lists(WORDS | st.binary(max_size=2), max_size=14))
def test_any_bytes_of_a_table(tmp_path_factory: pytest.TempPathFactory, head: bytes, words: list[bytes]):
    for read, check in ((read_parts, check_parts), (read_boxes, check_boxes)):
        found = read_or_refused(read, tmp_path_factory.getbasetemp(), head + b"".join(words))
        if found is not None:
            check(found)
