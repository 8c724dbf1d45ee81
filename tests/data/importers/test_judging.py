"""Planned images as they are read: whose fault it is where one is left out, sizes that are stated, boxes inside."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.data.importers.layouts import SHAPE, frame, save
from vasolib.data.importers.judging import boxes_inside, judged
from vasolib.data.importers.looking import mask_of
from vasolib.data.importers.plan import Item, Plan


@pytest.mark.parametrize("mask", [np.zeros(SHAPE, np.uint8), np.zeros((9, 9), np.uint8), None])
def test_a_mask_at_fault_is_named_though_it_has_its_images_name(tmp_path, mask):
    image, path = save(tmp_path / "set/images/a.png", frame()), tmp_path / "set/masks/a.png"
    if mask is not None:
        save(path, mask)
    one = Plan("mini", "vessels", [Item("a", image, "images/a.png", "train", label=partial(mask_of, path))])
    (lost,) = judged(one)
    assert lost.file == "images/a.png" and lost.reason.startswith("its mask masks/a.png ")
    in_memory = replace(one, items=[replace(one.items[0], image=frame(), original="a.dcm")])
    assert next(judged(in_memory)).reason.startswith("its mask a.png ")


def test_an_image_at_fault_is_not_called_a_mask(tmp_path):
    image = save(tmp_path / "set/images/a.png", frame()[:4])
    for one in (image, np.zeros(SHAPE, np.uint8)):
        (lost,) = judged(Plan("mini", "", [Item("a", one, "images/a.png", "train")]))
        assert lost.file == "images/a.png" and "mask" not in lost.reason


def test_boxes_that_are_whole_stay_and_others_are_told():
    repairs = []
    boxes = ((0, 0, 24, 20), (1.2, 2.0, 5.9, 6.0), (float("nan"), 0, 1, 1))
    kept = boxes_inside(Item("a", frame(), "a", "train", boxes=boxes), SHAPE, repairs)
    assert kept == ((0, 0, 24, 20), (1, 2, 6, 6)) and len(repairs) == 1 and "no numbers" in repairs[0]


@pytest.mark.parametrize("source", ["file", "memory"])
def test_an_image_of_another_size_than_stated_is_left_out_with_both(tmp_path, source):
    image = save(tmp_path / "a.png", frame()) if source == "file" else frame()

    def label(_):
        pytest.fail("a label was drawn for an image of another size")

    wrong = Item("a", image, "in/a.png", "train", label=label, stated=(40.0, 48.0))
    (lost,) = judged(Plan("mini", "vessels", [wrong]))
    assert lost.file == "in/a.png"
    assert lost.reason.startswith("is 24 x 20 pixels, expected 48 x 40 as its annotation says: ")
    for size in (None, (20.0, 24.0)):
        (found,) = judged(Plan("mini", "", [replace(wrong, label=None, stated=size)]))
        assert found[0].id == "a"
