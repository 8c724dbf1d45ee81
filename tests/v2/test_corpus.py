"""Which images of the corpus an arm sees."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from vasolib.data.crops import CropDataset
from vasolib.errors import UserError
from vasolib.v2.corpus import Rows, corpus_rows, listed_rows

IDS = [f"p{i // 4}_{i}" for i in range(24)]


def kept(folder: Path, ids: list[str], frames: int = 1) -> Path:
    """A table of images, so many of each recording."""
    table = pd.DataFrame({"id": ids, "recording": [f"r{i // frames}" for i in range(len(ids))]})
    table.to_csv(folder / "kept.csv", index=False)
    return folder / "kept.csv"


def test_whole_recordings_are_drawn(tmp_path: Path):
    table = kept(tmp_path, IDS, frames=4)
    third, two = (corpus_rows(IDS, table, share, 3) for share in (1 / 3, 2 / 3))
    assert (len(third), len(two)) == (8, 16) and set(third) < set(two)
    assert all(len({row // 4 for row in rows}) == len(rows) / 4 for rows in (third, two))
    assert len(corpus_rows(IDS, table, 0.01, 3)) == 4  # one at least


def test_the_nearest_to_a_share_is_drawn_from_recordings_of_any_length(tmp_path: Path):
    table = pd.DataFrame({"id": IDS, "recording": ["long"] * 15 + [f"r{i}" for i in range(9)]})
    table.to_csv(tmp_path / "kept.csv", index=False)
    for seed in range(8):
        parts = [set(corpus_rows(IDS, tmp_path / "kept.csv", share, seed)) for share in (0.1, 0.25, 0.5, 1.0)]
        assert len(parts[-1]) == 24 and all(a <= b for a, b in pairwise(parts))
        assert all(len(part & set(range(15))) in (0, 15) for part in parts)


def test_smaller_shares_lie_within_larger_ones(tmp_path: Path):
    table = kept(tmp_path, IDS)
    quarter, half, all_ = (corpus_rows(IDS, table, share, 3) for share in (0.25, 0.5, 1.0))
    assert (len(quarter), len(half)) == (6, 12) and set(quarter) < set(half)
    assert np.array_equal(all_, np.arange(24)) and np.array_equal(half, np.sort(half))
    assert not np.array_equal(half, corpus_rows(IDS, table, 0.5, 4))
    assert np.array_equal(half, corpus_rows(IDS, table, 0.5, 3))
    assert len(corpus_rows(IDS, table, 0.001, 3)) == 1


def test_what_a_table_does_not_name_is_left_out(tmp_path: Path):
    table = kept(tmp_path, [IDS[5], IDS[2], IDS[20]])
    assert listed_rows(IDS, table).tolist() == corpus_rows(IDS, table, 1.0, 3).tolist() == [2, 5, 20]
    assert set(corpus_rows(IDS, table, 0.5, 3)) < {2, 5, 20}


@pytest.mark.parametrize(("ids", "message"), [(["p0_0", "p9_99"], "names 'p9_99', no image"), ([], "names no image")])
def test_a_table_of_another_corpus_is_refused(ids: list[str], message: str, tmp_path: Path):
    with pytest.raises(UserError, match=message):
        listed_rows(IDS, kept(tmp_path, ids))


def test_rows_give_the_same_crops_as_a_copy():
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 40), dtype=np.uint8)
    rows = np.array([1, 3, 4])
    view = Rows(images, rows)
    assert len(view) == 3 and view.shape == (3, 40, 40)
    keys = [(0, 2), (1, 0)]
    ours, copy = (CropDataset(source, source, 32, (0.2, 1.0), 0)[keys] for source in (view, images[rows]))
    assert all(map(torch.equal, ours, copy))
