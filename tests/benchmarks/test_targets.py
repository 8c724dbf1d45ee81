"""Steps are timed by target, each with the judge that it asks."""

import pandas as pd
import pytest
import timm
import torch

from benchmarks import targets
from vasolib.v2.study import Extended


def test_the_teacher_is_the_published_one_on_the_scales_images():
    network = targets.teacher(Extended.open("laptop"))
    size = sum(weights.numel() for weights in network.parameters())
    assert size > 80e6 and not any(weights.requires_grad for weights in network.parameters())
    assert network.patch_embed.img_size == (128, 128)


@pytest.fixture
def small_teacher(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A general encoder of one narrow block; counts its passes."""
    calls = []

    def build(extended: Extended) -> torch.nn.Module:
        image = extended.study.scale.image
        size = {"img_size": image.side, "patch_size": image.patch, "embed_dim": 8, "depth": 1, "num_heads": 1}
        network = timm.create_model("vit_tiny_patch16_224", num_classes=0, global_pool="", **size)
        network.register_forward_pre_hook(lambda *_: calls.append(1))
        network.patch_embed.register_forward_pre_hook(lambda *_: calls.append(1))
        return network.requires_grad_(False)

    monkeypatch.setattr(targets, "teacher", build)
    return calls


def test_each_target_has_its_time(small_teacher: list[int], tmp_path):
    assert targets.main(["--turns", "2", "--results", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "targets.csv").set_index("target")
    assert list(table.index) == ["none", "segmentor", "features"] and table.loc["none", "ratio"] == 1
    assert (table["least"] <= table["ms"]).all() and (table["ms"] <= table["largest"]).all()
    assert len(small_teacher) == 3 * 2  # original and reconstruction in each of three steps
