"""Reading sets from disk: formats, depths, layout, and a split that no order or machine changes."""

import hashlib
import os
import random
import shutil

import numpy as np
import pytest
from PIL import Image

from vasolib.data.folder import find_sets, frames_of, patient_of, split_by_patient
from vasolib.errors import UserError

GREY = np.add.outer(np.arange(0, 240, 12), np.arange(15)).astype(np.uint8)  # (20, 15)


def save(path, values=GREY, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


def test_sets_are_found_with_aligned_masks(tmp_path):
    for stem in ("b_1", "a_1"):
        save(tmp_path / "real" / "images" / f"{stem}.png")
        save(tmp_path / "real" / "masks" / f"{stem}.bmp")
        save(tmp_path / "corpus" / "images" / f"{stem}.jpg")
    save(tmp_path / "real" / "images" / ".hidden.png")
    (tmp_path / "real" / "images" / "notes.txt").write_text("not an image")
    (tmp_path / "README.md").write_text("not a set")
    save(tmp_path / "stenosis" / "images" / "s.png")
    (tmp_path / "stenosis" / "boxes").mkdir()
    sets, left_out = find_sets(tmp_path)
    assert list(sets) == ["corpus", "real"] and [one.file for one in left_out] == ["real/images/notes.txt", "stenosis"]
    assert "detection" in left_out[1].reason and [one.kind for one in left_out] == ["ignored", "set"]
    assert [path.name for path in sets["real"].images] == ["a_1.png", "b_1.png"]
    assert [path.name for path in sets["real"].masks] == ["a_1.bmp", "b_1.bmp"]
    assert sets["corpus"].masks is None


def real_set(root, count=10):
    """A set `real` of so many patients, with masks."""
    for number in range(count):
        save(root / "real" / "images" / f"p{number}_0.png")
        save(root / "real" / "masks" / f"p{number}_0.png", (GREY > 99).astype(np.uint8))
    return root / "real"


def test_a_set_whose_labels_are_called_otherwise_is_not_taken_for_one_without(tmp_path):
    """Its test images would be learned from."""
    real_set(tmp_path).joinpath("masks").rename(tmp_path / "real" / "Masks")
    save(tmp_path / "corpus" / "images" / "a.png")
    sets, left_out = find_sets(tmp_path)
    assert list(sets) == ["corpus"]
    assert "in a folder `Masks`, which is not read: call it `masks`" in left_out[0].reason


def test_a_missing_mask_leaves_its_image_out(tmp_path):
    folder = real_set(tmp_path)
    (folder / "masks" / "p3_0.png").unlink()
    sets, left_out = find_sets(tmp_path)
    assert len(sets["real"].images) == len(sets["real"].masks) == 9 and len(sets["real"].stems) == 10
    assert [str(one) for one in left_out] == [
        "real/images/p3_0.png has no mask, expected real/masks/p3_0.*: add it, or remove the image"
    ]


def test_masks_missing_for_all_are_a_fault_of_the_set(tmp_path):
    folder = real_set(tmp_path)
    (folder / "masks").rename(folder / "other")
    (folder / "masks").mkdir()
    with pytest.raises(
        UserError, match=r"the set real has 10 unusable images of 10, expected at most 20%.*has no mask"
    ):
        find_sets(tmp_path)


def test_of_two_images_of_one_stem_neither_is_used(tmp_path):
    folder = real_set(tmp_path)
    save(folder / "images" / "p3_0.jpg")
    sets, left_out = find_sets(tmp_path)
    assert "p3_0" not in {path.stem for path in sets["real"].images} and "p3_0" in sets["real"].stems
    assert [one.file for one in left_out if one.kind == "unusable"] == ["real/images/p3_0.jpg", "real/images/p3_0.png"]


def test_a_file_left_out_moves_no_other_between_the_parts(tmp_path):
    folder = real_set(tmp_path)
    whole = find_sets(tmp_path)[0]["real"]
    before = dict(zip(whole.images, whole.split(), strict=True))
    for number in (2, 7):
        (folder / "masks" / f"p{number}_0.png").unlink()
        found = find_sets(tmp_path)[0]["real"]
        after = dict(zip(found.images, found.split(), strict=True))
        assert after.items() < before.items()


def test_a_wrong_root_explains_the_layout(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty" / "images").mkdir(parents=True)
    for root, found in (
        (tmp_path / "none", "does not exist"),
        (tmp_path / "file", "not a folder"),
        (tmp_path, "empty"),
    ):
        with pytest.raises(UserError, match=r"one sub-folder per set.*images.*masks") as caught:
            find_sets(root)
        assert found in str(caught.value)


def test_folders_that_may_not_be_listed_are_named(tmp_path, monkeypatch):
    real_set(tmp_path)
    save(tmp_path / "open" / "images" / "a.png")

    def guarded(path):
        if path.name == guarded.name:
            raise PermissionError(13, "Permission denied", str(path))
        return iter([path / name for name in os.listdir(path)])

    guarded.name = "masks"
    monkeypatch.setattr("pathlib.Path.iterdir", guarded)
    sets, left_out = find_sets(tmp_path)
    assert list(sets) == ["open"]
    assert [str(one) for one in left_out] == [
        "real cannot be listed (Permission denied), expected a folder open to this user: change its rights"
    ]
    guarded.name = tmp_path.name
    with pytest.raises(UserError, match=r"the data folder .* cannot be listed \(Permission denied\)"):
        find_sets(tmp_path)


def test_sets_with_bad_names_or_without_folders_are_left_out(tmp_path):
    folder = real_set(tmp_path)
    shutil.copytree(folder, tmp_path / "new\nline")
    shutil.copytree(folder / "images", tmp_path / "file" / "images")
    (tmp_path / "file" / "masks").write_text("no folder")
    shutil.copytree(folder / "images", tmp_path / "link" / "images")
    (tmp_path / "link" / "masks").symlink_to("nowhere")
    sets, left_out = find_sets(tmp_path)
    assert list(sets) == ["real"] and [one.file for one in left_out] == ["file", "link", r"new\nline"]
    shutil.copytree(folder, tmp_path / "Ko\u0308ln")
    shutil.copytree(folder, tmp_path / "K\u00f6ln")
    with pytest.raises(UserError, match="has the name of another set but for its accents"):
        find_sets(tmp_path)


def test_a_set_one_folder_too_deep_is_pointed_out(tmp_path):
    save(tmp_path / "plain" / "images" / "a_1.png")
    save(tmp_path / "imported" / "stenosis" / "images" / "b_1.png")
    (tmp_path / "empty").mkdir()
    _, left_out = find_sets(tmp_path)
    assert [str(one) for one in left_out] == [
        "empty has no image file in a folder `images`: add some, or remove it",
        "imported has no image file in a folder `images`: its folder stenosis has one: move it beside this one",
    ]


def test_patients():
    assert [patient_of(stem) for stem in ("P3_C3_f039", "00018_33", "12")] == ["P3", "00018", "12"]


def test_split_is_exact_and_depends_on_names_alone():
    stems = [str(i) for i in range(100)]
    parts = dict(zip(stems, split_by_patient("x", stems), strict=True))
    assert list(parts.values()).count("test") == 30
    shuffled = random.Random(1).sample(stems, 100)
    assert dict(zip(shuffled, split_by_patient("x", shuffled), strict=True)) == parts
    assert split_by_patient("y", stems) != list(parts.values())
    first = min(stems, key=lambda stem: hashlib.sha256(f"x/{stem}".encode()).hexdigest())
    assert parts[first] == "test"
    assert split_by_patient("x", ["a", "b", "c", "d"]) == ["test", "test", "train", "train"]  # by sha256sum


def test_no_patient_is_in_both_parts():
    stems = [f"P{i % 7}_f{i}" for i in range(200)]
    parts = split_by_patient("x", stems, 0.25)
    pairs = {(patient_of(stem), part) for stem, part in zip(stems, parts, strict=True)}
    assert len(pairs) == 7 and {part for _, part in pairs} == {"train", "test"}
    assert parts.count("test") >= 50
    assert set(split_by_patient("x", ["a_1"] + ["b_1"] * 99)) == {"train", "test"}
    with pytest.raises(UserError, match="1 patient"):
        split_by_patient("x", ["a_1", "a_2"])


def test_frames_carry_names_hashes_and_parts(tmp_path):
    image = save(tmp_path / "real" / "images" / "p1_7.png")
    save(tmp_path / "real" / "masks" / "p1_7.png", (GREY > 99).astype(np.uint8))
    found = next(frames_of(find_sets(tmp_path)[0]["real"], ["test"]).fitted(20, 0, jobs=1))
    assert (found.id, found.source, found.split, found.patient) == ("real/p1_7", "real", "test", "p1")
    assert found.sha256 == hashlib.sha256(image.read_bytes()).hexdigest()
    shown = np.s_[:, 2:17]  # padded to a square
    assert np.array_equal(found.image[shown], GREY) and np.array_equal(found.mask[shown], GREY > 99)
    save(tmp_path / "corpus" / "images" / "p1_7.png")
    corpus = next(frames_of(find_sets(tmp_path)[0]["corpus"], None).fitted(20, 0, jobs=1))
    assert corpus.mask is None and corpus.split == "train"
