"""Detectors: settings refused, images left as they are, boxes exact, losses and answers."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.downstream.test_box_crops import frames
from vasolib.downstream.detection import (
    BoxDetector,
    Detector,
    Mixed,
    Untouched,
    detect,
    detection_losses,
    resnet_detector,
    vit_detector,
)
from vasolib.errors import UserError
from vasolib.mim import build_encoder
from vasolib.training import autocast, normalise, seeded

SMALL = Detector(width=16, hidden=32, pre_nms=50, post_nms=20)


def detector(kind: str, settings: Detector = SMALL, side: int = 64) -> BoxDetector:
    with seeded(0):
        vit = build_encoder(side, 8, 48, 1, 3)
        return resnet_detector(settings) if kind == "resnet" else vit_detector(vit, settings)


both = pytest.mark.parametrize("kind", ["vit", "resnet"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"post_nms": -1}, "post_nms is -1"),
        ({"foreground": 1.5}, "foreground is 1.5"),
        ({"background": 0.6}, "background 0.6 exceeds foreground 0.5"),
        ({"positives": 0.0}, "positives is 0.0"),
        ({"least_score": 1.0}, "least_score is 1.0"),
        ({"strides": (8, 4, 16, 32)}, r"strides is \[8, 4, 16, 32\]: choose some of \[4, 8, 16, 32\], rising"),
        ({"strides": (2, 4), "anchors": (8.0, 16.0)}, "strides is"),
        ({"strides": ()}, "strides is"),
        ({"strides": (4, 8)}, "anchors is .* for each stride"),
        ({"anchors": (12.0, 24.0, 48.0, 0.0)}, "anchors is"),
        ({"ratios": ()}, "ratios is"),
        ({"ratios": (1.0, -2.0)}, "ratios is"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **change)


@both
@pytest.mark.parametrize("strides", [(4, 8, 16, 32), (8, 16)])
def test_each_stride_has_a_map_with_its_anchors(kind, strides):
    anchors = tuple(3.0 * stride for stride in strides)
    model = detector(kind, dataclasses.replace(SMALL, strides=strides, anchors=anchors)).eval()
    images = torch.rand(2, 3, 64, 64)
    maps = model.backbone(images)
    assert [m.shape for m in maps.values()] == [(2, 16, 64 // s, 64 // s) for s in strides]
    made = model.rpn.anchor_generator(Untouched()(images)[0], list(maps.values()))
    assert [len(each) for each in made] == [3 * sum((64 // s) ** 2 for s in strides)] * 2
    areas = (made[0][:, 2:] - made[0][:, :2]).prod(dim=1).sqrt()
    assert areas.min() == pytest.approx(anchors[0], rel=0.1) and areas.max() == pytest.approx(anchors[-1], rel=0.1)


@both
def test_images_reach_the_backbone_as_they_are(kind):
    model, seen = detector(kind).eval(), []
    model.backbone.backbone.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    images = torch.randn(2, 3, 64, 64)
    found = model(images)
    assert torch.equal(seen[0], images)
    assert all(set(each) == {"boxes", "labels", "scores"} for each in found)


def test_mixed_precision_ends_with_the_backbone():
    kinds = []

    class Backbone(torch.nn.Conv2d):
        def forward(self, images):
            maps = super().forward(images)
            kinds.append(maps.dtype)
            return {"0": maps}

    mixed = Mixed(Backbone(3, 4, 1), 4)
    images = torch.rand(1, 3, 8, 8)
    assert mixed(images)["0"].dtype == torch.float32
    with autocast(images.device):
        assert kinds == [torch.nn.functional.conv2d(images, mixed.backbone.weight).dtype]


@both
def test_boxes_keep_their_fractions_within_autocast(kind):
    model = detector(kind, dataclasses.replace(SMALL, least_score=0.0), side=320).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        boxes = torch.cat([each["boxes"] for each in model(torch.randn(1, 3, 320, 320))])
    far = boxes[boxes > 256]
    assert boxes.dtype == torch.float32
    assert len(far) and (far[far < 320].frac() != 0).any()


def test_the_resnet_is_trained_throughout():
    model = detector("resnet")
    assert all(p.requires_grad for p in model.parameters())
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 20 and all(norm.training for norm in norms)


@both
def test_the_loss_is_the_sum_of_its_parts_and_needs_no_lesion(kind):
    model, (images, boxes) = detector(kind).train(), frames(2)
    shown = normalise(torch.from_numpy(images)[:, None], torch.device("cpu"))
    with seeded(1):
        values = detection_losses(model, shown, [torch.from_numpy(boxes[0]).float(), torch.empty(0, 4)])
    parts = [values[name] for name in values if name != "loss"]
    assert len(parts) == 4 and torch.isclose(values["loss"], sum(parts))
    assert all(part > 0 for part in parts)
    values["loss"].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_detections_do_not_depend_on_the_batch():
    model, (images, _) = detector("vit"), frames(5)
    tensor = torch.from_numpy(images)[:, None]
    whole, single = detect(model, tensor, 5), detect(model, tensor, 1)
    assert len(whole) == 5 and not model.training
    for (boxes, scores), (others, alike) in zip(whole, single, strict=True):
        assert boxes.shape == (len(scores), 4) and (np.diff(scores) <= 0).all()
        assert boxes.min(initial=0) >= 0 and boxes.max(initial=0) <= 64
        assert abs(len(scores) - len(alike)) <= 5 and scores[:1] == pytest.approx(alike[:1], abs=0.01)
        assert others.dtype == np.float32
