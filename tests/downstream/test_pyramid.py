"""The simple feature pyramid: strides of every patch size, the identity left alone, all of it trained."""

import pytest
import torch

from vasolib.downstream.pyramid import STRIDES, SimplePyramid, resampled
from vasolib.mim import build_encoder
from vasolib.training import seeded


def pyramid(patch: int, side: int = 64, strides: tuple[int, ...] = STRIDES) -> SimplePyramid:
    with seeded(0):
        return SimplePyramid(build_encoder(side, patch, 48, 1, 3), 8, strides)


@pytest.mark.parametrize("patch", [4, 8, 16, 32])
@pytest.mark.parametrize("strides", [STRIDES, (4, 8), (16,)])
def test_maps_have_the_sides_of_their_strides(patch, strides):
    maps = pyramid(patch, strides=strides)(torch.rand(2, 3, 64, 64))
    assert list(maps) == [str(number) for number in range(len(strides))]
    assert [m.shape for m in maps.values()] == [(2, 8, 64 // s, 64 // s) for s in strides]


def test_a_map_of_the_patch_size_is_not_resampled_and_a_coarser_one_is_the_largest_of_its_tokens():
    assert resampled(48, 16, 16) == ([], 48)
    (pool,), channels = resampled(48, 16, 32)
    tokens = torch.rand(1, 48, 4, 4)
    assert channels == 48
    assert torch.equal(pool(tokens)[:, :, 0, 1], tokens[:, :, :2, 2:].amax(dim=(2, 3)))


def test_gradients_reach_every_trained_parameter():
    model = pyramid(16)
    sum(m.square().mul(torch.rand_like(m)).sum() for m in model(torch.rand(2, 3, 64, 64)).values()).backward()
    idle = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert idle == []


def test_what_is_in_a_corner_of_the_image_is_in_that_corner_of_the_finest_map():
    model = pyramid(16).eval()
    model.encoder.blocks = torch.nn.Identity()  # no attention, so that a token knows its patch alone
    images = torch.zeros(1, 3, 64, 64)
    before = model(images)["0"]
    images[:, :, :16, 48:] = 1
    changed = (model(images)["0"] - before).abs().sum(dim=(0, 1)) > 1e-4
    rows, columns = changed.nonzero(as_tuple=True)
    assert rows.max() <= 4 and columns.min() >= 11  # the patch's four pixels, and one for the 3 x 3 convolution
    assert changed[:4, 12:].all()
