"""Near-duplicates: copies are found, other frames are not, and nothing is lost to blocks and batches."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.sparse.csgraph import connected_components

from vasolib.data import near
from vasolib.data.building import Frames, build_store
from vasolib.data.folder import read_image
from vasolib.data.near import CORRELATION, DISTANCE, Looks, near_duplicates, near_pairs
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import named_style

SIDE = 96


def compressed(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream))


def resized(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


def brightened(image: np.ndarray) -> np.ndarray:
    return np.clip(1.2 * image.astype(float) + 15, 0, 255).astype(np.uint8)


def noisy(image: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + draw, 0, 255).astype(np.uint8)


def cut(image: np.ndarray) -> np.ndarray:
    """Without 2 % of the side, all at the top and left."""
    gone = round(0.02 * len(image))
    return resized(image[gone:, gone:], len(image))


CHANGES = {
    "none": np.copy, "compressed": compressed, "brightened": brightened, "noisy": noisy, "cut": cut,
    "smaller": lambda image: resized(resized(image, 64), len(image)),
}  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Frames of different patients in all styles (24, side, side)."""
    return np.stack([make_frame(0, index, named_style("abcd"[index % 4]), SIDE).image for index in range(24)])


def pairs_of(first: Looks, second: Looks) -> set[tuple[int, int]]:
    found = near_pairs(first, second)
    assert (found["distance"] <= DISTANCE).all() and (found["correlation"] >= CORRELATION).all()
    return set(zip(found["first"], found["second"], strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near_its_frame_and_no_other(frames: np.ndarray, change: str):
    copies = np.stack([CHANGES[change](frame) for frame in frames])
    assert pairs_of(Looks.of(frames), Looks.of(copies)) == {(i, i) for i in range(len(frames))}


def test_a_copy_is_at_no_distance(frames: np.ndarray):
    found = near_pairs(Looks.of(frames[:3]), Looks.of(frames[2:5]))
    assert found.columns.tolist() == ["first", "second", "distance", "correlation"]
    (row,) = found.itertuples(index=False)
    assert row[:3] == (2, 0, 0) and row.correlation == pytest.approx(1, abs=1e-6)


def test_pairs_do_not_depend_on_order_blocks_or_batches(frames: np.ndarray, monkeypatch):
    looks, copies = Looks.of(frames), Looks.of(frames[3:9], np.stack([cut(frame) for frame in frames]))
    whole = pairs_of(looks, copies)
    assert len(whole) == 30
    assert {(b, a) for a, b in pairs_of(copies, looks)} == whole
    monkeypatch.setattr(near, "BLOCK", 100)
    monkeypatch.setattr(near, "BATCH", 4)
    again = Looks.of(frames)
    assert np.array_equal(again.hashes, looks.hashes) and np.array_equal(again.pictures, looks.pictures)
    assert pairs_of(looks, copies) == whole


def test_candidates_are_all_pairs_of_hashes_that_are_close():
    rng = np.random.default_rng(0)
    hashes = [rng.integers(0, 2**63, n, dtype=np.uint64) for n in (40, 50)]
    hashes[1][:20] = hashes[0][:20] ^ np.uint64(0xFF00FF00)  # 16 bits
    hashes[1][20:25] = hashes[0][20:25] ^ np.uint64(0x1FF00FF00)  # 17
    wanted = {
        (i, j): bits
        for i, a in enumerate(hashes[0].tolist())
        for j, b in enumerate(hashes[1].tolist())
        if (bits := (a ^ b).bit_count()) <= DISTANCE
    }
    found = {
        (i, j): d for part in near.candidates(*hashes) for i, j, d in zip(*(a.tolist() for a in part), strict=True)
    }
    assert found == wanted and 20 <= len(wanted) < 60


def test_correlation_is_that_of_the_overlap():
    a, b = np.random.default_rng(0).standard_normal((2, 1, near.INSIDE, near.INSIDE))
    moved = np.roll(a, (1, -2), axis=(1, 2))
    assert near.correlations(a, moved)[0] == pytest.approx(1)
    assert near.correlations(a, np.roll(a, 3, axis=1))[0] < 0.2
    assert near.correlations(a, b) == near.correlations(b, a)
    assert near.correlations(a, 0 * b)[0] == 0  # a picture without contrast is like nothing


def test_images_without_contrast_are_near_nothing():
    flat = Looks.of(np.full((3, 40, 40), 7, np.uint8))
    assert pairs_of(flat, flat) == set()


def test_dark_lines_are_detail_and_bright_ones_and_noise_are_less():
    plain = np.full((64, 64), 120, np.uint8)
    dark, bright = plain.copy(), plain.copy()
    dark[:, 30:34], bright[:, 30:34] = 80, 160
    noise = np.random.default_rng(0).integers(119, 122, plain.shape).astype(np.uint8)
    values = Looks.of(np.stack([plain, dark, bright, noise])).detail
    assert values[1] > 2 * values[2] > 0 and values[1] > 5 * max(values[0], values[3])


def test_no_image_no_pair(frames: np.ndarray):
    none, some = Looks.of(frames[:0]), Looks.of(frames[:2])
    assert pairs_of(none, some) == pairs_of(some, none) == pairs_of(none, none) == set()


def test_links_are_those_of_pairs_and_of_each_image_with_itself(frames: np.ndarray):
    looks = Looks.of(frames, np.stack([brightened(frame) for frame in frames[:5]]), frames[:2])
    links, pairs = near.near_links(looks), pairs_of(looks, looks)
    assert all(i < j for i, j in pairs) and pairs | {(i, i) for i in range(31)} == {
        (int(i), int(j)) for i, j in zip(*links.nonzero(), strict=True) if i <= j
    }
    assert pairs == {(i, j) for i, j in pairs_of(looks, looks.part(np.arange(31))) if i < j}
    assert (links != links.T).nnz == 0 and links.dtype == bool
    assert links[[0]].indices.tolist() == [0, 24, 29] and links[[4]].indices.tolist() == [4, 28]


def frame_of(item: tuple[str, str, np.ndarray]) -> Frame:
    name, split, image = item
    return Frame(name, name.split("/")[0], split, name, name, image, None)


def test_near_duplicates_are_those_of_test_images_among_all_that_is_trained_on(frames: np.ndarray, tmp_path: Path):
    def store(name: str, *items: tuple[str, str, np.ndarray]) -> ImageStore:
        return build_store(tmp_path / name, Frames(items, frame_of), SIDE, jobs=1)

    learned = "one/a", "train", frames[1]
    stores = {
        "corpus": store("corpus", ("plain/x", "train", compressed(frames[0])), learned),
        "one": store("one", learned, ("one/b", "test", frames[0]), ("one/c", "test", cut(frames[1]))),
        "two": store(
            "two", ("two/a", "train", noisy(frames[0])), ("two/b", "test", frames[2]), ("two/c", "test", frames[2])
        ),
    }
    found = near_duplicates(stores)
    assert list(found.columns) == ["tested", "trained", "distance", "correlation"]
    pairs = list(found[["tested", "trained"]].itertuples(index=False, name=None))
    assert sorted(pairs) == [("one/b", "plain/x"), ("one/b", "two/a"), ("one/c", "one/a")]
    assert found["correlation"].is_monotonic_decreasing
    apart = near_duplicates({"one": stores["one"]})
    assert list(apart["trained"]) == ["one/a"]
    none = near_duplicates({"corpus": stores["corpus"], "two": store("far", ("two/b", "test", frames[2]))})
    assert none.empty and list(none.columns) == list(found.columns)


def cine_frames(real: Path, cine: str, count: int) -> np.ndarray:
    paths = sorted((real / "angiodata" / "images").glob(f"{cine}_f*.jpg"))[:count]
    return np.stack([resized(read_image(path), 128) for path in paths])


def test_real_frames_in_a_row_are_near_and_other_patients_are_not(real: Path):
    recordings = [cine_frames(real, cine, 12) for cine in ("P2_C1", "P3_C3", "P5_C1", "P7_C4")]
    looks = Looks.of(*recordings)
    found = pairs_of(looks, looks)
    assert {i // 12 for i, j in found} == {0, 1, 2, 3} and all(i // 12 == j // 12 for i, j in found)
    neighbours = [(i, i + 1) for i in range(48) if (i + 1) % 12]
    assert sum(pair in found for pair in neighbours) >= 0.9 * len(neighbours)
    assert connected_components(near.near_links(looks))[0] <= 8


def test_real_frames_of_one_patient_under_two_names_are_found(real: Path):
    # Seen by eye: numbers 9 and 13, and 2 and 3, of DCA1 are the same patients' arteries in the same view.
    images = [real / "dca1" / "images" / f"{number}.png" for number in (9, 13, 2, 3, 40, 60)]
    looks = Looks.of(np.stack([resized(read_image(path), 128) for path in images]))
    assert {pair for pair in pairs_of(looks, looks) if pair[0] < pair[1]} == {(0, 1), (2, 3)}
