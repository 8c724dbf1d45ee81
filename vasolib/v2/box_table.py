"""The table of a store's boxes."""

__all__ = ["BOX_COLUMNS", "boxes_of"]

import numpy as np
import pandas as pd

from vasolib.data.store import ImageStore

BOX_COLUMNS = ["id", "x0", "y0", "x1", "y1"]


def boxes_of(store: ImageStore) -> list[np.ndarray]:
    """The boxes (k, 4) of each image of a store, in the table's order, in stored pixels."""
    table = pd.read_csv(store.folder / "boxes.csv", dtype={"id": str})
    found = {name: rows[BOX_COLUMNS[1:]].to_numpy(float) for name, rows in table.groupby("id")}
    return [found.get(name, np.empty((0, 4))) for name in store.table["id"]]
