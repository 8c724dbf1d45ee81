import numpy as np
import pytest
import torch

from vasolib import masking


def assert_partition(masked: masking.PatchMask, patches: int):
    order = torch.cat(masked, dim=1).sort(dim=1).values
    assert torch.equal(order, torch.arange(patches).expand_as(order))


@pytest.mark.parametrize(("ratio", "kept"), [(0.5, 98), (0.75, 49), (0.9, 19)])
def test_random_masking_is_a_partition(ratio, kept, generator):
    masked = masking.random_masking(5, 196, ratio, generator=generator)
    assert masked.idx_keep.shape == (5, kept)
    assert_partition(masked, 196)


def test_ids_restore_and_mask_agree_with_the_indices(generator):
    masked = masking.random_masking(3, 16, 0.5, generator=generator)
    order = torch.cat(masked, dim=1)
    assert torch.equal(order.gather(1, masked.ids_restore), torch.arange(16).expand(3, -1))
    for b in range(3):
        assert set(masked.idx_mask[b].tolist()) == set(masked.mask[b].nonzero().flatten().tolist())


def test_patch_weights_are_shares_of_vessel_pixels():
    guidance = torch.zeros(2, 4, 4)
    guidance[0, 0, 0] = guidance[0, 0, 1] = guidance[0, 3, 3] = 1
    weights = masking.patch_weights(guidance, 2)
    assert torch.allclose(weights[0], torch.tensor([2 / 3, 0, 0, 1 / 3]))
    assert torch.equal(weights[1], torch.zeros(4))


@pytest.mark.parametrize("guidance", ["frangi", "co", "empty"])
@pytest.mark.parametrize("case", ["r0.01", "r0.25", "r0.5", "r1.0", "beta1"])
def test_frequencies_of_the_released_code(reference, generator, guidance, case):
    stored = np.load(reference / "masking.npz")
    anatomy, soft = torch.from_numpy(stored["anatomy"]).float(), torch.from_numpy(stored["soft"]).float()
    maps = {"frangi": anatomy, "co": 0.5 * anatomy + 0.5 * soft, "empty": torch.zeros_like(anatomy)}
    beta = 1.0 if case == "beta1" else masking.guidance_schedule(float(case[1:]), 0.0, 0.5)
    draws = 4000
    weights = masking.patch_weights(maps[guidance][None], 16).expand(draws, -1)
    ours = masking.guided_masking(weights, 0.5, beta, generator=generator).mask.mean(dim=0).numpy()
    theirs = stored[f"freq_{guidance}_{case}"].ravel()
    error = np.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / draws)
    assert np.all(np.abs(ours - theirs) <= 4.5 * error + 1e-9)
    assert np.isclose(ours.sum(), theirs.sum())


def test_too_few_vessel_patches_are_all_hidden(generator):
    weights = torch.zeros(200, 16)
    weights[:, :3] = 1 / 3
    masked = masking.guided_masking(weights, 0.5, 1.0, generator=generator)
    assert_partition(masked, 16)
    assert masked.mask[:, :3].all()
    assert torch.allclose(masked.mask[:, 3:].mean(dim=0), torch.tensor(5 / 13), atol=0.15)


def test_draws_follow_the_weights_like_multinomial(generator):
    weights = torch.tensor([0.5, 0.25, 0.125, 0.125]).expand(20000, -1)
    one = masking.guided_masking(weights, 0.25, 1.0, generator=generator).mask.mean(dim=0)
    assert torch.allclose(one, weights[0], atol=0.02)


def test_same_generator_same_mask():
    weights = torch.rand(4, 64)
    draws = [masking.guided_masking(weights, 0.5, 0.3, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(draws[0].idx_keep, draws[1].idx_keep)


@pytest.mark.parametrize(("weight", "draw"), [("float64", "float32"), ("float16", "float32"), ("float32", "float64")])
def test_numbers_of_any_width_give_the_same_mask(weight, draw, generator):
    weights, uniform = torch.randint(0, 9, (6, 64), generator=generator), torch.rand(2, 6, 64, generator=generator)
    found = masking.guided_by(uniform.to(getattr(torch, draw)), weights.to(getattr(torch, weight)), 0.5, 0.5)
    assert all(map(torch.equal, found, masking.guided_by(uniform, weights.float(), 0.5, 0.5)))


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_ratio_that_leaves_nothing_is_refused(ratio, generator):
    with pytest.raises(ValueError, match="mask_ratio"):
        masking.random_masking(1, 16, ratio, generator=generator)


def test_schedule_at_three_points():
    assert masking.guidance_schedule(0, 0.0, 0.5) == 0
    assert masking.guidance_schedule(0.5, 0.0, 0.5) == 0.25
    assert masking.guidance_schedule(1, 0.5, 0.0) == 0


def test_guided_masking_is_one_graph(generator):
    """From the guidance map on, no step of it waits for a value on the host: a graph break would raise."""

    def masked(uniform, guidance):
        return masking.guided_by(uniform, masking.patch_weights(guidance, 4), 0.5, 0.5)

    guidance, uniform = torch.rand(4, 24, 24, generator=generator), torch.rand(2, 4, 36, generator=generator)
    compiled = torch.compile(masked, fullgraph=True, backend="aot_eager")
    assert all(map(torch.equal, compiled(uniform, guidance), masked(uniform, guidance)))


def test_patch_weights_are_those_of_pooled_guidance(generator):
    guidance = torch.rand(3, 12, 20, generator=generator)
    pooled = torch.nn.functional.avg_pool2d(guidance[:, None], 4).flatten(1)
    with torch.autocast("cpu", torch.bfloat16):  # as in a training step
        weights = masking.patch_weights(guidance, 4)
    assert torch.allclose(weights, pooled / pooled.sum(dim=1, keepdim=True), rtol=1e-5)
    vessels = (guidance < 0.1).to(torch.uint8)
    pooled = torch.nn.functional.avg_pool2d(vessels[:, None].float(), 4).flatten(1)
    assert torch.equal(masking.patch_weights(vessels, 4), pooled / pooled.sum(dim=1, keepdim=True))
