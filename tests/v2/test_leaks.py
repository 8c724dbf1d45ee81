"""No training of the extended part is handed a test image, nor an image of the corpus that is not listed as usable."""

import hashlib
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.test_leaks import run_notebook, vessels
from tests.v2.miniature import smoke_house
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame, ImageStore
from vasolib.downstream.box_crops import BoxCrops
from vasolib.networks import save_weights
from vasolib.segmentor import UNeXt
from vasolib.training import seeded
from vasolib.v2.box_table import BOX_COLUMNS
from vasolib.v2.corpus import DISTINCT, USABLE
from vasolib.v2.finetune import detect_extended, finetune_extended
from vasolib.v2.pretrain import pretrain_extended
from vasolib.v2.study import Extended

SETS = {"vessels": ["va", "vb"], "segments": ["s"], "stenoses": ["l"], "boxes": ["b"]}
STORES = ("corpus", *chain(*SETS.values()))
SIDE, PARTS = 64, ("test", "train", "train", "test", "train", "train")
COPIES = {"corpus/2": "va/0", "corpus/7": "b/3", "corpus/5": "corpus/4"}  # brightened
CORPUS = {f"corpus/{number}" for number in range(12)}
WANTED = {USABLE: CORPUS - {"corpus/2", "corpus/7"}, DISTINCT: CORPUS - {"corpus/2", "corpus/7", "corpus/5"}}


def pixels(name: str) -> np.ndarray:
    """An image (64, 64) of squares drawn from its name, or one like another's."""
    if name in COPIES:
        return pixels(COPIES[name]) + np.uint8(5)
    squares = np.random.default_rng(list(name.encode())).integers(0, 250, (16, 16), dtype=np.uint8)
    return np.kron(squares, np.ones((4, 4), np.uint8))


def checksum(image: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def box(image: np.ndarray) -> list[int]:
    """A box that tells images apart."""
    x, y = image[0, 0] // 8, image[-1, -1] // 8
    return [int(x), int(y), int(x) + 20, int(y) + 20]


def frame(store: str, item: tuple[int, str]) -> Frame:
    index, split = item
    image = pixels(f"{store}/{index}")
    label = None if store in ("corpus", "b") else vessels(image)
    return Frame(f"{store}/{index}", store, split, str(index), checksum(image), image, label)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extended:
    """A run at scale smoke with small stores, whose labels follow from the images, and files of earlier stages."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    extended = smoke_house(tmp_path, SETS)
    monkeypatch.setattr(Extended, "open", classmethod(lambda cls, run: extended))
    for name in STORES:
        items = list(enumerate(["train"] * len(CORPUS) if name == "corpus" else PARTS))
        build_store(extended.work("stores", name), Frames(items, partial(frame, name)), SIDE, jobs=1)
    boxed = store_of(extended, "b")
    rows = [[name, *box(image)] for name, image in zip(boxed.table.id, boxed.images, strict=True)]
    pd.DataFrame(rows, columns=BOX_COLUMNS).to_csv(boxed.folder / "boxes.csv", index=False)
    for folder in ("anatomy", "kept"):
        extended.work(folder).mkdir()
    np.save(extended.work("anatomy", "corpus.npy"), vessels(store_of(extended, "corpus").images))
    for name, ids in WANTED.items():
        table = pd.DataFrame({"id": sorted(ids), "recording": sorted(ids)})
        table.to_csv(extended.work("kept", name), index=False)
    with seeded(0):
        save_weights(extended.work("segmentor", "segmentor.safetensors"), UNeXt())
    return extended


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list:
    """The data that trainings are handed, which then do not take place."""
    found = []

    def record(model, loss_fn, loader, recipe, **_):
        found.append(loader.dataset)
        return pd.DataFrame({"epoch": [0], "loss": [1.0], "seconds_per_step": [1.0]})

    for place in ("training", "v2.pretrain", "v2.finetune"):
        monkeypatch.setattr(f"vasolib.{place}.fit", record)
    return found


def store_of(extended: Extended, name: str) -> ImageStore:
    return ImageStore.open(extended.work("stores", name))


def ids(extended: Extended, dataset) -> set[str]:
    """What the images of a training's data are called; each must have its own label and be allowed to be seen."""
    stores = [store_of(extended, name) for name in STORES]
    known = pd.concat([store.table for store in stores]).set_index("sha256")
    rows = [np.s_[index, 0:SIDE, 0:SIDE] for index in range(len(dataset.images))]
    images = [dataset.images[row] for row in rows]
    if isinstance(dataset, BoxCrops):
        assert [boxes.tolist() for boxes in dataset.boxes] == [[box(image)] for image in images]
    else:
        assert all(np.array_equal(dataset.masks[row], vessels(image)) for row, image in zip(rows, images, strict=True))
    seen = known.loc[[checksum(image) for image in images]]
    assert list(seen["id"]) == list(dataset.ids) and seen["id"].is_unique
    assert set(seen["split"]) == {"train"}, "a test image is trained on"
    assert not set(seen["id"]) & (CORPUS - WANTED[USABLE]), "what looks like a test image is trained on"
    return set(seen["id"])


def trained_on(name: str) -> set[str]:
    return {f"{name}/{index}" for index, split in enumerate(PARTS) if split == "train"}


@pytest.mark.parametrize("arm", ["mae", "vasomim_v2"])
def test_pre_training_reads_the_usable_images_alone(house: Extended, handed: list, arm: str):
    pretrain_extended("doll", arm)
    assert handed and all(ids(house, dataset) == WANTED[USABLE] for dataset in handed)


def test_pre_training_on_a_fraction_reads_a_part_of_the_usable_images(house: Extended, handed: list):
    for arm in ("data_25", "data_50"):
        pretrain_extended("doll", arm)
    quarter, half = (ids(house, dataset) for dataset in handed)
    assert (len(quarter), len(half)) == (2, 5) and quarter < half < WANTED[USABLE]


def test_pre_training_on_distinct_images_reads_the_usable_ones_among_them(house: Extended, handed: list):
    pretrain_extended("doll", "distinct")
    assert handed and all(ids(house, dataset) == WANTED[DISTINCT] for dataset in handed)


def test_the_segmentor_reads_the_usable_images_alone(house: Extended, handed: list, monkeypatch: pytest.MonkeyPatch):
    def extract_to(path: Path, images: np.ndarray, rows: np.ndarray, extract) -> np.ndarray:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, vessels(images[rows]))
        return np.load(path)

    monkeypatch.setattr("vasolib.anatomy.extract_to", extract_to)
    monkeypatch.setattr("vasolib.segmentor.check_sighted", lambda *_: None)  # what is not trained sees nothing
    run_notebook("v2_20_anatomy")
    (dataset,) = handed
    assert ids(house, dataset) == WANTED[USABLE]


def test_what_looks_like_a_test_image_is_not_listed_as_usable(house: Extended):
    for name in WANTED:
        house.work("kept", name).unlink()
    run_notebook("v2_15_redundancy")
    assert {name: set(pd.read_csv(house.work("kept", name))["id"]) for name in WANTED} == WANTED


@pytest.mark.parametrize("arm", ["unet", "vit"])
def test_fine_tuning_reads_the_training_part_of_each_task_alone(house: Extended, handed: list, arm: str):
    finetune_extended("doll", arm)
    wanted = [trained_on(name) for task in ("vessels", "segments", "stenoses") for name in SETS[task]]
    assert [ids(house, dataset) for dataset in handed] == [one for one in wanted for _ in house.runs(arm)]


def test_fewer_labels_are_a_part_of_the_training_part(house: Extended, handed: list):
    finetune_extended("doll", "vit", "50")
    found = [ids(house, dataset) for dataset in handed]
    assert found and all(len(one) == 2 and one < trained_on("va") for one in found)


@pytest.mark.parametrize("arm", ["resnet", "vit"])
def test_detection_reads_the_training_part_alone(house: Extended, handed: list, arm: str):
    detect_extended("doll", arm)
    assert len(handed) == len(house.runs(arm))
    assert all(ids(house, dataset) == trained_on("b") for dataset in handed)


def test_a_tampered_choice_of_rows_would_show(house: Extended, handed: list, monkeypatch: pytest.MonkeyPatch):
    everything = partial(np.arange, len(CORPUS))
    monkeypatch.setattr("vasolib.v2.pretrain.corpus_rows", lambda *_: everything())
    pretrain_extended("doll", "mae")
    with pytest.raises(AssertionError, match="what looks like a test image is trained on"):
        ids(house, handed[0])
    monkeypatch.setattr(ImageStore, "select", lambda self, split: np.arange(len(self)))
    detect_extended("doll", "resnet")
    with pytest.raises(AssertionError, match="a test image is trained on"):
        ids(house, handed[-1])
