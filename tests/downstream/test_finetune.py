"""Fine-tuning: the loss by hand, augmentation within its range, prediction free of its neighbours."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from vasolib.data.crops import resize_image
from vasolib.downstream import finetune
from vasolib.downstream.unet import UNet
from vasolib.training import normalise, seeded


def random_frames(count: int, side: int = 32) -> torch.Tensor:
    """Frames of very different brightness."""
    noise = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0))
    return (noise * torch.linspace(20, 255, count)[:, None, None, None]).byte()


def test_loss_by_hand():
    logits = torch.tensor([[[[math.log(3), -math.log(3)]]], [[[0.0, 0.0]]]])  # p = 3/4, 1/4 and 1/2, 1/2
    target = torch.tensor([[[[1, 0]]], [[[1, 1]]]]).byte()
    first = (2 * 0.75 + 1) / (0.75 + 0.25 + 1 + 1)
    second = (2 * 1 + 1) / (1 + 2 + 1)
    entropy = -(2 * math.log(3 / 4) + 2 * math.log(1 / 2)) / 4
    want = 1 - (first + second) / 2 + entropy
    assert finetune.dice_bce(logits, target).item() == pytest.approx(want)
    without = 1 - (1.5 / 2 + 2 / 3) / 2 + entropy
    assert finetune.dice_bce(logits, target, smooth=0).item() == pytest.approx(without)


def test_loss_is_near_zero_when_right_and_large_when_wrong():
    target = (torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) > 0.7).byte()
    logits = 30.0 * (2 * target.float() - 1)
    assert finetune.dice_bce(logits, target) < 1e-4
    assert finetune.dice_bce(-logits, target) > 29
    nothing = torch.zeros_like(target)
    assert finetune.dice_bce(torch.full(target.shape, -30.0), nothing) < 1e-4


def test_small_and_large_vessels_weigh_the_same_in_the_dice_term():
    target = torch.zeros(2, 1, 20, 20)
    target[0, 0, 0, :2], target[1, 0] = 1, 1
    missed = [torch.where(target.bool(), 30.0, -30.0) for _ in range(2)]
    for image, logits in enumerate(missed):
        logits[image] = -30
    entropies = [nn.functional.binary_cross_entropy_with_logits(m, target) for m in missed]
    dice = [(finetune.dice_bce(m, target, smooth=0) - e).item() for m, e in zip(missed, entropies, strict=True)]
    assert dice == pytest.approx([0.5, 0.5], abs=1e-3)


def test_jitter_is_drawn_from_its_generator_alone():
    images = torch.randn(3, 3, 8, 8)
    first = finetune.jitter(images, generator=torch.Generator().manual_seed(1))
    torch.rand(2)
    again = finetune.jitter(images, generator=torch.Generator().manual_seed(1))
    other = finetune.jitter(images, generator=torch.Generator().manual_seed(2))
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_jitter_moves_brightness_and_contrast_of_each_image_within_its_range(generator):
    image = torch.randn(1, 3, 16, 16, generator=generator)
    jittered = finetune.jitter(image.expand(2000, -1, -1, -1), generator=generator)
    shift = jittered.mean(dim=(1, 2, 3)) - image.mean()
    factor = jittered.std(dim=(1, 2, 3)) / image.std()
    for change in (shift, factor - 1):
        assert change.abs().max() <= 0.2 + 1e-5
        assert change.min() < -0.19 and change.max() > 0.19
        assert abs(change.mean()) < 4.5 * 0.2 / math.sqrt(3 * 2000)
    assert abs(np.corrcoef(shift, factor)[0, 1]) < 0.1
    restored = (jittered - jittered.mean(dim=(1, 2, 3), keepdim=True)) / factor[:, None, None, None]
    assert torch.allclose(restored, (image - image.mean()).expand_as(restored), atol=1e-5)


def test_prediction_does_not_depend_on_the_batch():
    with seeded(0):
        model = UNet(4, depth=2).train()
    buffers = [b.clone() for b in model.buffers()]
    frames = random_frames(5)
    maps = finetune.predict(model, frames, batch_size=5)
    assert maps.shape == (5, 32, 32) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() <= 1
    assert maps.std() > 0.01
    for batch_size in (1, 2, 16):
        assert np.allclose(finetune.predict(model, frames, batch_size), maps, atol=5e-3)  # bfloat16, where it is
    assert all(torch.equal(b, old) for b, old in zip(model.buffers(), buffers, strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_prediction_is_the_sigmoid_of_the_logits_of_normalised_frames():
    class FirstChannel(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, images):
            return self.scale * images[:, :1]

    frames = random_frames(3)
    want = torch.sigmoid(2 * normalise(frames, torch.device("cpu"))[:, 0])
    assert np.allclose(finetune.predict(FirstChannel(), frames, batch_size=2), want, atol=1e-6)


def test_the_training_loss_sees_jittered_frames_and_their_masks(generator):
    with seeded(0):
        model = UNet(4, depth=2).eval()
    frames, masks = random_frames(4), random_frames(4) % 2
    loss = finetune.segmentation_loss(model)((frames, masks), 0.5, torch.Generator().manual_seed(3))
    assert list(loss) == ["loss"]
    images = finetune.jitter(normalise(frames, torch.device("cpu")), generator=torch.Generator().manual_seed(3))
    assert torch.isclose(loss["loss"], finetune.dice_bce(model(images), masks))
    loss["loss"].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_whole_frames_are_resized_and_not_cropped():
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    masks = np.zeros((3, 48, 48), np.uint8)
    masks[:, :24, 12:36] = 1
    frames, labels = finetune.whole_frames(images, masks, 32)
    assert frames.shape == (3, 1, 32, 32) and frames.dtype == torch.uint8
    assert labels.shape == (3, 32, 32) and labels.dtype == np.uint8
    assert all(torch.equal(frames[i, 0], resize_image(images[i], 32)) for i in range(3))
    want = np.zeros((32, 32), np.uint8)
    want[:16, 8:24] = 1
    assert all(np.array_equal(label, want) for label in labels)
