"""Which recording (cine) each image of a store is from, where that is known: cines.csv beside the store's table."""

__all__ = ["cines_of", "write_cines"]

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vasolib.data.store import ImageStore
from vasolib.files import write_csv

FILE, COLUMNS = "cines.csv", ["id", "cine"]


def write_cines(folder: Path, cines: Mapping[str, str]) -> None:
    """Write the cine of each image, by ids, into a store's folder; no file where none is known."""
    known = [(name, cine) for name, cine in cines.items() if cine]
    if known:
        write_csv(Path(folder) / FILE, pd.DataFrame(known, columns=COLUMNS))


def cines_of(store: ImageStore) -> pd.Series:
    """The cine of each image of a store, with its source, in the table's order; "" where it is unknown.

    Cines of two sources are two, whatever they are called.
    """
    path, table = store.folder / FILE, store.table
    known = pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else pd.DataFrame(columns=COLUMNS)
    cines = table["id"].map(known.set_index("id")["cine"])
    return (table["source"] + "/" + cines).where(cines.notna(), "")
