"""What is tested on is learned from nowhere: by the tables, and by what every training is handed."""

import ast
import hashlib
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from vasolib.data import sources
from vasolib.data.building import Frames, build_store
from vasolib.data.leaks import check_no_leak, counted, sides, splits
from vasolib.data.sources import write_stores
from vasolib.data.store import Frame, ImageStore
from vasolib.downstream.finetune import finetune_arm, labelled
from vasolib.errors import UserError
from vasolib.pretrain import pretrain_arm
from vasolib.report_tables import grid
from vasolib.settings import SyntheticSizes
from vasolib.study import ROOT, Study

COLUMNS = ["store", "id", "source", "split", "patient", "sha256", "used_for"]
CORPUS = "pre-training and segmentor training"


def store(*rows: str) -> SimpleNamespace:
    """A store of a table alone, its rows `source/patient_frame split`; the name of an image is its checksum too."""
    cells = [
        (name, name.split("/")[0], split, name.split("/")[1].split("_")[0], name)
        for name, split in map(str.split, rows)
    ]
    return SimpleNamespace(table=pd.DataFrame(cells, columns=["id", "source", "split", "patient", "sha256"]))


STORES = {
    "corpus": store("plain/P1_1 train", "left/A_1 train", "right/A_2 train"),
    "left": store("left/A_1 train", "left/B_1 test", "left/B_2 test"),
    "right": store("right/A_2 train", "right/B_3 test", "right/P1_1 test"),
}


def test_every_image_has_a_row_that_says_what_it_is_used_for():
    table = splits(STORES)
    assert list(table.columns) == COLUMNS and len(table) == 9
    uses = table.groupby("store", sort=False)["used_for"].agg(list).to_dict()
    assert uses == {
        "corpus": [CORPUS] * 3,
        "left": ["fine-tuning", "test", "test"],
        "right": ["fine-tuning", "test", "test"],
    }
    tested, trained = sides(table)
    assert list(tested["id"]) == ["left/B_1", "left/B_2", "right/B_3", "right/P1_1"] and len(trained) == 5


def test_all_of_the_corpus_is_trained_on_whatever_its_table_says():
    # Pre-training reads the store whole.
    table = splits({"corpus": store("plain/P1_1 test")})
    assert list(table["used_for"]) == [CORPUS]


def test_what_is_apart_is_let_pass():
    # plain/P1 and right/P1, left/B and right/B may be anyone: a name says nothing beyond its source.
    check_no_leak(splits(STORES))


@pytest.mark.parametrize("where", ["corpus", "left", "right"])
def test_a_test_image_that_is_trained_on_anywhere_is_refused(where: str):
    stores = STORES | {where: SimpleNamespace(table=STORES[where].table.copy())}
    stores[where].table.loc[0, "sha256"] = "left/B_2"
    with pytest.raises(UserError) as caught:
        check_no_leak(splits(stores))
    message = str(caught.value)
    assert message.startswith("left: 1 test image(s)") and "of one file" in message
    assert f"left/B_2 and {stores[where].table['id'][0]} " in message and "take either out" in message


@pytest.mark.parametrize("where", ["corpus", "left", "right"])
def test_another_frame_of_a_tested_patient_is_refused(where: str):
    added = store("left/B_9 train").table
    stores = STORES | {where: SimpleNamespace(table=pd.concat([STORES[where].table, added], ignore_index=True))}
    with pytest.raises(UserError, match=r"left: 2 test image\(s\).* of one patient, such as left/B_1 and left/B_9"):
        check_no_leak(splits(stores))


def test_two_benchmarks_may_test_on_the_same_image():
    check_no_leak(splits(STORES | {"again": store("left/B_1 test")}))


def test_parts_are_counted_with_those_that_look_like_the_other_side():
    pairs = pd.DataFrame({"tested": ["left/B_1", "left/B_1"], "trained": ["left/A_1", "plain/P1_1"]})
    found = counted(splits(STORES), pairs).set_index(["used_for", "store"])
    assert list(found.columns) == ["images", "patients", "near_duplicates"]
    rows = {key: tuple(row) for key, row in zip(found.index, found.to_numpy(), strict=True)}
    assert rows == {
        (CORPUS, "corpus"): (3, 3, 2),
        ("fine-tuning", "left"): (1, 1, 1),
        ("test", "left"): (2, 1, 1),
        ("fine-tuning", "right"): (1, 1, 0),
        ("test", "right"): (2, 2, 0),
    }
    assert counted(splits(STORES), pairs[:0])["near_duplicates"].sum() == 0


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch):
    """Frames are made in this process: a pool costs more than some small images."""
    monkeypatch.setattr(sources, "build_store", partial(build_store, jobs=1))


def test_no_synthetic_anatomy_is_on_both_sides(one_process, tmp_path: Path):
    # The generator's patients are its indices, whatever the style.
    names, sizes = ("synth-a", "synth-b", "synth-c"), SyntheticSizes(corpus=4, train=2, test=2)
    stores, _ = write_stores(tmp_path / "s", "synthetic", names, sizes, 0, 32, unfinished=tmp_path / ".u")
    check_no_leak(splits(stores))
    tested, trained = sides(splits(stores))
    assert len(tested) == 6 and not set(tested["patient"]) & set(trained["patient"])
    assert not set(tested["sha256"]) & set(trained["sha256"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labelled sets `left` and `right`, patients of four frames, and `plain` without labels: all images differ."""
    root, rng = tmp_path / "real", np.random.default_rng(0)
    for name, patients in {"left": "ABCDE", "right": "ABCDEF", "plain": "AXY"}.items():
        for kind in ("images", "masks")[: 1 if name == "plain" else 2]:
            (root / name / kind).mkdir(parents=True)
            for stem in (f"{patient}_{frame}" for patient in patients for frame in range(4)):
                pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
                if kind == "masks":
                    pixels = 255 * (pixels > 127).astype(np.uint8)
                Image.fromarray(pixels).save(root / name / kind / f"{stem}.png")
    return root


def real_stores(folder: Path) -> dict[str, ImageStore]:
    place, unfinished = folder.with_name("stores"), folder.with_name(".u")
    sizes = SyntheticSizes(corpus=1, train=1, test=1)
    return write_stores(place, str(folder), ("left", "right"), sizes, 0, 16, unfinished=unfinished)[0]


def test_no_patient_of_a_labelled_sets_test_part_is_in_the_corpus(one_process, folder: Path):
    """Within a set. `left` and `right` both have a patient A: whether that is one person, no name tells."""
    stores = real_stores(folder)
    check_no_leak(splits(stores))
    corpus = stores["corpus"].table
    for name in ("left", "right"):
        table = stores[name].table
        tested = set(table["patient"][table["split"] == "test"])
        assert tested and not tested & set(corpus["patient"][corpus["source"] == name])
        assert not tested & set(table["patient"][table["split"] == "train"])
    assert set(corpus["patient"][corpus["source"] == "plain"]) == {"A", "X", "Y"}


def test_a_set_without_labels_cannot_bring_in_a_test_image_under_another_name(one_process, folder: Path):
    table = real_stores(folder)["right"].table
    tested = table["id"][table["split"] == "test"].iloc[0]
    copied = folder / "right" / "images" / f"{tested.split('/')[1]}.png"
    (folder / "plain" / "images" / "Z_1.png").write_bytes(copied.read_bytes())
    stores = real_stores(folder)
    check_no_leak(splits(stores))
    assert "plain/Z_1" not in set(stores["corpus"].table["id"]) and tested in set(stores["right"].table["id"])


# What every training is handed. Images are told by the checksums of their pixels; masks follow from the images, so that
# a mask of another image shows.

FIRST = {"pretrain", "downstream/finetune", "downstream/denoise", "30_segmentor"}
EXTENDED = {"v2/pretrain", "v2_20_anatomy"}  # what its trainings are handed, see tests/v2/test_leaks.py
TRAINERS = {  # who calls what
    "CropDataset": FIRST | EXTENDED,
    "fit": FIRST | EXTENDED | {"v2/finetune"},
    "pretrain": {"pretrain"},
    "fine_tune": {"downstream/finetune", "v2/finetune"},
    "train_denoiser": {"55_denoise"},
    "backward": {"training"},
}


def vessels(images: np.ndarray) -> np.ndarray:
    return (images > 128).astype(np.uint8)


def frame(name: str, labelled: bool, item: tuple[int, str]) -> Frame:
    index, split = item
    image = np.random.default_rng([len(name), ord(name[-1]), index]).integers(0, 256, (64, 64), dtype=np.uint8)
    sha256 = hashlib.sha256(image.tobytes()).hexdigest()
    return Frame(f"{name}/{index}", name, split, str(index), sha256, image, vessels(image) if labelled else None)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A run at scale smoke with small stores and a mask for each image of the corpus."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {
        "run": "smoke",
        "scale": "smoke",
        "benchmarks": ["one", "two"],
        "denoise_arms": ["vit"],
        "stands_for": {},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    study = Study.load(tmp_path)
    for name in ("corpus", "one", "two"):
        items = list(
            enumerate(["train"] * 9 if name == "corpus" else ["test", "train", "train", "test", "train", "train"])
        )
        build_store(study.work("stores", name), Frames(items, partial(frame, name, name != "corpus")), 64, jobs=1)
    study.work("anatomy", "reference").mkdir(parents=True)
    np.save(study.work("anatomy", "reference", "corpus.npy"), vessels(stores_of(study)["corpus"].images))
    monkeypatch.setattr(Study, "open", classmethod(lambda cls, run: study))
    return study


def stores_of(study: Study) -> dict[str, ImageStore]:
    return {name: ImageStore.open(study.work("stores", name)) for name in ("corpus", *study.params.benchmarks)}


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list:
    """The data that trainings are handed, which then do not take place."""
    found = []

    def record(model, loss_fn, loader, recipe, **_):
        found.append(loader.dataset)
        return pd.DataFrame({"epoch": [0], "loss": [1.0]})

    for place in ("training", "pretrain", "downstream.finetune", "downstream.denoise"):
        monkeypatch.setattr(f"vasolib.{place}.fit", record)
    return found


def ids(study: Study, dataset) -> set[str]:
    """Stores and ids of the images of a training's data; every mask must be that of its image."""
    assert dataset.masks is None or np.array_equal(dataset.masks, vessels(dataset.images))
    known = splits(stores_of(study)).set_index("sha256")
    sums = [hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest() for image in dataset.images]
    assert set(known["used_for"][sums]) <= {CORPUS, "fine-tuning"}, "a test image is trained on"
    return set(known["id"][sums])


def trained_on(study: Study, *names: str) -> set[str]:
    table = splits(stores_of(study))
    return set(sides(table)[1].query("store in @names")["id"])


def run_notebook(name: str, **parameters: str) -> None:
    """All code of a notebook in one name space."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    space: dict = {}
    for source in (code[0], "\n".join(f"{key} = {value!r}" for key, value in parameters.items()), *code[1:]):
        exec(compile(source, name, "exec"), space)


def test_pre_training_reads_the_corpus_alone(study: Study, handed: list):
    pretrain_arm("smoke", "mae")
    assert handed and all(ids(study, dataset) == trained_on(study, "corpus") for dataset in handed)


def test_the_segmentor_reads_the_corpus_alone(study: Study, handed: list, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vasolib.segmentor.check_sighted", lambda *_: None)  # what is not trained sees nothing
    run_notebook("30_segmentor", anatomy="reference")
    (dataset,) = handed
    assert ids(study, dataset) == trained_on(study, "corpus")


def test_fine_tuning_reads_a_benchmarks_training_part_alone(study: Study, handed: list):
    finetune_arm("smoke", "unet")
    found = [ids(study, dataset) for dataset in handed]
    wanted = [trained_on(study, name) for name in ("one", "two")]
    assert len(wanted[0]) == 4 and found == [one for one in wanted for _ in study.runs("unet")]


def test_fewer_labels_are_a_part_of_the_training_part(study: Study, handed: list):
    finetune_arm("smoke", "unet", "50")
    for dataset in handed:
        assert len(found := ids(study, dataset)) == 2 and found < trained_on(study, "one")
    one = stores_of(study)["one"]
    for seed in range(20):
        rows = labelled(one, 50, seed)
        assert set(one.table["split"][rows]) == {"train"} and set(rows) <= set(labelled(one, 100, seed))


def test_denoising_reads_the_first_benchmarks_training_part_alone(study: Study, handed: list):
    run_notebook("55_denoise")
    assert len(handed) == 2 * len(study.scale.denoise_seeds)
    assert all(ids(study, dataset) == trained_on(study, "one") for dataset in handed)


def test_a_tampered_choice_of_rows_would_show(study: Study, handed: list, monkeypatch):
    monkeypatch.setattr(ImageStore, "select", lambda self, split: np.arange(len(self)))
    finetune_arm("smoke", "unet")
    with pytest.raises(AssertionError, match="a test image is trained on"):
        ids(study, handed[0])


def test_the_split_files_are_part_of_the_results(study: Study, tmp_path: Path):
    run_notebook("15_leaks")
    written = {name: study.results(name).read_text(encoding="utf-8") for name in ("splits.csv", "near_duplicates.csv")}
    assert written["near_duplicates.csv"] == "tested,trained,distance,correlation\n"
    assert pd.read_csv(study.results("splits.csv"), dtype=str).equals(splits(stores_of(study)))
    assert not any(str(tmp_path) in text for text in written.values())
    assert list(pd.read_csv(study.results("leaks.csv"))["images"]) == [9, 2, 4, 2, 4]
    assert grid(pd.read_csv(study.results("near_duplicates.csv"))).body == []  # the report shows it empty too


def called(source: str) -> set[str]:
    """Names of functions and methods that Python source calls."""
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {getattr(func, "attr", getattr(func, "id", "")) for func in calls}


def test_nobody_else_trains():
    modules = (ROOT / "vasolib").rglob("*.py")
    texts = {
        path.relative_to(ROOT / "vasolib").with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in modules
    }
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.stem] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    calls = {name: called(text) for name, text in texts.items()}
    assert {function: {name for name in calls if function in calls[name]} for function in TRAINERS} == TRAINERS
