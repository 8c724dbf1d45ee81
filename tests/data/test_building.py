"""Building: what goes in comes out, whole or not at all, and goes on after a kill."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from vasolib.data import building
from vasolib.data.building import Frames
from vasolib.data.left_out import LeftOut
from vasolib.data.store import COLUMNS, Frame, ImageStore
from vasolib.errors import UserError
from vasolib.files import write_csv


def build_store(folder, frames, side, **options):
    """A store of frames that are made already, in this process."""
    return building.build_store(folder, Frames(list(frames)), side, jobs=1, **options)


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


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_table_is_written_as_any_other(tmp_path):
    names = ["plain", "with, comma", 'with "quotes"', "Ångström", "007", ""]
    store = build_store(tmp_path / "s", [frame(name, IMAGE) for name in names], 8)
    rows = [[getattr(frame(name, IMAGE), column) for column in COLUMNS] for name in names]
    write_csv(tmp_path / "want.csv", pd.DataFrame(rows, columns=COLUMNS))
    assert (tmp_path / "s" / "table.csv").read_bytes() == (tmp_path / "want.csv").read_bytes()
    assert list(store.table["id"]) == names


def test_processes_change_nothing(tmp_path):
    given = losing(list(frames(30, (40, 30))), (0, 7, 8, 29))
    build_store(tmp_path / "alone", given, 16)
    building.build_store(tmp_path / "together", Frames(given), 16, jobs=2)
    assert content(tmp_path / "alone") == content(tmp_path / "together")


def test_items_are_fetched_in_turn_and_then_made(tmp_path):
    log = []
    given = list(frames(3))
    listed = Frames(range(3), make=lambda i: log.append(("made", i)) or given[i], fetch=lambda i: log.append(i) or i)
    assert len(building.build_store(tmp_path / "s", listed, 32, jobs=1)) == 3
    assert log == [0, 1, 2, ("made", 0), ("made", 1), ("made", 2)]


def failing(given, after):
    """Frames that can be made up to a number, then no more."""

    def make(number):
        if number == after:
            raise RuntimeError("disk on fire")
        return given[number]

    return Frames(range(len(given)), make)


def test_a_failure_leaves_no_folder_and_keeps_an_older_one(tmp_path):
    given = list(frames(4))
    with pytest.raises(RuntimeError):
        building.build_store(tmp_path / "s", failing(given, 2), 32, jobs=1)
    assert not (tmp_path / "s").exists()
    build_store(tmp_path / "s", given[:3], 32)
    with pytest.raises(RuntimeError):
        building.build_store(tmp_path / "s", failing(given, 2), 32, jobs=1)
    assert len(ImageStore.open(tmp_path / "s")) == 3
    assert len(build_store(tmp_path / "s", given, 32)) == 4


def cut_image(folder):
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes()[:-1])


def cut_row(folder):
    path = folder / "table.csv"
    path.write_bytes(path.read_bytes()[:-9])


def cut_all(folder):
    for path in folder.iterdir():
        path.write_bytes(b"")


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("after", [0, 1, 5])
@pytest.mark.parametrize("damage", [lambda folder: None, cut_image, cut_row, cut_all])
def test_half_a_store_is_gone_on_with(tmp_path, damage, after, masks):
    given = list(frames(6, masks=masks))
    build_store(tmp_path / "want", given, 16)
    with pytest.raises(RuntimeError):
        building.build_store(tmp_path / "s", failing(given, after), 16, resume=True, jobs=1)
    damage(tmp_path / ".s.tmp")
    build_store(tmp_path / "s", given, 16, resume=True)
    assert content(tmp_path / "s") == content(tmp_path / "want") and not (tmp_path / ".s.tmp").exists()


def test_what_is_written_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("vasolib.parallel.BATCH", 1)
    given = list(frames(6))
    for _ in range(2):  # a frame that cannot be made still cannot
        with pytest.raises(RuntimeError):
            building.build_store(tmp_path / "s", failing(given, 3), 16, resume=True, jobs=1)
    made = []
    listed = Frames(range(6), lambda number: made.append(number) or given[number])
    building.build_store(tmp_path / "s", listed, 16, resume=True, jobs=1)
    assert made == [3, 4, 5]
    building.build_store(tmp_path / "s", listed, 16, resume=True, jobs=1)
    assert made == [3, 4, 5]  # a finished one is kept
    building.build_store(tmp_path / "s", listed, 16, jobs=1)
    assert made == [3, 4, 5, *range(6)]


def test_a_name_from_before_the_kill_is_not_given_again(tmp_path):
    given = [*frames(3), next(frames(1))]
    with pytest.raises(RuntimeError):
        building.build_store(tmp_path / "s", failing(given, 3), 16, resume=True, jobs=1)
    with pytest.raises(UserError, match="two frames are called '000'"):
        build_store(tmp_path / "s", given, 16, resume=True)


def losing(given, lost):
    """Frames of which some cannot be used."""
    return [LeftOut("unusable", "set", one.id, "is bad") if n in lost else one for n, one in enumerate(given)]


@pytest.mark.parametrize("lost", [(0,), (5,), (0, 1, 3), (1, 2, 4, 5)])
@pytest.mark.parametrize("after", range(7))
@pytest.mark.parametrize("damage", [lambda folder: None, cut_image, cut_row])
def test_what_is_left_out_is_listed_wherever_a_kill_comes(tmp_path, lost, after, damage):
    given = list(frames(6))
    mixed = losing(given, lost)
    whole = build_store(tmp_path / "want", mixed, 16)
    kept = [one.id for n, one in enumerate(given) if n not in lost]
    assert list(whole.table["id"]) == kept
    assert building.left_out_of(tmp_path / "want") == [one for one in mixed if isinstance(one, LeftOut)]
    if after < 6:
        with pytest.raises(RuntimeError):
            building.build_store(tmp_path / "s", failing(mixed, after), 16, resume=True, jobs=1)
        damage(tmp_path / ".s.tmp")
    build_store(tmp_path / "s", mixed, 16, resume=True)
    assert content(tmp_path / "s") == content(tmp_path / "want")


def test_a_store_of_nothing_usable_is_refused_with_the_first_reason(tmp_path):
    mixed = losing(list(frames(3)), (0, 1, 2))
    for _ in range(2):
        with pytest.raises(UserError, match=r"no frame can be written to .*: 000 is bad"):
            build_store(tmp_path / "s", mixed, 16, resume=True)
    assert not (tmp_path / "s").exists()


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
