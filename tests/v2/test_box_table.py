"""A store's table of boxes."""

from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.data.store import ImageStore
from vasolib.v2.box_table import BOX_COLUMNS, boxes_of


def test_boxes_are_in_the_order_of_the_images_and_of_the_table(tmp_path: Path):
    rows = [("02", 5, 6, 7, 8), ("01", 1, 2, 3, 4.5), ("02", 0, 0, 2, 2)]
    pd.DataFrame(rows, columns=BOX_COLUMNS).to_csv(tmp_path / "boxes.csv", index=False)
    store = ImageStore(tmp_path, np.empty((3, 0, 0)), None, pd.DataFrame({"id": ["01", "02", "1"]}))
    assert [boxes.tolist() for boxes in boxes_of(store)] == [[[1, 2, 3, 4.5]], [[5, 6, 7, 8], [0, 0, 2, 2]], []]
