"""`python -m benchmarks.denoise_rates`: the learning rate of the denoising recipe, chosen on training images.

DnCNN and the ViT without pre-training learn, at each rate, from 70 % of the first benchmark's training images and are
scored on the other 30 %, with the noise, steps and sizes of the study. No test image is used. One seed each.
"""

__all__ = ["main", "trial"]

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from benchmarks.command import parser, told
from benchmarks.rates import split
from benchmarks.synthetic_frames import source_files
from vasolib.data.store import ImageStore
from vasolib.downstream.denoise import add_noise, denoise, denoising_network, score_denoised, train_denoiser
from vasolib.downstream.finetune import whole_frames
from vasolib.files import digest, write_csv
from vasolib.study import ROOT, Study

RATES = [0.01, 0.02, 0.04, 0.08]
NETWORKS = ["dncnn", "vit"]


def trial(study: Study, network: str, rate: float, work: Path) -> dict[str, object]:
    """One training: the row of the table, means over the images kept back."""
    params, scale = study.params, replace(study.scale, denoise=replace(study.scale.denoise, lr=rate))
    store = ImageStore.open(study.require("stores", params.benchmarks[0], made_by="10_data"))
    learn, keep = split(store)
    name = f"{network} lr {rate:g}"
    state = work / f"unfinished-{digest(*source_files(), name, scale, store.folder / 'table.csv')[:12]}.pt"
    model = denoising_network(network, scale, params.seed)
    sigma = params.noise_sigma
    train_denoiser(model, store.images[learn], scale, sigma, seed=params.seed, state=state, name=name)
    clean, _ = whole_frames(store.images[keep], store.masks[keep], scale.image.side)
    noisy = add_noise(clean, sigma, generator=torch.Generator().manual_seed(params.seed))
    scores = score_denoised(clean, denoise(model, noisy), list(store.table.id[keep]))
    return {"method": network, "lr": rate, **scores[["psnr", "ssim"]].mean()}


def run(given: argparse.Namespace) -> pd.DataFrame:
    """All trials, and their table written."""
    study = Study.open(given.run)
    table = pd.DataFrame([trial(study, network, rate, given.work) for network in NETWORKS for rate in given.rates])
    write_csv(given.results / f"{given.run}_denoise.csv", table)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("denoise_rates", "Learning rates of the denoising recipe.", real=False, trains=True)
    options.set_defaults(results=ROOT / "results" / "rates")
    options.add_argument("--run", default="laptop", help="whose data and settings (default: laptop)")
    options.add_argument("--rates", type=float, nargs="+", default=RATES, help=f"default: {RATES}")
    given = options.parse_args(arguments)
    torch.set_num_threads(given.threads)
    return told(lambda: print(run(given).to_string(index=False, float_format="%.4g")))


if __name__ == "__main__":
    sys.exit(main())
