"""One optimisation step of the extended paper's own sizes, which no run on a CPU reaches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.test_pretrain import smooth_images
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.data.store import ImageStore
from vasolib.pretrain import pretraining_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.study import ROOT, Study
from vasolib.training import fit, seeded
from vasolib.v2.box_table import BOX_COLUMNS
from vasolib.v2.boxes import BOXED
from vasolib.v2.finetune import fine_tune, network_of
from vasolib.v2.pretrain import build_extended
from vasolib.v2.study import Extended

pytestmark = pytest.mark.slow  # a ViT-H, and images of 1024 x 1024


@pytest.fixture(scope="module")
def paper() -> Extended:
    """The shipped choices at scale paper."""
    study = Study.load(ROOT)
    return Extended.beside(Study(ROOT, replace(study.params, scale="paper")))


@pytest.mark.parametrize(
    ("arm", "parameters"), [("vasomim_v2", 85_798_656), ("model_2", 303_301_632), ("model_3", 630_918_400)]
)
def test_a_step_of_pre_training_changes_what_is_trained(paper: Extended, arm: str, parameters: int, tmp_path: Path):
    scale, chosen = paper.scale(arm), paper.arm(arm)
    with seeded(1):
        segmentor = freeze(UNeXt())
    model = build_extended(chosen, scale, True, 0, segmentor.forward)
    assert sum(p.numel() for p in model.encoder.parameters()) == parameters
    before = model.encoder.blocks[-1].mlp.fc1.weight.detach().clone()
    recipe = replace(paper.pretraining(arm), epochs=1, batch_size=2, warmup=0.0)
    loader = CropLoader(CropDataset(*smooth_images(2, scale.image.side), scale.image.side, recipe.crop, 0), 2, 2)
    table = fit(model, pretraining_loss(model), loader, recipe, seed=0, state=tmp_path / "s", name=arm)
    assert table[["loss", "reconstruction", "consistency"]].gt(0).all(axis=None)
    after = model.encoder.blocks[-1].mlp.fc1.weight
    assert after.isfinite().all() and not torch.equal(before, after)


def test_a_step_of_the_detector_on_the_plain_vit(paper: Extended, tmp_path: Path):
    model = network_of(paper, "vit", BOXED, (-1, 0))
    recipe = replace(paper.more.recipes.boxes, epochs=1, batch_size=1, samples=1, warmup=0.0)
    more = replace(paper.more, recipes=replace(paper.more.recipes, boxes=recipe))
    changed = replace(paper)
    object.__setattr__(changed, "more", more)
    pd.DataFrame([("one", 40, 100, 50, 160)], columns=BOX_COLUMNS).to_csv(tmp_path / "boxes.csv", index=False)
    store = ImageStore(tmp_path, smooth_images(1, 512)[0], None, pd.DataFrame({"id": ["one"]}))
    log = fine_tune(model, BOXED, store, np.arange(1), changed, seed=0, state=tmp_path / "s", name="vit")
    assert BOXED.side(paper) == 1024 and np.isfinite(log.filter(like="loss")).all(axis=None) and (log["loss"] > 0).all()
