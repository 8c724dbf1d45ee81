"""What consistency compares: vessels as in the first paper, or features of a frozen encoder."""

import pytest
import torch

from vasolib.mim import build_encoder, consistency_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.training import seeded
from vasolib.v2.targets import DISTANCES, feature_target, patch_features, vessel_probability, vessel_target


@pytest.fixture
def images(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Originals, and reconstructions that ask for a gradient."""
    original = torch.randn(2, 3, 64, 64, generator=generator)
    return original, (original + torch.randn(2, 3, 64, 64, generator=generator)).requires_grad_()


def teacher():
    with seeded(3):
        return freeze(build_encoder(64, 16, 24, 2, 2))


def test_vessels_are_compared_as_in_the_first_paper(images):
    original, again = images
    with seeded(1):
        segmentor = freeze(UNeXt())
    probability = vessel_probability(segmentor, original)
    assert probability.shape == (2, 1, 64, 64) and not probability.requires_grad
    loss = vessel_target(segmentor)(again, original, probability)
    assert torch.equal(loss, consistency_loss(segmentor, again, original))
    with pytest.raises(ValueError, match="probability of the originals"):
        vessel_target(segmentor)(again, original, None)


def test_features_are_those_of_patches_alone(images):
    encoder = teacher()
    features = patch_features(encoder, images[0])
    assert features.shape == (2, 16, 24)
    assert torch.equal(features, encoder.forward_features(images[0])[:, 1:])


@pytest.mark.parametrize("distance", DISTANCES)
def test_features_teach_the_reconstruction_alone(distance, images):
    original, again = images
    encoder = teacher()
    loss = feature_target(encoder, distance)
    assert loss(original.clone(), original, None).item() == pytest.approx(0, abs=1e-6)
    value = loss(again, original, None)
    value.backward()
    assert value > 0.01 and again.grad.any()
    assert all(p.grad is None for p in encoder.parameters())


def test_distances_by_hand(images, monkeypatch):
    features = {1.0: [[[3.0, 4.0], [1.0, 0.0]]], 2.0: [[[6.0, 8.0], [0.0, 1.0]]]}  # the same direction; a right angle
    monkeypatch.setattr("vasolib.v2.targets.patch_features", lambda _, x: torch.tensor(features[x.flatten()[0].item()]))
    one, two = torch.ones(1, 3, 4, 4), 2 * torch.ones(1, 3, 4, 4)
    assert feature_target(None, "cosine")(two, one, None).item() == pytest.approx(0.5)
    assert feature_target(None, "mse")(two, one, None).item() == pytest.approx((9 + 16 + 1 + 1) / 4)


def test_an_unknown_distance_is_refused():
    with pytest.raises(ValueError, match="distance is 'l1'"):
        feature_target(teacher(), "l1")
