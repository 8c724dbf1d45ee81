"""Stores from the generator and from real folders: nothing that is tested on is ever learned from."""

import contextlib
import hashlib
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vasolib.data import folder as folder_module
from vasolib.data import sources
from vasolib.data.building import Frames, build_store
from vasolib.data.folder import split_by_patient
from vasolib.data.leaks import check_no_leak, splits
from vasolib.data.left_out import LeftOut
from vasolib.data.sources import synthetic_frame, write_stores
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import named_style
from vasolib.errors import UserError
from vasolib.settings import SyntheticSizes

SIZES = SyntheticSizes(corpus=5, train=3, test=2)
BENCHMARKS = ("synth-a", "synth-b")


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch):
    """Frames are drawn in this process: a pool costs more than ten small images."""
    monkeypatch.setattr(sources, "build_store", partial(build_store, jobs=1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def stores(folder: Path) -> dict[str, ImageStore]:
    """Small synthetic stores, made once."""
    if not (folder / "corpus").exists():
        write_stores(folder, "synthetic", BENCHMARKS, SIZES, 0, 48, unfinished=folder.with_name("unfinished"))
    return {name: ImageStore.open(folder / name) for name in ("corpus", *BENCHMARKS)}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_synthetic_stores_have_their_sizes_and_splits(stores: dict[str, ImageStore]):
    corpus = stores["corpus"]
    assert len(corpus) == 5 and corpus.masks is None and corpus.side == 48
    assert set(corpus.table["split"]) == {"train"}
    for name in BENCHMARKS:
        store = stores[name]
        assert list(store.table["split"]) == ["train"] * 3 + ["test"] * 2
        assert set(store.table["source"]) == {name} and store.masks.shape == (5, 48, 48)
        assert set(np.unique(store.masks)) == {0, 1}
        assert store.table["patient"].is_unique


def test_the_corpus_shares_no_image_with_a_benchmark(stores: dict[str, ImageStore]):
    # The corpus and synth-a are of one style: only their indices keep them apart.
    sums = {name: set(store.table["sha256"]) for name, store in stores.items()}
    assert all(len(found) == 5 for found in sums.values())
    assert len(set.union(*sums.values())) == 15
    assert hashlib.sha256(stores["corpus"].images[0].tobytes()).hexdigest() == stores["corpus"].table["sha256"][0]
    assert not set(stores["corpus"].table["patient"]) & set(stores["synth-a"].table["patient"])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(stores: dict, folder: Path, tmp_path: Path):
    returned, left_out = write_stores(
        tmp_path / "again", "synthetic", BENCHMARKS, SIZES, 0, 48, unfinished=tmp_path / ".u"
    )
    assert content(tmp_path / "again") == content(folder) and left_out == []
    assert list(returned) == ["corpus", *BENCHMARKS]
    other, _ = write_stores(tmp_path / "other", "synthetic", BENCHMARKS[:1], SIZES, 1, 48, unfinished=tmp_path / ".u")
    assert not set(other["corpus"].table["sha256"]) & set(stores["corpus"].table["sha256"])


def test_more_images_leave_the_first_ones_as_they_were(stores: dict[str, ImageStore], tmp_path: Path):
    more, _ = write_stores(
        tmp_path / "s",
        "synthetic",
        ("synth-a",),
        SyntheticSizes(corpus=6, train=4, test=1),
        0,
        48,
        unfinished=tmp_path / ".u",
    )
    assert list(more["corpus"].table["sha256"][:5]) == list(stores["corpus"].table["sha256"])
    assert list(more["synth-a"].table["sha256"]) == list(stores["synth-a"].table["sha256"])


def test_an_unknown_style_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="unknown style 'z'"):
        write_stores(tmp_path / "s", "synthetic", ("synth-z",), SIZES, 0, 48, unfinished=tmp_path / ".u")


def test_stores_do_not_depend_on_the_number_of_processes(stores: dict, folder: Path, tmp_path: Path, monkeypatch):
    monkeypatch.undo()
    write_stores(tmp_path / "s", "synthetic", BENCHMARKS, SIZES, 0, 48, unfinished=tmp_path / ".u")
    assert content(tmp_path / "s") == content(folder)
    assert np.array_equal(stores["corpus"].images[2], make_frame(0, 2, named_style("a"), 48).image)


def test_what_a_killed_call_left_is_gone_on_with(folder: Path, stores: dict, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("vasolib.parallel.BATCH", 1)
    made = []

    def counted(*given):
        made.append(given[-1])
        if len(made) == 7:
            raise KeyboardInterrupt
        return synthetic_frame(*given)

    monkeypatch.setattr(sources, "synthetic_frame", counted)
    write = partial(write_stores, tmp_path / "s", "synthetic", BENCHMARKS, SIZES, 0, 48, unfinished=tmp_path / ".u")
    with pytest.raises(KeyboardInterrupt):
        write()
    assert not (tmp_path / "s").exists()
    write()
    assert content(tmp_path / "s") == content(folder) and not (tmp_path / ".u").exists()
    assert len(made) == 15 + 1  # the one that was being made


STEMS = {"left": [f"L{i}_{j}" for i in range(5) for j in range(2)], "right": [f"R{i}_0" for i in range(6)]}


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Labelled sets `left` and `right`, `plain` without labels, and `boxed` for detection: all images differ."""
    root, rng = tmp_path / "real", np.random.default_rng(0)
    for name, stems in (STEMS | {"plain": ["U1_0", "U2_0", "U3_0"], "boxed": ["B_0"]}).items():
        for kind in ("images", *(["masks"] if name in STEMS else [])):
            (root / name / kind).mkdir(parents=True)
            for stem in stems:
                pixels = rng.integers(0, 256, (20, 16), dtype=np.uint8)
                Image.fromarray(pixels if kind == "images" else (pixels > 128).astype(np.uint8)).save(
                    root / name / kind / f"{stem}.png"
                )
    (root / "boxed" / "boxes").mkdir()
    return root


def test_a_real_corpus_is_what_has_no_label_and_what_is_trained_on(real: Path, tmp_path: Path):
    stores, left_out = write_stores(
        tmp_path / "stores", str(real), ("left", "right"), SIZES, 0, 24, unfinished=tmp_path / ".u"
    )
    assert list(stores) == ["corpus", "left", "right"]
    assert [one.file for one in left_out] == ["boxed"] and "detection" in left_out[0].reason
    corpus = stores["corpus"]
    assert corpus.masks is None and not (corpus.folder / "masks.npy").exists()
    wanted = {"plain/U1_0", "plain/U2_0", "plain/U3_0"}
    tested: set[str] = set()
    for name, stems in STEMS.items():
        parts = dict(zip(sorted(stems), split_by_patient(name, sorted(stems)), strict=True))
        wanted |= {f"{name}/{stem}" for stem, part in parts.items() if part == "train"}
        store = stores[name]
        assert dict(zip(store.table["id"], store.table["split"], strict=True)) == {
            f"{name}/{stem}": part for stem, part in parts.items()
        }
        assert store.masks is not None and {"train", "test"} == set(store.table["split"])
        tested |= set(store.table["sha256"][store.select("test")])
        train, test = (set(store.table["patient"][store.select(part)]) for part in ("train", "test"))
        assert not train & test
    assert set(corpus.table["id"]) == wanted and set(corpus.table["split"]) == {"train"}
    assert tested and not tested & set(corpus.table["sha256"])


def test_checksums_of_real_images_are_their_files(real: Path, tmp_path: Path):
    stores, _ = write_stores(
        tmp_path / "stores", str(real), ("left", "right"), SIZES, 0, 24, unfinished=tmp_path / ".u"
    )
    table = stores["corpus"].table.set_index("id")
    file = real / "plain" / "images" / "U2_0.png"
    assert table.loc["plain/U2_0", "sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def listed(folder: Path) -> list[LeftOut]:
    """The rows of left_out.csv."""
    return [LeftOut(*row) for row in pd.read_csv(folder / "left_out.csv").itertuples(index=False)]


def spoil(real: Path) -> set[str]:
    """Damage one file in each way that is seen at another place; the places of the files left out."""
    (real / "left" / "images" / "L1_0.png").write_bytes(b"")  # when it is read
    (real / "left" / "images" / "L2_0.png").unlink()
    (real / "left" / "images" / "L2_0.png").mkdir()  # when it is listed
    shutil.copy(real / "right" / "masks" / "R1_0.png", real / "right" / "masks" / "R9_0.png")
    (real / "right" / "masks" / "R2_0.png").write_bytes(b"text")  # with its mask
    return {"left/images/L1_0.png", "left/images/L2_0.png", "right/masks/R2_0.png", "right/masks/R9_0.png", "boxed"}


def test_good_files_beside_bad_ones_are_as_they_were(real: Path, tmp_path: Path):
    write = partial(write_stores, data=str(real), benchmarks=("left", "right"), sizes=SIZES, seed=0, side=24)
    before, none = write(tmp_path / "before", unfinished=tmp_path / ".u")
    assert [one.file for one in none] == ["boxed"]
    bad = spoil(real)
    after, left_out = write(tmp_path / "after", unfinished=tmp_path / ".v")
    assert {one.file for one in left_out} == bad and listed(tmp_path / "after") == left_out
    gone = {"left/L1_0", "left/L2_0", "right/R2_0"}
    for name, store in before.items():
        kept = ~store.table["id"].isin(gone - ({"right/R2_0"} if name == "corpus" else set()))  # whose image is good
        assert after[name].table.equals(store.table[kept].reset_index(drop=True))
        assert np.array_equal(after[name].images, store.images[kept])
        assert name == "corpus" or np.array_equal(after[name].masks, store.masks[kept])


def test_nothing_is_listed_where_nothing_is_left_out(real: Path, tmp_path: Path):
    (real / "boxed" / "boxes").rmdir()
    _, left_out = write_stores(tmp_path / "s", str(real), ("left", "right"), SIZES, 0, 24, unfinished=tmp_path / ".u")
    assert left_out == [] and not list((tmp_path / "s").rglob("left_out.csv"))


def test_stopped_anywhere_the_same_is_left_out(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vasolib.parallel.BATCH", 1)
    spoil(real)
    write = partial(write_stores, data=str(real), benchmarks=("left", "right"), sizes=SIZES, seed=0, side=24)
    write(tmp_path / "whole", unfinished=tmp_path / ".u")
    decode, calls = folder_module._decoded, []

    def stopping(fetched: object) -> object:
        calls.append(1)
        if len(calls) % 3 == 0:
            raise KeyboardInterrupt
        return decode(fetched)

    monkeypatch.setattr(folder_module, "_decoded", stopping)
    for _ in range(40):
        with contextlib.suppress(KeyboardInterrupt):
            write(tmp_path / "pieces", unfinished=tmp_path / ".v")
            break
    assert content(tmp_path / "pieces") == content(tmp_path / "whole") and len(calls) > 9


def test_a_test_image_is_not_trained_on_under_another_name(real: Path, tmp_path: Path):
    parts = dict(zip(STEMS["left"], split_by_patient("left", STEMS["left"]), strict=True))
    test = next(stem for stem, part in parts.items() if part == "test")
    train = next(stem for stem, part in parts.items() if part == "train")
    source = real / "left" / "images" / f"{test}.png"
    for copy in (real / "left" / "images" / f"{train}.png", real / "plain" / "images" / "U1_0.png"):
        shutil.copy(source, copy)
    stores, left_out = write_stores(
        tmp_path / "s", str(real), ("left", "right"), SIZES, 0, 24, unfinished=tmp_path / ".u"
    )
    assert {one.file for one in left_out if one.kind == "copy"} == {f"left/images/{train}.png", "plain/images/U1_0.png"}
    assert f"left/images/{test}.png" in left_out[-1].reason
    check_no_leak(splits(stores))
    assert f"left/{test}" in set(stores["left"].table["id"]) and f"left/{train}" not in set(stores["left"].table["id"])


@pytest.mark.parametrize(
    ("spoiled", "says"),
    [
        (("images/R1_0.png", "images/R2_0.png"), "the set right has 2 unusable images of 6, expected at most 20%"),
        (("masks/R1_0.png", "masks/R2_0.png"), "the set right has 2 unusable images of 6, expected at most 20%"),
        ([f"images/R{n}_0.png" for n in range(6)], "right"),
    ],
)
def test_too_many_bad_files_end_it(real: Path, tmp_path: Path, spoiled: tuple[str, ...], says: str):
    for name in spoiled:
        (real / "right" / name).write_bytes(b"")
    with pytest.raises(UserError, match=says):
        write_stores(tmp_path / "s", str(real), ("left", "right"), SIZES, 0, 24, unfinished=tmp_path / ".u")
    assert not (tmp_path / "s").exists()


def test_a_part_that_has_lost_everything_ends_it(tmp_path: Path):
    for name, parts in (("left", ["train", "test"]), ("right", ["train"])):
        frames = [Frame(str(n), name, split, str(n), str(n), np.eye(8, dtype=np.uint8), None)
                  for n, split in enumerate(parts)]  # fmt: skip
        build_store(tmp_path / name, Frames(frames), 8, jobs=1)
    sources.check_parts(tmp_path, ("left",))
    with pytest.raises(UserError, match="the set right has no usable image in its part 'test'"):
        sources.check_parts(tmp_path, ("left", "right"))
