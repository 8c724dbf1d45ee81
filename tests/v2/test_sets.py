"""Stores of all tasks from twins and from real sets: their parts, and nothing that is tested on is learned from."""

import hashlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.v2.miniature import PARTS, SETS, bar, data_folder, grey, labelled_set, run_of, table, write
from vasolib.data.building import build_store
from vasolib.data.leaks import check_no_leak, splits
from vasolib.errors import UserError
from vasolib.v2 import sets
from vasolib.v2.box_table import boxes_of
from vasolib.v2.cines import cines_of
from vasolib.v2.labels import build_labelled
from vasolib.v2.sets import write_sets


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch):
    """Frames are drawn in this process: a pool costs more than some small images."""
    monkeypatch.setattr(sets, "build_store", partial(build_store, jobs=1))
    monkeypatch.setattr(sets, "build_labelled", partial(build_labelled, jobs=1))


@pytest.fixture
def real_run(tmp_path: Path) -> Callable:
    """What `write_sets` returns for the miniature data folder after a change, images to fine-tune on in the corpus."""

    def make(change: Callable[[Path], object] = lambda root: None, chosen: dict = SETS, labelled: bool = True):
        root = data_folder(tmp_path / "data")
        change(root)
        extended = run_of(tmp_path / "run", str(root), chosen, labelled_in_corpus=labelled)
        return write_sets(extended, unfinished=extended.work("unfinished"))

    return make


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_twins_have_each_tasks_labels_and_do_not_depend_on_processes(tmp_path: Path, monkeypatch):
    twins = {"vessels": ["caxf"], "segments": ["arcade_vs"], "stenoses": ["arcade_s"], "boxes": ["danilov"]}
    extended = run_of(tmp_path / "one", "synthetic", twins, count=1)
    stores, left_out, listed = write_sets(extended, unfinished=extended.work("u"))
    assert left_out == [] and list(stores) == ["corpus", "caxf", "arcade_vs", "arcade_s", "danilov"]
    assert [len(store) for store in stores.values()] == [4] + [2] * 4
    assert stores["arcade_vs"].masks.max() > 2 and set(np.unique(stores["caxf"].masks)) == {0, 1}
    assert stores["danilov"].masks is None and len(boxes_of(stores["danilov"])) == 2
    check_no_leak(splits(stores))
    columns = ["set", "task", "part", "images", "patients", "cines", "source"]
    assert list(listed.columns) == columns and len(listed) == 9
    assert cines_of(stores["corpus"]).tolist() == [f"corpus/{patient}" for patient in stores["corpus"].table.patient]
    assert listed.iloc[-1].tolist() == ["danilov", "boxes", "test", 1, 1, 0, "synthetic, style d"]
    monkeypatch.undo()
    other = run_of(tmp_path / "two", "synthetic", twins, count=1)
    write_sets(other, unfinished=other.work("u"))
    assert content(other.work("stores")) == content(extended.work("stores"))


def test_real_sets_have_their_labels_at_the_stores_size(real_run):
    stores, left_out, listed = real_run()
    assert left_out == [] and list(stores) == ["corpus", "v", "s", "l", "b"]
    assert [np.unique(stores[name].masks).tolist() for name in "vsl"] == [[0, 1], [0, 25], [0, 2]]
    for name in "vsl":  # the bar, in an image of 60 x 40 padded to 60 x 60 and brought to 32 x 32
        rows, columns = np.nonzero(stores[name].masks[0])
        assert (columns.min(), columns.max()) == (11, 26) and rows.min() == 11 and rows.max() <= 12
    assert boxes_of(stores["b"])[0] == pytest.approx(np.array([[20, 20, 50, 24]]) * 32 / 60)
    assert [len(boxes) for boxes in boxes_of(stores["b"])] == [1, 0] * 4
    sizes = {(row.set, row.part): row.images for row in listed.itertuples()}
    assert sizes == {("corpus", "train"): 25} | {(n, p): c for n in "vslb" for p, c in (("train", 5), ("test", 3))}


def test_the_corpus_is_what_may_be_learned_from_without_its_labels(real_run):
    corpus = real_run()[0]["corpus"]
    trained = {f"{name}/p{number}_0" for name in "vslb" for number in range(5)}
    assert set(corpus.table["id"]) == trained | {f"u/q_{number}" for number in range(5)} and corpus.masks is None


def test_images_to_fine_tune_on_are_pre_trained_on_only_if_asked_for(real_run):
    parts = {f"p{n}_0": "unlabelled" if n < 2 else part for n, part in enumerate(PARTS)}
    stores, _, _ = real_run(lambda root: table(root / "v", parts), labelled=False)
    assert set(stores["corpus"].table["id"]) == {"v/p0_0", "v/p1_0"} | {f"u/q_{number}" for number in range(5)}


def test_images_to_fine_tune_on_are_the_corpus_where_there_are_no_others(real_run):
    stores, _, listed = real_run(lambda root: shutil.rmtree(root / "u"), labelled=False)
    assert len(stores["corpus"]) == 20 and listed["source"][0] == "real, of b, l, s, v"


def test_unlabelled_images_of_a_labelled_set_go_to_the_corpus_alone(real_run):
    parts = {f"p{n}_0": "unlabelled" if n < 2 else part for n, part in enumerate(PARTS)}
    stores, _, _ = real_run(lambda root: table(root / "v", parts))
    assert list(stores["v"].table["id"]) == [f"v/p{number}_0" for number in range(2, 8)]
    assert {"v/p0_0", "v/p1_0"} <= set(stores["corpus"].table["id"])


def test_a_twin_keeps_the_place_of_a_task_without_a_real_set(real_run):
    stores, _, listed = real_run(lambda root: shutil.rmtree(root / "s"), SETS | {"segments": ["arcade_vs"]})
    assert len(stores["arcade_vs"]) == 4 and not any(stores["corpus"].table["source"] == "arcade_vs")
    assert set(listed["source"][listed["set"] == "arcade_vs"]) == {"synthetic, style d"}


def test_two_tasks_may_share_images_and_the_corpus_has_each_once(real_run):
    def share(root: Path) -> None:
        shutil.rmtree(root / "s" / "images")
        shutil.copytree(root / "v" / "images", root / "s" / "images")

    stores, left_out, _ = real_run(share)
    assert left_out == [] and list(stores["v"].table["sha256"]) == list(stores["s"].table["sha256"])
    assert len(stores["corpus"]) == 20 and stores["corpus"].table["sha256"].is_unique


def test_cines_of_the_sets_tables_are_kept_beside_the_stores(real_run):
    def name_cines(root: Path) -> None:
        listed = pd.read_csv(root / "v/table.csv", dtype=str)
        listed.assign(cine=[f"r{number % 4}" if number else "" for number in range(8)]).to_csv(
            root / "v/table.csv", index=False
        )

    stores, _, listed = real_run(name_cines)
    assert cines_of(stores["v"]).tolist() == ["", *(f"v/r{number % 4}" for number in range(1, 8))]
    corpus = dict(zip(stores["corpus"].table["id"], cines_of(stores["corpus"]), strict=True))
    assert {name: cine for name, cine in corpus.items() if cine} == {f"v/p{n}_0": f"v/r{n % 4}" for n in range(1, 5)}
    counts = {(row.set, row.part): row.cines for row in listed.itertuples() if row.cines}
    assert counts == {("corpus", "train"): 4, ("v", "train"): 4, ("v", "test"): 3}


def test_an_image_that_another_set_tests_on_is_learned_from_nowhere(real_run):
    def leak(root: Path) -> None:
        shutil.copy(root / "v/images/p7_0.png", root / "l/images/p0_0.png")  # a test image among those for training
        shutil.copy(root / "v/images/p6_0.png", root / "u/images/q_0.png")
        shutil.copy(root / "b/images/p5_0.png", root / "b/images/p6_0.png")  # twice in one part

    stores, left_out, _ = real_run(leak)
    assert [(one.kind, one.file) for one in left_out] == [
        ("copy", "b/images/p6_0.png"), ("copy", "l/images/p0_0.png"), ("copy", "u/images/q_0.png")]  # fmt: skip
    assert "v/images/p7_0.png" in left_out[1].reason
    assert len(stores["l"]) == 7 and len(stores["corpus"]) == 23
    check_no_leak(splits(stores))


def test_what_cannot_be_used_is_listed_beside_the_stores(real_run, tmp_path: Path):
    stores, left_out, _ = real_run(lambda root: write(root / "s/segments/p2_0.png", bar(99)))
    assert len(stores["s"]) == 7 and left_out[0].file == "s/segments/p2_0.png"
    listed = pd.read_csv(stores["s"].folder.parent / "left_out.csv")
    assert listed["file"].tolist() == ["s/segments/p2_0.png"] and listed["kind"].tolist() == ["unusable"]


def boxes_outside(root: Path) -> None:
    (root / "b/boxes.csv").write_text("id,x0,y0,x1,y1\n" + "".join(f"p{n}_0,50,0,70,9\n" for n in range(3)))


@pytest.mark.parametrize(
    ("change", "chosen", "message"),
    [
        (boxes_outside, SETS, "the set b has 3 unusable images of 8"),
        (lambda root: None, SETS | {"boxes": ["v"]}, "two stores would be called 'v'"),
        (lambda root: None, SETS | {"boxes": ["c"]}, "there is no set 'c' of boxes"),
        (lambda root: None, SETS | {"boxes": ["corpus"]}, "two stores would be called 'corpus'"),
    ],
)
def test_sets_that_cannot_be_used_are_refused(real_run, change: Callable, chosen: dict, message: str):
    with pytest.raises(UserError, match=message):
        real_run(change, chosen)


def test_a_folder_with_nothing_to_learn_from_is_refused(tmp_path: Path):
    root = tmp_path / "data"
    write(root / "u" / "images" / "a.png", grey("a"))
    table(root / "u", {"a": "test"})
    extended = run_of(tmp_path / "run", str(root))
    with pytest.raises(UserError, match="no image of the data folder may be learned from"):
        write_sets(extended, unfinished=extended.work("unfinished"))


def test_what_a_killed_call_left_is_gone_on_with(tmp_path: Path, monkeypatch):
    root = data_folder(tmp_path / "data")
    extended = run_of(tmp_path / "run", str(root), SETS)
    finished = []

    def interrupted(folder: Path, frames, side: int):
        if len(finished) == 2:
            raise KeyboardInterrupt
        finished.append(folder.name)
        return build_labelled(folder, frames, side, jobs=1)

    monkeypatch.setattr(sets, "build_labelled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_sets(extended, unfinished=extended.work("u"))
    assert {path.name for path in extended.work("u").iterdir()} == {"corpus", "v", "s", "l"}
    times = {name: (extended.work("u", name) / "images.npy").stat().st_mtime_ns for name in ("s", "v")}
    monkeypatch.setattr(sets, "build_labelled", partial(build_labelled, jobs=1))
    stores, _, _ = write_sets(extended, unfinished=extended.work("u"))
    assert {name: (stores[name].folder / "images.npy").stat().st_mtime_ns for name in times} == times
    assert not extended.work("u").exists()


def test_a_set_with_all_patients_in_one_part_only_is_split(real_run):
    def one_part(root: Path) -> None:
        shutil.rmtree(root / "v")
        labelled_set(root / "v", "masks", ("train",) * 8)

    _, _, listed = real_run(one_part)
    assert listed[listed["set"] == "v"]["images"].tolist() in ([5, 3], [3, 5])
    assert set(listed["source"][listed["set"] == "v"]) == {"real, split by patient, for no parts given"}
