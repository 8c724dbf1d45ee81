"""The tables of imported sets are read whole or refused in a sentence."""

from pathlib import Path

import pytest

from vasolib.errors import UserError
from vasolib.v2.real_tables import read_boxes, read_parts


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return tmp_path / "t.csv"


def test_parts_are_text_and_unknown_patients_are_empty(tmp_path: Path):
    table = read_parts(written(tmp_path, "id,split,patient,original\n001,train,07,x\nNA,test,,y\n"))
    assert table.to_numpy().tolist() == [["001", "train", "07", ""], ["NA", "test", "", ""]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
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
     ("id,x0,y0,x1,y1\na,1,2,inf,4\n", "inf"), ("id,x0,y0,x1,y1\na,1,2,x,4\n", "four numbers")],
)  # fmt: skip
def test_faulty_boxes_are_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_boxes(written(tmp_path, text))
