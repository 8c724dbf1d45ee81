"""How much of a corpus is left without near-duplicates, and which of them are kept."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse import csr_array

from vasolib.data.building import Frames, build_store
from vasolib.data.leaks import counted, splits
from vasolib.data.near import near_duplicates
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.cine import make_cine
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import named_style
from vasolib.errors import UserError
from vasolib.v2.cines import write_cines
from vasolib.v2.redundancy import LEFT_OUT, Alike, leaks_left, recordings, redundancy, usable_rows


def stored(folder: Path, images: list[tuple[str, str, np.ndarray]]) -> ImageStore:
    def frame(item: tuple[str, str, np.ndarray]) -> Frame:
        name, source, image = item
        return Frame(f"{source}/{name}", source, "train", name, name, image, None)

    return build_store(folder, Frames(images, frame), len(images[0][2]), jobs=1)


def chain(*details: float) -> Alike:
    """Images in a row, each like the one before and the next."""
    count = len(details)
    return Alike(csr_array(abs(np.subtract.outer(range(count), range(count))) <= 1), np.array(details))


def test_what_has_more_to_see_is_kept_and_nothing_like_it():
    everything, last = np.ones(5, bool), np.arange(5) != 1
    assert chain(0, 3, 0, 2, 1).distinct(everything).tolist() == [1, 3]
    assert chain(0, 3, 0, 2, 1).distinct(last).tolist() == [0, 3]
    assert chain(1, 1, 1, 1, 1).distinct(everything).tolist() == [0, 2, 4]  # the first of equal ones
    assert chain(0, 3, 0, 2, 1).group.tolist() == [0] * 5
    assert chain(0, 3, 0, 2, 1).distinct(np.zeros(5, bool)).tolist() == []


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_what_is_kept_is_apart_and_what_is_not_is_like_something_kept(seed: int, share: float):
    rng = np.random.default_rng(seed)
    links = np.triu(rng.random((12, 12)) < 0.2, 1)
    links = links | links.T | np.eye(12, dtype=bool)
    among = rng.random(12) < share
    kept = Alike(csr_array(links), rng.random(12)).distinct(among)
    assert links[np.ix_(kept, kept)].sum() == len(kept) and among[kept].all()
    assert (links[:, kept].any(axis=1) >= among).all()


def test_a_recording_and_a_brightened_copy_are_redundant_and_other_patients_are_not(tmp_path: Path):
    style = named_style("a")
    singles = [make_frame(0, index, style, 96).image for index in range(4)]
    cine = [frame.image for frame in make_cine(0, 11, style, 96, frames=24, rate=30.0)][18:]
    copy = np.clip(1.1 * singles[3].astype(float) + 9, 0, 255).astype(np.uint8)
    images = [(f"s{n}", "one", image) for n, image in enumerate(singles)]
    images += [(f"c{n}", "cine", image) for n, image in enumerate(cine)] + [("copy", "cine", copy)]
    table, alike = redundancy(stored(tmp_path / "s", images))
    rows = table.set_index("source")
    assert rows.loc["all", ["images", "distinct", "groups", "largest"]].tolist() == [11, 5, 2, 6]
    assert rows.loc["all", "first"] == "cine/c0" and rows.loc["all", "share"] == pytest.approx(100 * 5 / 11)
    assert rows.loc["one", ["distinct", "share"]].tolist() == [3, 75.0]
    assert rows.loc["cine", "distinct"] == 2  # one of its frames, and the copy, which has more contrast
    assert alike.group[3] == alike.group[10]


def test_an_image_is_of_its_recording_or_of_those_that_look_like_it(tmp_path: Path):
    corpus = stored(tmp_path / "s", [(str(n), "one", make_frame(0, n, named_style("b"), 64).image) for n in range(5)])
    group = np.array([7, 3, 7, 1, 3])
    assert recordings(corpus, group).to_list() == ["one/0", "one/1", "one/0", "one/3", "one/1"]
    write_cines(corpus.folder, {"one/0": "run", "one/4": "run"})
    assert recordings(corpus, group).to_list() == ["one/run", "one/1", "one/0", "one/3", "one/run"]


def test_one_source_has_one_row(tmp_path: Path):
    images = [(str(n), "one", make_frame(0, n, named_style("b"), 64).image) for n in range(3)]
    table, _ = redundancy(stored(tmp_path / "s", images))
    assert table["source"].tolist() == ["all"] and table.iloc[0]["largest"] == 1


@pytest.fixture
def alike(tmp_path: Path) -> dict[str, ImageStore]:
    """A set whose first test image, brightened, is in the corpus, and whose second is like one to fine-tune on."""
    style = named_style("a")
    one, two, *others = (make_frame(0, index, style, 96).image for index in range(6))

    def brighter(image: np.ndarray) -> np.ndarray:
        return np.clip(1.1 * image.astype(float) + 9, 0, 255).astype(np.uint8)

    images = {
        "corpus": [("a", "train", others[0]), ("copy", "train", brighter(one)), ("b", "train", others[1])],
        "set": [("1", "test", one), ("2", "test", two), ("3", "train", brighter(two)), ("4", "train", others[2])],
    }

    def frame(source: str, item: tuple[str, str, np.ndarray]) -> Frame:
        name, split, image = item
        return Frame(f"{source}/{name}", source, split, name, name, image, None)

    return {
        name: build_store(tmp_path / name, Frames(rows, partial(frame, name)), 96, jobs=1)
        for name, rows in images.items()
    }


def test_what_looks_like_a_test_image_is_not_learned_from(alike: dict[str, ImageStore]):
    pairs = near_duplicates(alike)
    assert set(zip(pairs["tested"], pairs["trained"], strict=True)) == {("set/1", "corpus/copy"), ("set/2", "set/3")}
    assert usable_rows(alike["corpus"].table, pairs).tolist() == [True, False, True]
    rows = leaks_left(splits(alike), pairs).set_index(["store", "used_for"])
    assert rows[["images", "near_duplicates"]].apply(tuple, axis=1).to_dict() == {
        ("corpus", "pre-training and segmentor training"): (2, 0), ("corpus", LEFT_OUT): (1, 1),
        ("set", "test"): (2, 1), ("set", "fine-tuning"): (2, 1),
    }  # fmt: skip
    nothing = pairs.iloc[:0]
    pd.testing.assert_frame_equal(leaks_left(splits(alike), nothing), counted(splits(alike), nothing))


def test_a_corpus_of_test_images_alone_is_refused(alike: dict[str, ImageStore]):
    corpus = alike["corpus"].table
    with pytest.raises(UserError, match=r"each of the 3 images to pre-train on looks like a test image.*add a set of"):
        usable_rows(corpus, corpus.rename(columns={"id": "trained"}))


def test_recordings_of_real_patients_are_mostly_redundant(real: Path, tmp_path: Path):
    paths = sorted((real / "angiodata" / "images").glob("P2_*.jpg"))
    images = [(path.stem, "a", np.asarray(Image.open(path).convert("L").resize((128, 128)))) for path in paths]
    table, alike = redundancy(stored(tmp_path / "s", images))
    assert table["images"][0] > 100 and table["share"][0] < 20
    full = set((real / "angiodata" / "keyframes.txt").read_text().split())  # of contrast agent
    key = np.array([any(path.stem in line for line in full) for path in paths])
    assert key[alike.distinct(np.ones(len(paths), bool))].mean() > 1.3 * key.mean()
