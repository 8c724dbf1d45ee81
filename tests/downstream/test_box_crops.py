"""Crops and whole frames of boxes against a picture of them."""

import numpy as np
import pytest
import torch

from vasolib.data.crops import CropLoader
from vasolib.downstream.box_crops import BoxCrops, cut_boxes, whole_boxed


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
    resized, scaled = whole_boxed(images, [*boxes[:1], np.empty((0, 4))], 32)
    assert resized.shape == (2, 1, 32, 32) and resized.dtype == torch.uint8
    assert np.array_equal(scaled[0], boxes[0] / 2) and scaled[1].shape == (0, 4)
