"""Opened stores: damage is named, and splits are found."""

import numpy as np
import pytest

from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame, ImageStore
from vasolib.errors import UserError


def frames(count):
    rng = np.random.default_rng(3)
    for i in range(count):
        image = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        yield Frame(f"{i:03}", "set", "test" if i % 3 else "train", str(i), "", image, (image > 128).astype(np.uint8))


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
    build_store(tmp_path / "s", Frames(list(frames(3))), 32, jobs=1)
    damage(tmp_path / "s" / name)
    with pytest.raises(UserError, match=r"expected .*delete the folder of stores") as caught:
        ImageStore.open(tmp_path / "s")
    assert blamed in str(caught.value)


def test_an_unknown_split_is_refused(tmp_path):
    store = build_store(tmp_path / "s", Frames(list(frames(3))), 32, jobs=1)
    with pytest.raises(UserError, match="did you mean 'train'"):
        store.select("trian")
