"""DnCNN: sizes as published, how far it sees, and what it predicts."""

import pytest
import torch
from torch import nn

from vasolib.downstream.dncnn import DnCNN
from vasolib.training import seeded


def network(depth: int = 4, width: int = 8) -> DnCNN:
    with seeded(0):
        return DnCNN(depth, width)


def test_the_published_size_is_the_default():
    model = DnCNN()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(convolutions) == 17 and {c.out_channels for c in convolutions[:-1]} == {64}
    assert len(norms) == 15 and sum(isinstance(m, nn.ReLU) for m in model.modules()) == 16
    middle = 15 * (64 * 64 * 9 + 2 * 64)  # kernels; scale and shift of the normalisation
    assert sum(p.numel() for p in model.parameters()) == (64 * 9 + 64) + middle + 64 * 9


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 40), (1, 1)])
def test_one_residual_per_pixel_of_any_frame(height, width):
    assert network()(torch.rand(2, 3, height, width)).shape == (2, 1, height, width)


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_the_receptive_field_is_twice_the_depth_and_one(depth):
    images = torch.rand(1, 3, 21, 21, requires_grad=True)
    network(depth).eval()(images)[0, 0, 10, 10].backward()
    rows, columns = torch.nonzero(images.grad[0, 0], as_tuple=True)
    assert (rows.min(), rows.max()) == (10 - depth, 10 + depth)
    assert (columns.min(), columns.max()) == (10 - depth, 10 + depth)


def test_the_three_channels_count_as_one():
    images = torch.rand(1, 3, 8, 8)
    model = network().eval()
    assert torch.allclose(model(images), model(images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)), atol=1e-6)


def test_it_starts_orthogonal_and_follows_its_seed():
    first, again = network(), network()
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), again.parameters(), strict=True))
    kernel = first.layers[2].weight.detach().flatten(1)
    assert torch.allclose(kernel @ kernel.T, torch.eye(len(kernel)), atol=1e-5)


def test_gradients_reach_every_parameter():
    model = network()
    model(torch.rand(2, 3, 16, 16)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_residual_of_flat_frames_is_learnt(generator):
    model = network(depth=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        noise = torch.randn(4, 1, 16, 16, generator=generator)
        level = torch.randn(4, 1, 1, 1, generator=generator)
        loss = (model((level + noise).expand(-1, 3, -1, -1)) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.25  # of a variance of one: most of the noise is seen


def test_a_network_without_a_last_layer_is_refused():
    with pytest.raises(ValueError, match="depth is 1"):
        DnCNN(depth=1)
