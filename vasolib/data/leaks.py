"""What each image is used for, and that nothing that is tested on is learned from."""

__all__ = ["check_no_leak", "counted", "sides", "splits"]

from collections.abc import Mapping

import pandas as pd

from vasolib.data.store import ImageStore
from vasolib.errors import UserError

CORPUS, TRAIN, TEST = "pre-training and segmentor training", "fine-tuning", "test"


def splits(stores: Mapping[str, ImageStore]) -> pd.DataFrame:
    """A row per image of each store, in their order: the store's name, its table, and what the image is used for.

    All of the store `corpus` is trained on, whatever its table says. The denoising networks of Table S2 are fine-tuned
    on the training part of the first benchmark, without its labels.
    """
    tables = [store.table.assign(store=name, used_for=uses(name, store.table)) for name, store in stores.items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["store", *table.columns.drop("store")]]


def uses(name: str, table: pd.DataFrame) -> pd.Series | str:
    """What the images of a store are used for."""
    return CORPUS if name == "corpus" else table["split"].map({"train": TRAIN, "test": TEST})


def sides(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are tested on, and all others: those that are trained on."""
    test = table["used_for"] == TEST
    return table[test], table[~test]


def check_no_leak(table: pd.DataFrame) -> None:
    """Nothing that is tested on has the checksum, or is of the patient, of anything that is trained on.

    A patient is what comes before a file name's first underscore, so its recordings go together where names are made
    so. Names of patients are compared within a source only: that two sources show the same patient, under whichever
    name, cannot be known from names. `vasolib.data.near` looks for what names hide.

    Args:
        table: from `splits`.

    Raises:
        UserError: one is; with how many there are, and the first one beside what it shares that with.
    """
    tested, trained = sides(table)
    for what, keys in (("file", ["sha256"]), ("patient", ["source", "patient"])):
        shared = tested.merge(trained, on=keys, suffixes=("", "_trained"))
        if len(shared):
            first, count = shared.iloc[0], shared["id"].nunique()
            raise UserError(
                f"{first['store']}: {count} test image(s) and images for training are of one {what}, such as "
                f"{first['id']} and {first['id_trained']} (for {first['used_for_trained']}): "
                "take either out of the data folder"
            )


def counted(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """A row per use and store: its images and patients, and how many images have a near-duplicate on the other side.

    Args:
        table: from `splits`.
        pairs: ids in the columns tested and trained, from `vasolib.data.near.near_duplicates`.
    """
    tested, trained = sides(table)
    near = pd.concat([tested["id"].isin(pairs["tested"]), trained["id"].isin(pairs["trained"])])
    rows = table.assign(near_duplicates=near, patients=table["source"] + "/" + table["patient"])
    parts = rows.groupby(["used_for", "store"], sort=False)
    columns = {
        "images": ("id", "size"),
        "patients": ("patients", "nunique"),
        "near_duplicates": ("near_duplicates", "sum"),
    }
    return parts.agg(**columns).reset_index()
