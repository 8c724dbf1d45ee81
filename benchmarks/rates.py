"""`python -m benchmarks.rates`: how well each method's learning rate is chosen, for all alike.

Each method of Table 2 is pre-trained for a share of its epochs at each of the same rates, and fine-tuned on 70 % of
the first two benchmarks' training images; the other 30 % are scored. No test image is used, and no rate is chosen here:
params.yaml says which rate each arm has. One run each, so differences of a point or two are chance.
"""

__all__ = ["main", "merged", "split", "trial"]

import argparse
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.command import parser, told
from benchmarks.synthetic_frames import source_files
from vasolib.data.store import ImageStore
from vasolib.downstream.finetune import fine_tune, predict, whole_frames
from vasolib.files import digest, write_csv
from vasolib.metrics import dsc
from vasolib.networks import segmentation_network
from vasolib.pretrain import build_method, load_judge, pretrain
from vasolib.study import ROOT, Study

RATES = [0.0001, 0.0003, 0.001]
METHODS = ["moco", "dino", "mae", "simmim", "amt", "deblurring", "crossmae", "hpm", "chexworld", "spt", "vasomim"]


def split(store: ImageStore) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training part to learn from, 70 %, and to score on, 30 %, in the table's order."""
    rows = store.select("train")
    cut = round(0.7 * len(rows))
    return rows[:cut], rows[cut:]


def trial(study: Study, arm: str, rate: float, share: float, work: Path) -> dict[str, object]:
    """One short pre-training and its fine-tunings: the row of the table."""
    started, scale, chosen = time.monotonic(), study.scale, study.arm(arm)
    recipe = study.pretraining(arm)
    recipe = replace(recipe, lr=rate, epochs=max(1, round(recipe.epochs * share)))
    corpus = ImageStore.open(study.require("stores", "corpus", made_by="10_data"))
    found = study.require("anatomy", chosen.anatomy, "corpus.npy", made_by="20_anatomy")
    judged_by = study.require("segmentor", chosen.anatomy, "segmentor.safetensors", made_by="30_segmentor")
    seed, anatomy = study.params.seed, np.load(found, mmap_mode="r")
    model = build_method(chosen, scale, study.params.norm_pix_loss, seed, load_judge(judged_by))
    name = f"{arm} lr {rate:g}"
    state = work / f"unfinished-{digest(*source_files(), name, chosen, recipe, scale, found, judged_by)[:12]}.pt"
    pretrain(model, corpus.images, anatomy, scale, recipe, seed=seed, state=state, name=name)
    scores = {name: score(study, model, name, state) for name in study.params.benchmarks[:2]}
    minutes = (time.monotonic() - started) / 60
    return {"method": arm, "lr": rate, "epochs": recipe.epochs, **scores, "minutes": minutes}


def score(study: Study, model: torch.nn.Module, benchmark: str, state: Path) -> float:
    """Mean DSC in per cent on the part of a benchmark's training images that is kept back."""
    store, scale = ImageStore.open(study.work("stores", benchmark)), study.scale
    learn, keep = split(store)
    network = segmentation_network("vit", scale, study.params.seed)
    network.encoder.load_state_dict(model.encoder.state_dict())
    fine_tune(network, store, learn, scale, seed=study.params.seed, state=state, name=benchmark)
    images, labels = whole_frames(store.images[keep], store.masks[keep], scale.image.side)
    seen = predict(network, images) >= 0.5
    return float(np.mean([100 * dsc(mask, label) for mask, label in zip(seen, labels, strict=True)]))


def run(given: argparse.Namespace) -> pd.DataFrame:
    """All trials; the table is written after each, so that an interrupted call leaves what it has."""
    study, path = Study.open(given.run), given.results / f"{given.run}.csv"
    table = pd.read_csv(path) if path.is_file() else pd.DataFrame()
    for arm, rate in product(given.methods, given.rates):
        table = merged(table, trial(study, arm, rate, given.share, given.work))
        write_csv(path, table)
    return table


def merged(table: pd.DataFrame, row: dict[str, object]) -> pd.DataFrame:
    """The table with a trial in it, in place of one of the same method, rate and length; methods in their order."""
    keys = ["method", "lr", "epochs"]
    table = pd.concat([table, pd.DataFrame([row])]).drop_duplicates(keys, keep="last")
    order = {name: i for i, name in enumerate(METHODS)}
    return table.sort_values(["epochs", "method", "lr"], key=lambda c: c.map(order) if c.name == "method" else c)


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("rates", "Learning rates, the same ones for every method.", real=False, trains=True)
    options.set_defaults(results=ROOT / "results" / "rates")
    options.add_argument("--run", default="laptop", help="whose data and settings (default: laptop)")
    options.add_argument("--methods", nargs="+", default=METHODS, help=f"default: {' '.join(METHODS)}")
    options.add_argument("--rates", type=float, nargs="+", default=RATES, help=f"default: {RATES}")
    options.add_argument("--share", type=float, default=1 / 3, help="of the epochs (default: a third)")
    given = options.parse_args(arguments)
    torch.set_num_threads(given.threads)
    return told(lambda: print(run(given).to_string(index=False, float_format="%.4g")))


if __name__ == "__main__":
    sys.exit(main())
