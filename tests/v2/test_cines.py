"""The recordings of a store's images: written, read, unknown."""

from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.data.store import ImageStore
from vasolib.v2.cines import cines_of, write_cines


def store(folder: Path) -> ImageStore:
    """Three images of two sources without pixels."""
    table = pd.DataFrame({"id": ["a/01", "a/02", "b/01"], "source": ["a", "a", "b"]})
    return ImageStore(folder, np.empty((3, 0, 0)), None, table)


def test_cines_are_those_that_were_written_and_of_their_source(tmp_path: Path):
    write_cines(tmp_path, {"b/01": "007", "a/01": "007", "a/02": "", "elsewhere": "1"})
    assert cines_of(store(tmp_path)).tolist() == ["a/007", "", "b/007"]


def test_a_cine_may_be_called_na(tmp_path: Path):
    write_cines(tmp_path, {"a/02": "NA"})
    assert cines_of(store(tmp_path)).tolist() == ["", "a/NA", ""]


def test_where_none_is_known_there_is_no_file(tmp_path: Path):
    write_cines(tmp_path, {"a/01": "", "b/01": ""})
    assert list(tmp_path.iterdir()) == [] and cines_of(store(tmp_path)).tolist() == ["", "", ""]
