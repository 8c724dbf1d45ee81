"""Crops of boxes against a picture of them, and a detector that learns eight images by heart."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vasolib.data.crops import CropLoader
from vasolib.downstream.average_precision import average_precision
from vasolib.downstream.box_training import BoxCrops, cut_boxes, detect, detection_loss, train_detector, whole_frames
from vasolib.downstream.detection import BoxDetector, Detector, resnet_detector, vit_detector
from vasolib.mim import build_encoder
from vasolib.settings import Recipe
from vasolib.training import place, seeded

SMALL = Detector(width=32, hidden=64, strides=(4, 8), anchors=(12.0, 24.0), ratios=(1.0,), pre_nms=100, post_nms=50)


def frames(count: int, side: int = 64) -> tuple[np.ndarray, list[np.ndarray]]:
    """Noise with a dark square of its own place and size in each image."""
    rng = np.random.default_rng(0)
    images, boxes = rng.integers(120, 180, (count, side, side), dtype=np.uint8), []
    for image in images:
        size = int(rng.integers(12, 20))
        x, y = rng.integers(0, side - size, 2)
        image[y : y + size, x : x + size] //= 4
        boxes.append(np.array([[x, y, x + size, y + size]], float))
    return images, boxes


def detector(kind: str) -> BoxDetector:
    with seeded(0):
        vit = build_encoder(64, 8, 48, 2, 3)
        return place(resnet_detector(SMALL) if kind == "resnet" else vit_detector(vit, SMALL))


@pytest.mark.parametrize(
    ("box", "want"),
    [
        ((12, 24, 20, 32), [(4, 8, 20, 16)]),  # twice as large across, as large down
        ((6, 16, 14, 48), [(0, 0, 8, 32)]),  # half of it is inside: 4 of 8 columns and all rows
        ((5, 24, 14, 32), []),  # 4 of 9 columns
        ((0, 24, 64, 32), []),
        ((60, 0, 64, 8), []),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_are_cut_scaled_and_mirrored_by_hand(box, want, mirrored):
    cut = cut_boxes(np.array([box], float), (16, 10, 32, 16), 32, mirrored)
    if mirrored:
        want = [(32 - x1, y0, 32 - x0, y1) for x0, y0, x1, y1 in want]
    assert cut.tolist() == [list(each) for each in want]


def test_no_boxes_are_none():
    assert cut_boxes(np.empty((0, 4)), (0, 0, 8, 8), 16, True).shape == (0, 4)


def test_boxes_of_crops_lie_around_what_is_dark_in_them():
    images, boxes = frames(12)
    crops = BoxCrops(images, boxes, 96, (0.4, 1.0), seed=3)
    batch, found = crops[[(stream, index) for stream in range(3) for index in range(12)]]
    assert batch.shape == (36, 1, 96, 96) and batch.dtype == torch.uint8
    seen = 0
    for image, cut in zip(batch[:, 0].numpy(), found, strict=True):
        assert cut.dtype == torch.float32
        for x0, y0, x1, y1 in cut.numpy():
            rows, columns = np.nonzero(image < 80)
            edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            assert np.abs(np.subtract(edges, (x0, y0, x1, y1))).max() <= 1.5
            seen += 1
    assert seen > 18


def test_crops_are_the_same_whoever_reads_them_and_in_whatever_company():
    images, boxes = frames(5)
    loader = CropLoader(BoxCrops(images, boxes, 32, (0.3, 1.0), 0, ids=list("abcde")), batch_size=2, samples=8)
    workers = CropLoader(loader.dataset, batch_size=2, samples=8, workers=2)
    for (one, cut), (other, also) in zip(loader.epoch(1), workers.epoch(1), strict=True):
        assert torch.equal(one, other)
        assert all(torch.equal(a, b) for a, b in zip(cut, also, strict=True))
    keys = loader.keys(1)[0]
    assert torch.equal(loader.dataset[keys][0][1], loader.dataset[keys[1:]][0][0])
    assert loader.images(1, 0) == ["abcde"[index] for _, index in keys]
    assert len(list(loader.epoch(0))) == len(loader) == 4


def test_whole_frames_are_resized_with_their_boxes():
    images, boxes = frames(2)
    resized, scaled = whole_frames(images, [*boxes[:1], np.empty((0, 4))], 32)
    assert resized.shape == (2, 1, 32, 32) and resized.dtype == torch.uint8
    assert np.array_equal(scaled[0], boxes[0] / 2) and scaled[1].shape == (0, 4)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_the_loss_is_the_sum_of_its_parts_and_needs_no_lesion(kind):
    model, (images, boxes) = detector(kind).train(), frames(2)
    batch = torch.from_numpy(images)[:, None], [torch.from_numpy(boxes[0]).float(), torch.empty(0, 4)]
    with seeded(1):
        values = detection_loss(model)(batch, 0.5, torch.Generator().manual_seed(0))
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


def learnt(kind: str, folder: Path, epochs: int) -> dict[str, float]:
    """Average precision on the eight images that were trained on."""
    model, (images, boxes) = detector(kind), frames(8)
    recipe = Recipe(epochs=epochs, batch_size=4, lr=0.002, samples=32, crop=(0.8, 1.0))
    train_detector(model, images, boxes, 64, recipe, seed=0, state=folder / "state.pt", name=kind)
    return average_precision(detect(model, torch.from_numpy(images)[:, None]), boxes)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_eight_images_are_learnt_by_heart(kind, tmp_path):
    assert learnt(kind, tmp_path, epochs=20)["mAP50"] > 95


def test_the_same_seed_trains_the_same_detector(tmp_path):
    assert learnt("vit", tmp_path / "a", 1) == learnt("vit", tmp_path / "b", 1)
