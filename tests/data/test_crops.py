"""Crops: reproducible, aligned with their masks, of the promised sizes, and each image in its turn."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.stats import kstest

from vasolib.data import crops


def noise_images(count: int, side: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def square_images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Off-centre squares of 1 on 0, and the same as 255 on 0."""
    masks = np.zeros((count, 64, 64), np.uint8)
    for index, (row, col) in enumerate(np.random.default_rng(1).integers(4, 36, (count, 2))):
        masks[index, row : row + 17, col : col + 23] = 1
    return masks * 255, masks


def loader(samples: int, batch_size: int, count: int, seed: int = 0, workers: int = 0) -> crops.CropLoader:
    images = noise_images(count)
    dataset = crops.CropDataset(images, images % 2, 16, (0.3, 1.0), seed)
    return crops.CropLoader(dataset, batch_size, samples, workers)


def views_of(dataset: crops.CropDataset, stream: int, index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops of one image and of its mask, each (V, side, side), read on their own."""
    images, masks = dataset[[(stream, index)]]
    return images[0], masks[0]


def test_a_crop_depends_on_seed_epoch_and_index_alone():
    images = noise_images(3)
    dataset = crops.CropDataset(images, images % 2, 16, (0.3, 1.0), 5)
    image, mask = views_of(dataset, 2, 1)
    dataset[[(0, 0)]], torch.rand(3)
    again, mask_again = (x[1] for x in dataset[[(0, 0), (2, 1), (3, 1)]])
    assert image.shape == mask.shape == (1, 16, 16)
    assert image.dtype == mask.dtype == torch.uint8
    assert torch.equal(image, again) and torch.equal(mask, mask_again)
    same_image = np.broadcast_to(images[1], images.shape)
    other_index = views_of(crops.CropDataset(same_image, None, 16, (0.3, 1.0), 5), 2, 0)[0]
    other_seed = views_of(crops.CropDataset(images, None, 16, (0.3, 1.0), 6), 2, 1)[0]
    assert not any(torch.equal(image, other) for other in (views_of(dataset, 3, 1)[0], other_index, other_seed))


def test_views_are_crops_of_the_same_image_drawn_one_after_another():
    images = noise_images(3)
    one, two = (crops.CropDataset(images, images % 2, 16, (0.3, 1.0), 5, views) for views in (1, 2))
    image, mask = views_of(two, 2, 1)
    first, first_mask = views_of(one, 2, 1)
    assert image.shape == mask.shape == (2, 16, 16)
    assert torch.equal(image[0], first[0]) and torch.equal(mask[0], first_mask[0])
    assert not torch.equal(image[0], image[1])
    other = crops.CropDataset(np.delete(images, 0, axis=0), None, 16, (0.3, 1.0), 5, 2)
    assert torch.equal(views_of(two, 2, 1)[0], image) and views_of(other, 2, 0)[0].shape == (2, 16, 16)


@pytest.mark.parametrize(("stored", "side"), [(64, 32), (96, 96), (50, 40)])
def test_crops_are_those_of_pillow(stored, side):
    images, masks = noise_images(6, stored), noise_images(6, stored) % 2
    dataset = crops.CropDataset(images, masks, side, (0.2, 1.0), 3)
    flips = 0
    for index in range(6):
        rng = np.random.default_rng([3, 7, index])
        top, left, height, width = crops.crop_box(stored, (0.2, 1.0), rng)
        window, flip = np.s_[index, top : top + height, left : left + width], rng.random() < 0.5
        image = np.asarray(Image.fromarray(images[window]).resize((side, side), Image.Resampling.BICUBIC))
        mask = crops.resize_mask(masks[window], side).numpy()
        for ours, theirs in zip(views_of(dataset, 7, index), (image, mask), strict=True):
            assert np.array_equal(ours[0], theirs[:, ::-1] if flip else theirs)
        flips += flip
    assert 0 < flips < 6


def test_worker_processes_change_neither_batches_nor_the_global_generator():
    results = []
    for workers in (0, 2):
        torch.manual_seed(0)
        batches = list(loader(8, 4, 5, workers=workers).epoch(1))
        results.append((batches, torch.rand(1)))
    (alone, after_alone), (helped, after_helped) = results
    assert len(alone) == len(helped) == 2
    for ours, theirs in zip(alone, helped, strict=True):
        assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])
    assert torch.equal(after_alone, after_helped)


@pytest.mark.parametrize("workers", [0, 2])
def test_one_loader_gives_any_epoch_whatever_was_read_before(workers: int):
    """The workers live on, and an epoch may be left half-read; the global generator sees none of it."""
    once = loader(12, 4, 5, workers=workers)
    torch.manual_seed(0)
    next(once.epoch(3))
    for epoch in (1, 0, 1):
        fresh = loader(12, 4, 5).epoch(epoch)
        pairs = list(zip(once.epoch(epoch), fresh, strict=True))
        assert len(pairs) == 3 and all(torch.equal(a, b) for pair in pairs for a, b in zip(*pair, strict=True))
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(1))


def test_image_and_mask_stay_aligned():
    images, masks = square_images(60)
    dataset = crops.CropDataset(images, masks, 48, (0.3, 1.0), 0)
    seen = 0
    for index in range(len(images)):
        image, mask = (x[0].numpy() for x in views_of(dataset, 0, index))
        mask = mask.astype(bool)
        border = binary_dilation(mask, iterations=1) & ~binary_erosion(mask, iterations=1, border_value=1)
        wrong = (image > 127) != mask
        assert not (wrong & ~border).any()
        assert wrong.sum() <= 0.5 * border.sum()
        seen += mask.any()
    assert seen > 50


def test_half_of_the_crops_are_mirrored_and_none_is_upside_down():
    right = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8), (400, 64, 64))
    across = crops.CropDataset(right, None, 16, (0.3, 1.0), 0)
    down = crops.CropDataset(right.transpose(0, 2, 1), None, 16, (0.3, 1.0), 0)
    keys = [(0, i) for i in range(400)]
    images, upright = across[keys][0][:, 0].int(), down[keys][0][:, 0].int()
    assert 160 < (images[:, 0, 0] > images[:, 0, -1]).sum() < 240
    assert (upright[:, 0, 0] < upright[:, -1, 0]).all()


def test_without_masks_the_second_of_the_pair_is_empty():
    image, mask = views_of(crops.CropDataset(noise_images(1), None, 16, (0.3, 1.0), 0), 0, 0)
    assert mask.shape == image.shape and mask.dtype == torch.uint8
    assert not mask.any() and image.any()


@pytest.mark.parametrize("scale", [(0.05, 0.5), (0.2, 1.0), (1.0, 1.0)])
def test_crops_stay_inside_the_image_and_the_ranges(scale):
    rng = np.random.default_rng(0)
    side = 200
    for _ in range(500):
        top, left, height, width = crops.crop_box(side, scale, rng)
        assert 0 <= top <= top + height <= side and 0 <= left <= left + width <= side
        share = height * width / side**2
        assert scale[0] * 0.98 <= share <= scale[1] * 1.02
        assert 0.97 * 3 / 4 <= width / height <= 1.03 * 4 / 3


def test_area_and_log_aspect_are_uniform():
    rng = np.random.default_rng(0)
    boxes = np.array([crops.crop_box(2000, (0.1, 0.6), rng) for _ in range(3000)])
    area, aspect = boxes[:, 2] * boxes[:, 3] / 2000**2, np.log(boxes[:, 3] / boxes[:, 2])
    reach = np.log(4 / 3)
    assert kstest(area, "uniform", (0.1, 0.5)).pvalue > 0.01
    assert kstest(aspect, "uniform", (-reach, 2 * reach)).pvalue > 0.01
    assert abs(np.corrcoef(area, aspect)[0, 1]) < 0.05


def test_every_place_that_fits_is_equally_likely():
    rng = np.random.default_rng(0)
    places = [crops.crop_box(8, (0.5625, 0.5625), rng) for _ in range(12000)]
    square = Counter((top, left) for top, left, height, width in places if (height, width) == (6, 6))
    total = sum(square.values())
    assert total > 1000
    assert set(square) == {(row, col) for row in range(3) for col in range(3)}
    assert max(abs(n / total - 1 / 9) for n in square.values()) < 4.5 * np.sqrt(8 / 81 / total)


@pytest.mark.parametrize(("samples", "batch_size", "count"), [(12, 4, 6), (10, 4, 6), (20, 5, 7), (3, 2, 9)])
def test_each_image_once_a_round_and_no_stream_twice(samples, batch_size, count):
    loads = loader(samples, batch_size, count)
    streams: list[tuple[int, int]] = []
    for epoch in range(5):
        batches = loads.keys(epoch)
        assert len(batches) == len(loads) == samples // batch_size
        assert {len(batch) for batch in batches} == {batch_size}
        keys = [key for batch in batches for key in batch]
        drawn = [index for _, index in keys]
        for start in range(0, len(drawn), count):
            one_round = drawn[start : start + count]
            assert len(set(one_round)) == len(one_round)
            assert set(one_round) <= set(range(count))
        streams += keys
    assert len(set(streams)) == len(streams)


def test_order_is_shuffled_anew_each_epoch_and_for_each_seed():
    orders = [loader(30, 5, 30, seed).keys(epoch) for seed in (0, 1) for epoch in (0, 1)]
    drawn = [tuple(index for batch in order for _, index in batch) for order in orders]
    assert len(set(drawn)) == 4
    assert tuple(range(30)) not in drawn
    assert orders[0] == loader(30, 5, 30, 0).keys(0)


def test_images_of_a_batch_are_called_by_their_ids_or_rows():
    loads = loader(10, 2, 5)
    rows = [[index for _, index in batch] for batch in loads.keys(3)]
    assert [loads.images(3, step) for step in range(5)] == [[str(i) for i in batch] for batch in rows]
    named = replace(loads, dataset=replace(loads.dataset, ids=list("abcde")))
    assert named.images(3, 4) == ["abcde"[i] for i in rows[4]]


def test_too_few_samples_for_a_batch_still_give_one():
    loads = loader(3, 8, 5)
    assert len(loads) == 1
    assert [image.shape for image, _ in loads.epoch(0)] == [(8, 1, 16, 16)]


@pytest.mark.parametrize(("height", "width", "side"), [(7, 7, 7), (5, 9, 4), (16, 12, 8), (6, 3, 20), (97, 64, 48)])
def test_resize_mask_against_a_slow_loop(height, width, side):
    mask = np.random.default_rng(0).integers(0, 2, (height, width), dtype=np.uint8)
    got = crops.resize_mask(mask, side)
    for row in range(side):
        for col in range(side):
            assert got[row, col] == mask[(2 * row + 1) * height // (2 * side), (2 * col + 1) * width // (2 * side)]


@pytest.mark.parametrize("value", [0, 77, 255])
@pytest.mark.parametrize("shape", [(40, 40), (13, 31), (64, 16)])
def test_resized_constants_stay_constant(value, shape):
    assert torch.equal(crops.resize_image(np.full(shape, value, np.uint8), 24), torch.full((24, 24), value).byte())


@pytest.mark.parametrize("side", [32, 50, 96])
def test_resize_keeps_the_mean_and_does_not_alias(side):
    smooth = 127 + 90 * np.sin(np.arange(64) / 7)[:, None] * np.cos(np.arange(64) / 9)
    resized = crops.resize_image(smooth.astype(np.uint8), side).float()
    assert abs(resized.mean() - smooth.mean()) < 2
    noise = noise_images(1, 4 * side)[0]
    assert crops.resize_image(noise, side).float().std() < noise.std() / 2


def test_resize_clips_what_the_cubic_kernel_overshoots():
    edge = np.zeros((16, 16), np.uint8)
    edge[:, 8:] = 255
    resized = crops.resize_image(edge, 40)
    assert (resized[:, :12] < 30).all() and (resized[:, -12:] > 225).all()


@pytest.fixture
def every_warning():
    torch.set_warn_always(True)  # else torch repeats none that an earlier test has seen
    yield
    torch.set_warn_always(False)


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("every_warning")
def test_read_only_images_are_read_without_a_warning():
    images = noise_images(2)
    images.flags.writeable = False
    dataset = crops.CropDataset(images, images, 40, (1.0, 1.0), 0)
    assert dataset[[(0, 1)]][0].shape == (1, 1, 40, 40)
