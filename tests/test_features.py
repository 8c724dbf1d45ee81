"""Table 4: features of patches, and how well two groups of them separate."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from vasolib.features import cluster_scores, embed, patch_features, sample_patches
from vasolib.mim import build_encoder
from vasolib.training import normalise, seeded

RNG = np.random.default_rng(0)


def small_encoder():
    with seeded(0):
        return build_encoder(32, 8, 16, 2, 2)


def images(count: int = 5) -> torch.Tensor:
    return torch.randint(0, 256, (count, 1, 32, 32), generator=torch.Generator().manual_seed(0)).byte()


def test_one_feature_per_patch_whatever_the_batch():
    encoder = small_encoder()
    found = patch_features(encoder, images())
    assert found.shape == (5, 16, 16) and found.dtype == np.float32 and np.isfinite(found).all()
    for batch_size in (1, 2, 5):
        np.testing.assert_allclose(patch_features(encoder, images(), batch_size), found, atol=1e-5)


def test_features_are_those_of_the_last_block_in_raster_order_without_the_class_token():
    encoder = small_encoder().train()  # is put in evaluation mode
    found = patch_features(encoder, images(2))
    assert not encoder.training
    with torch.no_grad():
        tokens = encoder.forward_features(normalise(images(2), torch.device("cpu")))
    assert tokens.shape == (2, 17, 16)
    np.testing.assert_allclose(found, tokens[:, 1:].numpy(), atol=1e-6)


def test_patches_are_drawn_once_each_evenly_and_in_order():
    drawn = sample_patches(50, 20, rng=np.random.default_rng(0))
    assert len(set(drawn)) == 20 and (np.diff(drawn) > 0).all() and drawn.min() >= 0 and drawn.max() < 50
    assert np.array_equal(drawn, sample_patches(50, 20, rng=np.random.default_rng(0)))
    assert not np.array_equal(drawn, sample_patches(50, 20, rng=np.random.default_rng(1)))
    assert sample_patches(5, 20, rng=np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    rng = np.random.default_rng(0)
    often = np.bincount(np.concatenate([sample_patches(10, 3, rng=rng) for _ in range(4000)])) / 4000
    assert often == pytest.approx(np.full(10, 0.3), abs=4.5 * (0.21 / 4000) ** 0.5)


def test_scores_are_scikit_learns():
    points, vessel = RNG.normal(size=(40, 3)), np.arange(40) < 15
    scores = cluster_scores(points, vessel)
    assert list(scores) == ["SS", "CHI", "DBI"]
    assert scores["SS"] == pytest.approx(100 * metrics.silhouette_score(points, vessel))
    assert scores["CHI"] == pytest.approx(metrics.calinski_harabasz_score(points, vessel))
    assert scores["DBI"] == pytest.approx(metrics.davies_bouldin_score(points, vessel))


def test_scores_by_hand():
    # Two pairs on a line, 0 1 and 10 11: nearest other mean distance b, own distance a = 1.
    scores = cluster_scores(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([False, False, True, True]))
    assert scores["SS"] == pytest.approx(100 * np.mean([9.5 / 10.5, 8.5 / 9.5, 8.5 / 9.5, 9.5 / 10.5]))
    assert scores["CHI"] == pytest.approx(100 / (1 / 2))  # between 4 * 5^2 over 1, within 4 * 0.5^2 over 2
    assert scores["DBI"] == pytest.approx((0.5 + 0.5) / 10)


def test_far_groups_score_near_the_best_and_mixed_ones_near_nothing():
    vessel = np.arange(60) < 30
    apart = cluster_scores(RNG.normal(size=(60, 4)) + 1e4 * vessel[:, None], vessel)
    mixed = cluster_scores(RNG.normal(size=(60, 4)), vessel)
    assert apart["SS"] > 99.9 and abs(mixed["SS"]) < 10
    assert apart["CHI"] > mixed["CHI"] and apart["DBI"] < mixed["DBI"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_plane():
    points = RNG.normal(size=(60, 8)).astype(np.float32)
    first = embed(points, 0)
    assert first.shape == (60, 2) and np.isfinite(first).all()
    assert np.array_equal(embed(points, 0), first)
    assert not np.array_equal(embed(points, 1), first)
