"""A set's folder: whole or absent, originals linked where they are usable as they are."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.data.importers.layouts import SHAPE, Known, frame, pixels, save, table
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.writing import write_plan
from vasolib.data.left_out import LeftOut
from vasolib.errors import UserError


def plan(*images, kind="", **known):
    return Plan("mini", kind, [Item(f"p_{n}", image, f"in/{n}", "train", **known) for n, image in enumerate(images)])


def test_grey_files_are_linked_and_others_made_grey(tmp_path):
    grey = save(tmp_path / "a.bmp", frame(1))
    colours = save(tmp_path / "b.png", np.stack([frame(2)] * 3, axis=2))
    deep = save(tmp_path / "c.png", frame(3).astype(np.uint16) * 100)
    write_plan(plan(grey, colours, deep, frame(4)), tmp_path, Known())
    assert os.path.samefile(grey, tmp_path / "mini/images/p_0.bmp")
    for number, seed in ((0, 1), (1, 2), (3, 4)):
        np.testing.assert_array_equal(pixels(tmp_path / "mini", "images", f"p_{number}"), frame(seed))
    for path in (tmp_path / "mini/images").iterdir():
        assert Image.open(path).mode == "L"


def test_a_turned_photograph_is_written_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(frame()).save(tmp_path / "a.png", exif=exif)
    write_plan(plan(tmp_path / "a.png"), tmp_path, Known())
    assert pixels(tmp_path / "mini", "images", "p_0").shape == SHAPE[::-1]


def test_copies_where_the_disk_has_no_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    source = save(tmp_path / "a.png", frame())
    write_plan(plan(source), tmp_path, Known())
    copy = tmp_path / "mini/images/p_0.png"
    assert copy.read_bytes() == source.read_bytes() and not os.path.samefile(copy, source)


def test_what_is_known_of_the_set_is_beside_it(tmp_path):
    summary = write_plan(plan(frame(), patient="p"), tmp_path, Known())
    about = json.loads((tmp_path / "mini/about.json").read_text())
    assert about == {"name": "mini", "title": "A miniature", "licence": "none stated", "citation": "Nobody, 2026",
                     "home": "https://example.org", "kind": "", "repairs": []}  # fmt: skip
    assert summary.patients == 1 and list(table(tmp_path / "mini").columns) == [
        "id", "split", "patient", "cine", "original"]  # fmt: skip
    assert list(table(tmp_path / "mini", "left_out").columns) == ["file", "reason"]


def test_a_set_that_is_there_is_refused_and_untouched(tmp_path):
    write_plan(plan(frame(1)), tmp_path, Known())
    with pytest.raises(UserError, match=r"mini is there already: remove it"):
        write_plan(plan(frame(2)), tmp_path, Known())
    np.testing.assert_array_equal(pixels(tmp_path / "mini", "images", "p_0"), frame(1))


def test_a_failure_half_way_leaves_nothing(tmp_path):
    def items():
        yield Item("a", frame(), "a", "train")
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        write_plan(Plan("mini", "", items()), tmp_path / "data", Known())
    assert list((tmp_path / "data").iterdir()) == []


def test_unusable_frames_and_ids_that_differ_by_case_are_left_out(tmp_path):
    good = [Item(f"a{n}", frame(n), f"{n}", "train") for n in range(20)]
    bad = [
        Item("b", np.zeros(SHAPE, np.uint8), "flat", "train"),
        Item("c", frame()[:4], "small", "train"),
        Item("A1", frame(), "twin", "train"),
        LeftOut("ignored", "mini", "other", "is no image"),
    ]
    summary = write_plan(Plan("mini", "", [*good, *bad]), tmp_path, Known())
    assert (summary.images, summary.left_out) == (20, 4)
    assert list(table(tmp_path / "mini", "left_out").file) == ["flat", "small", "twin", "other"]


def test_too_much_that_is_unusable_is_a_fault_of_the_set(tmp_path):
    flat = np.zeros(SHAPE, np.uint8)
    with pytest.raises(UserError, match=r"3 usable images and 2 unusable files, 40\.0% of it, .* at most 20%"):
        write_plan(plan(frame(), flat, frame(), flat, frame()), tmp_path / "data", Known())
    with pytest.raises(UserError, match="none was found"):
        write_plan(plan(), tmp_path / "data", Known())


def lost(*files):
    return [LeftOut("unusable", "mini", file, "cannot be read") for file in files]


def cine(name, frames, of="video"):
    """A cine's frames, in one file or in a file each."""
    originals = [f"{name}.npz" if of == "video" else f"{name}/input/{number}.png" for number in range(frames)]
    return [Item(f"{name}_{n}", frame(n), one, "unlabelled", name, name) for n, one in enumerate(originals)]


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([*cine("a", 9), *cine("b", 9), *lost("c.npz")], "1 unusable files, 33.3% of it"),  # and not of 19 images
        ([*cine("a", 4, "frames"), *cine("b", 4, "frames"), *lost("c/list.txt")], "1 unusable files, 33.3% of it"),
        ([*cine("a", 9), replace(cine("b", 1)[0], image=np.zeros(SHAPE, np.uint8))], "1 unusable files, 50.0% of it"),
        ([*cine("a", 1), *(replace(one, image=np.zeros(SHAPE, np.uint8)) for one in cine("a", 9)[1:])],
         "1 unusable files, 88.9% of it"),
    ],
)  # fmt: skip
def test_a_lost_cine_weighs_as_much_as_one_that_is_kept(tmp_path, items, found):
    with pytest.raises(UserError, match=found):
        write_plan(Plan("mini", "", items), tmp_path, Known())


def test_an_image_and_its_label_are_lost_once(tmp_path):
    items = [*cine("a", 8, "frames"), *lost("b/x.bmp", "b/x.PNG", "b/x.xml", "b/1.2.3.png", "b/z.txt")]
    assert write_plan(Plan("mini", "", items[:-1]), tmp_path, Known()).left_out == 4  # two of ten
    with pytest.raises(UserError, match=r"3 unusable files, 55\.6% of it"):
        write_plan(replace(plan(), items=items), tmp_path / "other", Known())
