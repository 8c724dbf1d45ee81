"""The store: what goes in comes out, whole or not at all, and damage is named."""

import hashlib

import numpy as np
import pytest

from vasolib.data.store import Frame, ImageStore, build_store
from vasolib.errors import UserError


def frame(name, image, mask=None, split="train"):
    return Frame(name, "set", split, name, hashlib.sha256(image.tobytes()).hexdigest(), image, mask)


def frames(count, shape=(32, 32), masks=True):
    rng = np.random.default_rng(3)
    for i in range(count):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        yield frame(f"{i:03}", image, (image > 128).astype(np.uint8) if masks else None, "test" if i % 3 else "train")


def test_frames_of_the_stores_size_come_back_unchanged(tmp_path):
    given = list(frames(5))
    build_store(tmp_path / "s", iter(given), 32)
    store = ImageStore.open(tmp_path / "s")
    assert (len(store), store.side) == (5, 32)
    for i, one in enumerate(given):
        assert np.array_equal(store.images[i], one.image)
        assert np.array_equal(store.masks[i], one.mask)
        assert store.table.loc[i].tolist() == [one.id, one.source, one.split, one.patient, one.sha256]
    assert store.table.loc[0, "patient"] == "000"  # text, leading zeros and all
    assert store.select("test").tolist() == [1, 2, 4]
    assert not store.images.flags.writeable


def test_many_frames_keep_the_header_right(tmp_path):
    build_store(tmp_path / "s", frames(1234, (4, 4)), 4)
    assert np.load(tmp_path / "s" / "images.npy").shape == (1234, 4, 4)


def test_the_bytes_are_the_same_every_time(tmp_path):
    for name in ("one", "two"):
        build_store(tmp_path / name, frames(4, (40, 30)), 16)
    for name in ("images.npy", "masks.npy", "table.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_oblong_image_is_padded_not_squashed(tmp_path):
    image = np.full((20, 40), 200, np.uint8)
    mask = np.zeros((20, 40), np.uint8)
    mask[8:12, 10:30] = 1
    store = build_store(tmp_path / "s", [frame("x", image, mask)], 40)
    assert np.array_equal(store.images[0][10:30], image)
    assert not store.images[0][:10].any() and not store.images[0][30:].any()
    assert np.array_equal(store.masks[0][10:30], mask)


@pytest.mark.parametrize("side", [24, 150])
def test_mask_and_image_stay_aligned_when_resized(tmp_path, side):
    mask = np.zeros((70, 100), np.uint8)
    mask[20:41, 30:70] = 1
    store = build_store(tmp_path / "s", [frame("x", 250 * mask, mask)], side)
    assert set(np.unique(store.masks[0])) == {0, 1}
    assert np.array_equal(store.masks[0], store.images[0] >= 125)
    assert store.masks[0].mean() == pytest.approx(mask.sum() / 100**2, rel=0.1)


def test_reduction_averages(tmp_path):
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    store = build_store(tmp_path / "s", [frame("x", checks.astype(np.uint8))], 16)
    assert abs(store.images[0].astype(int) - 127).max() <= 8  # picking pixels would give 0 or 255


def test_without_masks_there_is_no_mask_file(tmp_path):
    store = build_store(tmp_path / "s", frames(2, masks=False), 32)
    assert store.masks is None and not (tmp_path / "s" / "masks.npy").exists()


def test_a_failure_leaves_no_folder_and_keeps_an_older_one(tmp_path):
    def failing():
        yield from frames(2)
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError):
        build_store(tmp_path / "s", failing(), 32)
    assert not (tmp_path / "s").exists()
    build_store(tmp_path / "s", frames(3), 32)
    with pytest.raises(RuntimeError):
        build_store(tmp_path / "s", failing(), 32)
    assert len(ImageStore.open(tmp_path / "s")) == 3
    assert len(build_store(tmp_path / "s", frames(4), 32)) == 4


IMAGE = np.zeros((8, 8), np.uint8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no frame"),
        ([frame("twin", IMAGE), frame("twin", IMAGE)], "twin"),
        ([frame("with", IMAGE, IMAGE), frame("without", IMAGE)], "without has no mask"),
        ([frame("without", IMAGE), frame("with", IMAGE, IMAGE)], "without has no mask"),
        ([frame("wide", IMAGE, IMAGE[:, :5])], "wide: mask"),
        ([frame("colour", np.zeros((8, 8, 3), np.uint8))], "colour is uint8 of shape"),
    ],
)
def test_wrong_frames_are_named(tmp_path, given, message):
    with pytest.raises(UserError, match=message):
        build_store(tmp_path / "s", given, 8)
    assert not (tmp_path / "s").exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def drop_a_row(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def drop_a_column(path):
    path.write_text(path.read_text().replace("patient", "subject"))


def shrink(path):
    np.save(path, np.load(path)[:, :16, :16])


@pytest.mark.parametrize(
    ("name", "damage", "blamed"),
    [
        ("images.npy", lambda path: path.unlink(), "images.npy"),
        ("table.csv", lambda path: path.unlink(), "table.csv"),
        ("images.npy", truncate, "images.npy"),
        ("images.npy", lambda path: path.write_bytes(b""), "images.npy"),
        ("table.csv", lambda path: path.write_bytes(b""), "table.csv"),
        ("table.csv", drop_a_row, "images.npy"),
        ("table.csv", drop_a_column, "table.csv"),
        ("masks.npy", truncate, "masks.npy"),
        ("masks.npy", shrink, "masks.npy"),
    ],
)
def test_damage_is_named_with_its_remedy(tmp_path, name, damage, blamed):
    build_store(tmp_path / "s", frames(3), 32)
    damage(tmp_path / "s" / name)
    with pytest.raises(UserError, match=r"expected .*run the data stage again") as caught:
        ImageStore.open(tmp_path / "s")
    assert blamed in str(caught.value)


def test_an_unknown_split_is_refused(tmp_path):
    store = build_store(tmp_path / "s", frames(3), 32)
    with pytest.raises(UserError, match="did you mean 'train'"):
        store.select("trian")
