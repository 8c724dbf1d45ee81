"""ARCADE's annotation files: what is harmless is repaired and counted, what is not is the fault of its image."""

import json

import pytest

from tests.data.importers.layouts import square
from vasolib.data.importers.outlines import read_annotations
from vasolib.errors import UserError


def content(*annotations, images=None):
    """A file of two images and these annotations, each given an id of its own."""
    return {
        "images": images
        or [{"id": n, "file_name": f"{n}.png", "width": 24, "height": 20} for n in (1, 2)],
        "categories": [{"id": 5, "name": "5"}, {"id": 10, "name": " 9A"}, {"id": 26, "name": "Stenosis"}],
        "annotations": [{"id": number} | one for number, one in enumerate(annotations)],
    }  # fmt: skip


def note(image=1, category=5, segmentation=None):
    return {"image_id": image, "category_id": category, "segmentation": segmentation or [square(2, 3, 6)]}


def read(folder, made, kind="segments", encoding="utf-8"):
    path = folder / "train.json"
    path.write_bytes(json.dumps(made).encode(encoding))
    return read_annotations(path, kind)


def test_outlines_and_sizes_by_image(tmp_path):
    found = read(tmp_path, content(note(), note(2), note(2, 10, [square(1, 1, 2), square(9, 9, 2)])))
    assert found.images["1"].size == (20, 24) and not found.strangers and not +found.repairs
    assert [one.category for one in found.images["2"].outlines] == ["5", "9a"]
    assert [len(one.polygons) for one in found.images["2"].outlines] == [1, 2]
    assert not any(one.fault for one in found.images.values())


def test_a_size_that_is_not_said_or_0_is_none(tmp_path):
    images = [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png", "width": 0, "height": 0}]
    found = read(tmp_path, content(note(), images=images))
    assert {one.size for one in found.images.values()} == {None}


def test_backslashes_in_names_are_separators(tmp_path):
    images = [{"id": 1, "file_name": r"images\train\1.png"}, {"id": 2, "file_name": "images/2.png"}]
    assert list(read(tmp_path, content(note(), images=images)).images) == ["1", "2"]


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        (note(category=99), "has an annotation of the category_id 99, expected a segment's or a stenosis's"),
        (note(category="5"), "has an annotation of the category_id '5', expected a segment's or a stenosis's"),
        (
            note(segmentation={"counts": [1], "size": [20, 24]}),
            "has an annotation of the category '5' whose outline is",
        ),
        (note(segmentation=[[1, 1, 2, 2]]), "whose outline is none, expected polygons"),
        (note(segmentation=[square(2, 3, 6), [1, 2, 3]]), "whose outline is none, expected polygons"),
        (note(segmentation=[square(2, 3, float("nan"))]), "whose outline is none, expected polygons"),
        (note(image="1"), "has an annotation whose image_id is '1', expected its id itself"),
    ],
)
def test_what_would_pass_for_background_is_the_fault_of_its_image(tmp_path, annotation, fault):
    found = read(tmp_path, content(note(), note(2), annotation))
    assert fault in found.images["1"].fault and not found.images["2"].fault and not +found.repairs


def test_a_category_of_another_name_is_a_fault(tmp_path):
    made = content(note())
    made["categories"][0]["name"] = "RCA proximal"
    fault = read(tmp_path, made).images["1"].fault
    assert fault == "has an annotation of the category 'rca proximal', expected a segment's or a stenosis's"


def test_images_of_one_id_are_at_fault_as_nobody_knows_whose_the_outlines_are(tmp_path):
    images = [{"id": 1, "file_name": "1.png"}, {"id": 1, "file_name": "2.png"}, {"id": 3, "file_name": "3.png"}]
    found = read(tmp_path, content(note(), images=images))
    assert [one.fault for one in found.images.values()] == [
        "has the id 1 of another image, expected one of its own",
        "has the id 1 of another image, expected one of its own",
        "",
    ]


def test_what_is_harmless_is_repaired_and_counted(tmp_path):
    made = content(note(), note(), note(2, 26), note(2, 5, [square(1, 1, 2), [7, 7]]), note(2, 26, {"counts": [1]}))
    made["annotations"][1]["id"] = 0
    found = read(tmp_path, made)
    assert +found.repairs == {
        "ids repeat, annotations read by image": 1,
        "annotations that are there twice, taken once": 1,
        "annotations of the other half's categories, dropped": 2,
        "polygons of fewer than three corners, which have no area, dropped": 1,
    }
    assert [len(one.outlines) for one in found.images.values()] == [1, 1]
    assert not any(one.fault for one in found.images.values())


def test_annotations_of_no_image_are_kept_apart(tmp_path):
    found = read(tmp_path, content(note(), note(7), note(8)))
    assert found.strangers == [7, 8] and not found.images["1"].fault


def test_a_mark_in_front_is_read_over_and_another_encoding_has_a_remedy_that_helps(tmp_path):
    assert list(read(tmp_path, content(note()), encoding="utf-8-sig").images) == ["1", "2"]
    with pytest.raises(
        UserError, match=r"train\.json is no COCO file \(it is not in UTF-8.*: save it as UTF-8 in a tex"
    ):
        read(tmp_path, content(note()), encoding="utf-16")
