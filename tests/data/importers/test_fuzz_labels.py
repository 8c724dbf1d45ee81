"""Whatever a file of labels says, it is read or refused by one message that names it."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.importers.layouts import square
from vasolib.data.importers.outlines import read_annotations
from vasolib.data.importers.voc import _noted
from vasolib.data.left_out import BadFile
from vasolib.errors import UserError

FUZZED = {"max_examples": 300, "deadline": None, "derandomize": True, "database": None}
NUMBERS = st.integers() | st.floats() | st.just(10**400)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
CONTENT = {
    "images": [{"id": 1, "file_name": "1.png", "width": 24, "height": 20}],
    "categories": [{"id": 5, "name": "5"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "segmentation": [square(2, 3, 6)]}],
}
KEYS = [(name, key) for name, (one,) in CONTENT.items() for key in one]


@settings(**FUZZED)
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=2), st.binary(max_size=3))
def test_any_annotation_file(tmp_path_factory: pytest.TempPathFactory, changes: list, end: bytes):
    content = json.loads(json.dumps(CONTENT))
    for (name, key), value in changes:
        content[name][0][key] = value
    path = tmp_path_factory.getbasetemp() / "train.json"
    path.write_bytes(json.dumps(content).encode() + end)
    try:
        found = read_annotations(path, "segments")
    except UserError as error:
        refused = str(error)
    else:
        assert all(isinstance(stem, str) for stem in found.images)
        return
    assert refused.startswith(f"{path} is no COCO file (") and "\n" not in refused


HEADS = st.sampled_from([b"", b"<?xml version='1.0'?>", b"<?xml version='1.0' encoding='utf-16'?>", b"\xff\xfe"])
WORDS = st.sampled_from([b"<annotation>", b"</annotation>", b"<object>", b"</object>", b"<bndbox>", b"</bndbox>",
                         b"<xmin>", b"</xmin>", b"<size><width>", b"</width></size>", b"&#0;"])  # fmt: skip


@settings(**FUZZED)
@given(HEADS, st.lists(WORDS | st.binary(max_size=4), max_size=12))
def test_any_box_file(tmp_path_factory: pytest.TempPathFactory, head: bytes, words: list[bytes]):
    path: Path = tmp_path_factory.getbasetemp() / "boxes.xml"
    path.write_bytes(head + b"".join(words))
    try:
        boxes, _ = _noted(path)
    except BadFile as error:
        refused = str(error)
    else:
        assert all(len(box) == 4 for box in boxes)
        return
    assert refused.startswith(f"{path} cannot be read (") and "\n" not in refused
