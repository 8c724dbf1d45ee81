"""`python -m benchmarks.labels_needed --real FOLDER`: what pre-training on synthetic frames is worth in real labels.

The encoders that the study pre-trained on synthetic frames, and one from random weights (`vit`), are fine-tuned with
the scale's own settings on 10, 25 and 70 real frames, nested, and tested on 30 others, on which no choice of the
generator was made; several seeds.
"""

__all__ = ["dsc_of", "main", "nested", "summarise"]

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.command import parser, told
from benchmarks.real_frames import held_out
from benchmarks.synthetic_frames import source_files
from vasolib.data.building import build_store
from vasolib.data.folder import find_sets, frames_of
from vasolib.data.store import ImageStore
from vasolib.downstream.finetune import fine_tune, predict, whole_frames
from vasolib.errors import UserError
from vasolib.files import digest, write_csv
from vasolib.metrics import dsc
from vasolib.networks import load_weights, segmentation_network
from vasolib.study import Study

SCRATCH = "vit"


def nested(store: ImageStore, counts: list[int]) -> dict[int, np.ndarray]:
    """Rows of the training part by their number: the first ones by the sha256 of the id, so each holds the smaller.

    Raises UserError where the training part has fewer.
    """
    rows = store.select("train")
    if max(counts) > len(rows):
        raise UserError(
            f"{store.folder.name} has {len(rows)} frames to train on, fewer than {max(counts)}: see --frames"
        )
    ids = store.table["id"]
    order = sorted(rows, key=lambda row: hashlib.sha256(ids[row].encode()).hexdigest())
    return {count: np.array(order[:count]) for count in counts}


def dsc_of(study: Study, arm: str, store: ImageStore, rows: np.ndarray, seed: int, work: Path) -> float:
    """Mean DSC in per cent on the store's test part, after fine-tuning on `rows`."""
    scale = study.scale
    network, weights = segmentation_network(arm, scale, seed), ""
    if arm != SCRATCH:
        weights = study.encoder_of(arm, study.params.seed)
        load_weights(weights, network.encoder, prefix="encoder.")
    data = store.folder / "images.npy", store.folder / "masks.npy"
    state = work / f"unfinished-{digest(*source_files(), *data, scale, weights, arm, rows.tolist(), seed)[:12]}.pt"
    name = f"{store.folder.name} {arm} {len(rows)} frames seed {seed}"
    fine_tune(network, store, rows, scale, seed=seed, state=state, name=name)
    test = store.select("test")
    images, labels = whole_frames(store.images[test], store.masks[test], scale.image.side)
    seen = predict(network, images) >= 0.5
    return float(np.mean([100 * dsc(mask, label) for mask, label in zip(seen, labels, strict=True)]))


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (of the sample) of `dsc` over seeds; all other columns name the groups."""
    keys = [name for name in runs.columns if name not in ("seed", "dsc")]
    named = {"seeds": ("dsc", "size"), "dsc_mean": ("dsc", "mean"), "dsc_sd": ("dsc", "std")}
    return runs.groupby(keys, sort=False).agg(**named).reset_index()


def stores_of(root: Path, side: int, work: Path) -> dict[str, ImageStore]:
    """The labelled sets below `root` as stores, split by `held_out`."""
    stores = {}
    for name, found in find_sets(root)[0].items():
        if found.masks:
            split = held_out(name, [path.stem for path in found.images])
            stores[name] = build_store(work / name, frames_of(found, split), side)
    if not stores:
        raise UserError(f"no labelled set in {root}: expected a folder `masks` beside `images` in one of its folders")
    return stores


def run(given: argparse.Namespace) -> pd.DataFrame:
    """All fine-tunings; the table is rewritten after each, so that an interrupted call leaves what it has."""
    study = Study.open(given.run)
    stores = stores_of(given.real, study.scale.image.store_side, given.work)
    rows = []
    for name, store in stores.items():
        about = {"dataset": name, "test_frames": len(store.select("test"))}
        for count, chosen in nested(store, given.frames).items():
            for arm in [*given.arms, SCRATCH]:
                for seed in given.seeds:
                    score = dsc_of(study, arm, store, chosen, seed, given.work)
                    rows.append({**about, "arm": arm, "frames": count, "seed": seed, "dsc": score})
                write_csv(given.results / "labels_needed.csv", summarise(pd.DataFrame(rows)))
    return summarise(pd.DataFrame(rows))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("labels_needed", "Worth of pre-training.", trains=True)
    options.add_argument("--run", default="laptop", help="whose encoders and settings (default: laptop)")
    options.add_argument("--arms", nargs="+", default=["vasomim", "mae"], help="pre-trained; default: vasomim mae")
    options.add_argument("--frames", type=int, nargs="+", default=[10, 25, 70], help="labelled; default: 10 25 70")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    given = options.parse_args(arguments)
    torch.set_num_threads(given.threads)
    return told(lambda: print(run(given).to_string(index=False, float_format="%.2f")))


if __name__ == "__main__":
    sys.exit(main())
