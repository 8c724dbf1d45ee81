"""Pre-training of the extended part's arms: which network, judged by what, on which images of the corpus.

Arms that the first part knows too are built as there (`vasolib.pretrain.build_method`); a new one is guided by the
segmentor as well, or judged by general features. An arm that sees fewer images takes as many steps as one that sees
all: what differs is the data, not the training.
"""

__all__ = ["build_extended", "pretrain_extended", "timed"]

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vasolib.closure import code_of
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.data.store import ImageStore
from vasolib.distributed import is_first
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.launch import command
from vasolib.networks import encoder, save_weights
from vasolib.pretrain import build_method, load_judge, pretraining_loss
from vasolib.segmentor import freeze
from vasolib.settings import Recipe, Scale
from vasolib.study import ROOT
from vasolib.training import LossFn, fit, forget, place, seeded
from vasolib.v2.coguidance import CoGuidedMIM
from vasolib.v2.corpus import DISTINCT, KEPT, USABLE, Rows, corpus_rows
from vasolib.v2.encoders import external_encoder, external_file
from vasolib.v2.settings import ExtendedArm
from vasolib.v2.study import NAME, Extended
from vasolib.v2.targets import feature_target, vessel_target

TEACHER = "dinov2"  # the published encoder whose features judge, as in the extended paper


def build_extended(
    arm: ExtendedArm,
    scale: Scale,
    norm_pix_loss: bool,
    seed: int,
    segmentor: Callable[[Tensor], Tensor] | None = None,
    features: VisionTransformer | None = None,
) -> nn.Module:
    """An arm's network on its device, weights drawn from the seed.

    Args:
        segmentor: vessel logits of images; needed where `arm.looks`.
        features: a frozen encoder of the scale's images; needed where features judge.

    Raises:
        ValueError: what the arm needs is not given.
    """
    by_features = arm.consistency and arm.judge == "features"
    if not (by_features or (arm.guidance and arm.eta < 1)):
        return build_method(arm, scale, norm_pix_loss, seed, segmentor)
    if (arm.looks and segmentor is None) or (by_features and features is None):
        raise ValueError("the arm asks a trained segmentor or general features, so these must be given")
    judge = feature_target(features) if by_features else vessel_target(segmentor)
    choices = arm.mask_ratio, norm_pix_loss, arm.betas, arm.eta
    decoder = scale.decoder.embed_dim, scale.decoder.depth, scale.decoder.num_heads
    with seeded(seed):
        asked = segmentor if arm.looks else None
        return place(CoGuidedMIM(encoder(scale), *decoder, *choices, asked, judge if arm.consistency else None))


def timed(loss_fn: LossFn, steps: int) -> LossFn:
    """`loss_fn` that also returns seconds_per_step, so that the mean over an epoch of so many steps is that of a step.

    Measured from the start of one step to that of the next, reading and update included; an epoch of one step has
    none (nan).
    """
    last: tuple[float, float] | None = None  # progress and time of the step before

    def measured(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        nonlocal last
        now = time.perf_counter()
        passed = now - last[1] if last and last[0] == progress else 0.0
        last = progress, now
        values = loss_fn(batch, progress, generator)
        seconds = passed * steps / (steps - 1) if steps > 1 else float("nan")
        return values | {"seconds_per_step": torch.full_like(values["loss"].detach(), seconds)}

    return measured


def train(
    model: nn.Module, store: ImageStore, anatomy: np.ndarray, rows: np.ndarray, scale: Scale, recipe: Recipe, **options
) -> pd.DataFrame:
    """Train in place on random crops of some images of a store, as `vasolib.pretrain.pretrain`; the log of its epochs.

    `options`: seed, state, name of `vasolib.training.fit`.
    """
    ids, images, vessels = list(store.table.id[rows]), Rows(store.images, rows), Rows(anatomy, rows)
    crops = CropDataset(images, vessels, scale.image.side, recipe.crop, options["seed"], model.VIEWS, ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(store), scale.workers)
    return fit(model, timed(pretraining_loss(model), len(loader)), loader, recipe, **options)


def judges(extended: Extended, arm: ExtendedArm) -> tuple[dict, list[Path]]:
    """What an arm asks, as `build_extended` names it, and the files that it is read from."""
    asked, files = {}, []
    if arm.looks:
        files.append(extended.require("segmentor", "segmentor.safetensors", made_by="v2_20_anatomy"))
        asked["segmentor"] = load_judge(files[0])
    if arm.consistency and arm.judge == "features":
        asked["features"] = place(freeze(external_encoder(extended, TEACHER)))
        files.append(external_file(extended, TEACHER))
    return asked, files


def pretrain_extended(run: str, arm: str) -> None:
    """Pre-train an arm of a run's extended part from each of its seeds, alone or as one of several processes.

    Writes work/<run>/v2/pretrain/<arm>: seed<n>/model.safetensors, and log.csv, the logs of all seeds below one
    another. What a step took is no result, so it is beside them: work/<run>/v2/seconds/<arm>.csv, seconds_per_step.

    Raises:
        UserError: no such run or arm, or a file of an earlier notebook or of a published encoder is missing.
    """
    extended = Extended.open(run)
    if arm not in extended.params.pretrain and arm in extended.params.arms:
        raise UserError(f"arm {arm} is not among those that are pre-trained: add it to v2.pretrain in {NAME}")
    study, chosen, recipe, scale = extended.study, extended.arm(arm), extended.pretraining(arm), extended.scale(arm)
    corpus = ImageStore.open(extended.require("stores", "corpus", made_by="v2_10_data"))
    found = extended.require("anatomy", "corpus.npy", made_by="v2_20_anatomy")
    kept = extended.require(KEPT, DISTINCT if chosen.distinct else USABLE, made_by="v2_15_redundancy")
    rows = corpus_rows(list(corpus.table.id), kept, chosen.corpus, study.params.seed)
    asked, files = judges(extended, chosen)
    inputs = corpus.folder / "table.csv", found, *files, rows.tolist()
    choices = code_of("v2_40_pretrain", ROOT), study.params.norm_pix_loss, scale, recipe, replace(chosen, tasks=())
    anatomy, models, logs, states = np.load(found, mmap_mode="r"), {}, [], []
    for seed in sorted({seed for seed, _ in extended.runs(arm)}):
        models[seed] = build_extended(chosen, scale, study.params.norm_pix_loss, seed, **asked)
        state, name = study.state(f"v2_{arm}-{seed}", *choices, *inputs, seed), f"{arm} seed {seed}"
        log = train(models[seed], corpus, anatomy, rows, scale, recipe, seed=seed, state=state, name=name)
        logs.append(log.assign(pretrain_seed=seed))
        states.append(state)
    if is_first():
        with atomic(extended.work("pretrain", arm)) as folder:
            for seed, model in models.items():
                save_weights(folder / f"seed{seed}" / "model.safetensors", model)
            log = pd.concat(logs)
            seconds = log.pop("seconds_per_step").to_frame()
            write_csv(folder / "log.csv", log)
        write_csv(extended.work("seconds", f"{arm}.csv"), seconds)
        forget(*states)


if __name__ == "__main__":
    sys.exit(command(pretrain_extended, sys.argv[1:]))
