import pytest
import torch
from torch.nn import functional as F

from vasolib.mim import build_encoder, sincos_positions
from vasolib.ssl import chexworld
from vasolib.ssl.blocks import Blocks, draw_blocks
from vasolib.ssl.chexworld import CheXWorld, Pairs, draw_pairs
from vasolib.training import normalise, seeded


def small_model() -> CheXWorld:
    with seeded(0):
        return CheXWorld(build_encoder(32, 8, 32, 2, 2), 32, 1, 2)


def smooth_images(batch: int, side: int = 32) -> torch.Tensor:
    """Normalised grey images (B, 3, side, side) of soft blobs."""
    noise = torch.rand(batch, 1, 5, 5, generator=torch.Generator().manual_seed(1))
    grey = F.interpolate(noise, (side, side), mode="bicubic").clamp(0, 1)
    return normalise(255 * grey, grey.device)


@pytest.fixture
def drawn(generator) -> tuple[Pairs, Blocks]:
    return draw_pairs(smooth_images(3), generator=generator), draw_blocks(6, 4, generator=generator)


def test_crops_of_whole_pixels_equal_slicing():
    images = torch.rand(2, 1, 32, 32)
    corners, sizes = torch.tensor([[0.25, 0.5], [0.0, 0.125]]), torch.tensor([[0.5, 0.25], [1.0, 0.5]])
    got = chexworld.crop(images, corners, sizes)
    for i, window in enumerate((images[:1, :, 8:24, 16:24], images[1:, :, :, 4:20])):
        enlarged = F.interpolate(window, (32, 32), mode="bilinear", align_corners=False)
        inner = slice(4, -4)  # at its border, a crop sees pixels beside it and interpolation does not
        assert torch.allclose(got[i : i + 1, :, inner, inner], enlarged[:, :, inner, inner], atol=1e-5)


def test_jitter_against_closed_form():
    grey = torch.tensor([[[[0.2, 0.4], [0.6, 0.8]]]])
    got = chexworld.jitter(grey, torch.tensor([[0.5, 2.0, 9.0, 9.0]]))
    assert torch.allclose(got, torch.tensor([[[[0.0, 0.15], [0.35, 0.55]]]]), atol=1e-6)  # 0.25 + 2 (x / 2 - 0.25)


def test_blur_is_a_gaussian_of_its_own_width_in_pixels_of_224():
    point = torch.zeros(2, 1, 112, 112)
    point[:, :, 56, 56] = 1
    got = chexworld.blur(point, torch.tensor([0.0, 2.0]))
    assert torch.allclose(got[0], point[0])
    offsets = torch.arange(112.0) - 56
    line = torch.exp(-(offsets**2) / 2)  # two pixels of 224 are one of 112
    line = torch.where(offsets.abs() <= 3, line, 0)
    assert torch.allclose(got[1, 0], line[:, None] * line / line.sum() ** 2, atol=1e-6)


def test_appearance_has_the_published_ranges_and_shares(generator):
    appearance = chexworld.draw_appearance(4000, generator=generator)
    bounds = [(0.6, 1.4), (0.6, 1.4), (0.5, 2.0), (0.0, 2.0)]
    for column, (low, high) in zip(appearance.T, bounds, strict=True):
        assert column.min() >= low and column.max() <= high
        assert column.max() - column.min() > 0.9 * (high - low)
    assert abs((appearance[:, :3] == 1).all(dim=1).float().mean() - 0.2) < 0.03
    assert abs((appearance[:, 3] > 0).float().mean() - 0.2) < 0.03
    assert abs(appearance[:, 2].log().mean()) < 0.03  # gamma is even in its logarithm


def test_pairs_are_crops_of_one_image_at_the_places_they_say(monkeypatch, generator):
    monkeypatch.setattr(chexworld, "JITTER_SHARE", 0.0)
    rows, cols = torch.meshgrid(*(torch.arange(64.0) + 0.5,) * 2, indexing="ij")
    vertical, horizontal = (normalise(255 * (x / 64).expand(8, 1, 64, 64), x.device) for x in (rows, cols))
    state = generator.get_state()
    corners = []
    for ramp, dim in ((vertical, 2), (horizontal, 1)):  # a ramp tells where a crop begins and ends
        generator.set_state(state)
        pairs = draw_pairs(ramp, generator=generator)
        profile = chexworld.to_grey(pairs.targets).mean(dim=(1, dim + 1))
        step = (profile[:, 40] - profile[:, 24]) / 16
        corners.append(torch.stack([profile[:, 32] - 32.5 * step, 64 * step]))
    (top, height), (left, width) = corners
    assert torch.allclose(pairs.places, torch.stack([top / height, left / width], dim=1), atol=1e-2)
    assert torch.allclose(height[:8], height[8:], atol=1e-4) and torch.allclose(width[:8], width[8:], atol=1e-4)
    assert not torch.allclose(top[:8], top[8:], atol=1e-2)
    assert (height * width > 0.28).all() and (height * width < 1.01).all()


def test_contexts_are_altered_as_the_appearance_says(generator):
    pairs = draw_pairs(smooth_images(16), generator=generator)
    same, jittered = (pairs.appearance == torch.tensor([1.0, 1.0, 1.0, 0.0])).all(dim=1), pairs.appearance[:, 0] != 1
    assert same.any() and jittered.any()
    change = (pairs.contexts - pairs.targets).abs().amax(dim=(1, 2, 3))
    assert (change[same] < 1e-4).all() and (change[jittered] > 1e-3).all()
    sharp = jittered & (pairs.appearance[:, 3] == 0)
    targets, contexts = (chexworld.to_grey(x[sharp]) for x in (pairs.targets, pairs.contexts))
    gamma = pairs.appearance[sharp, 2].view(-1, 1, 1, 1)
    assert torch.allclose(contexts, chexworld.jitter(targets, pairs.appearance[sharp]) ** gamma, atol=1e-4)


def test_positions_are_maes_at_whole_numbers_and_continuous_between():
    line = torch.arange(4.0)
    grid = torch.cartesian_prod(line, line)
    assert torch.allclose(chexworld.positions(grid, 32), sincos_positions(4, 32)[0, 1:], atol=1e-5)
    near = chexworld.positions(grid + 1e-3, 32) - chexworld.positions(grid, 32)
    assert 0 < near.abs().max() < 2e-3


def test_encoding_all_patches_equals_timms_own_forward():
    model = small_model().eval()
    images = smooth_images(2)
    want = model.context_encoder.forward_features(images)[:, 1:]
    assert torch.allclose(model.encode(images, torch.arange(16).expand(2, -1)), want, atol=1e-5)


def test_context_sees_no_hidden_patch():
    model, images = small_model().eval(), smooth_images(1)
    changed = images.clone()
    changed[:, :, :8, 8:16] = 5  # patch 1
    seen = torch.tensor([[0, 2, 7]])
    assert torch.equal(model.encode(images, seen), model.encode(changed, seen))


def test_targets_are_layer_normalised_and_carry_no_gradient():
    targets = small_model().targets(smooth_images(2))
    assert not targets.requires_grad and targets.shape == (2, 16, 32)
    assert torch.allclose(targets.mean(dim=2), torch.zeros(2, 16), atol=1e-5)
    assert torch.allclose(targets.var(dim=2, unbiased=False), torch.ones(2, 16), atol=1e-2)


class Recorder(torch.nn.Module):
    """A predictor that answers zeros and keeps what it was asked."""

    def forward(self, context, seen, wanted, appearance):
        self.asked = context, seen, wanted, appearance
        return torch.zeros(*wanted.shape[:2], 32)


@pytest.mark.parametrize("shift", [0, 3])
def test_error_asks_for_the_right_places_and_compares_with_their_features(drawn, shift):
    pairs, blocks = drawn
    model = small_model().eval()
    model.predictor = Recorder()
    targets = torch.randn(6, 16, 32, generator=torch.Generator().manual_seed(2))
    got = model.error(torch.zeros(6, 5, 32), targets, pairs, blocks, shift)
    squares = []
    for crop in range(6):
        other = (crop + shift) % 6  # the first and the second crop of an image are three apart
        for n, patch in enumerate(blocks.idx_target[other].tolist()):
            place = 4 * (pairs.places[other] - pairs.places[crop]) + torch.tensor([patch // 4, patch % 4])
            assert torch.allclose(model.predictor.asked[2][crop, n], place, atol=1e-5)
            squares.append(targets[other, patch].square().mean())
    assert torch.isclose(got, torch.stack(squares).mean(), rtol=1e-5)
    assert torch.equal(model.predictor.asked[3], pairs.appearance)


def test_prediction_depends_on_place_and_appearance(drawn):
    pairs, blocks = drawn
    model = small_model().eval()
    context, targets = model.encode(pairs.contexts, blocks.idx_context), model.targets(pairs.targets)
    plain = model.error(context, targets, pairs, blocks, 3)
    moved = pairs._replace(places=pairs.places + torch.arange(6.0)[:, None] / 6)
    brighter = pairs._replace(appearance=pairs.appearance + 0.5)
    for changed in (moved, brighter):
        assert (model.error(context, targets, changed, blocks, 3) - plain).abs() > 1e-6
    # within a crop, where it was cut from makes no difference
    same = [model.error(context, targets, p, blocks, 0) for p in (pairs, moved)]
    assert torch.isclose(*same, atol=1e-5)


def test_loss_is_the_mean_of_both_errors(generator):
    model, images = small_model().eval(), smooth_images(3)
    state = generator.get_state()
    values = model.loss(images[None], torch.zeros(3, 16), 0.5, generator=generator)
    generator.set_state(state)
    pairs = draw_pairs(images, generator=generator)
    blocks = draw_blocks(6, 4, generator=generator)
    context, targets = model.encode(pairs.contexts, blocks.idx_context), model.targets(pairs.targets)
    local, layout = (model.error(context, targets, pairs, blocks, shift) for shift in (0, 3))
    assert torch.isclose(values["local"], local) and torch.isclose(values["layout"], layout)
    assert torch.isclose(values["loss"], (local + layout) / 2)


def test_gradients_reach_context_encoder_and_predictor_only(generator):
    model = small_model().train()
    model.loss(smooth_images(4)[None], torch.zeros(4, 16), 0.5, generator=generator)["loss"].backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {n for n, _ in model.named_parameters() if n.startswith("encoder.")} | {
        "context_encoder.pos_embed"
    }
    assert not any(p.requires_grad for p in model.encoder.parameters())


def test_the_kept_encoder_follows_the_trained_one(generator):
    model = small_model().train()
    weight, average = model.context_encoder.blocks[0].mlp.fc1.weight, model.encoder.blocks[0].mlp.fc1.weight
    with torch.no_grad():
        weight.add_(1)
    want = 0.998 * average + 0.002 * weight  # halfway along the cosine from 0.996 to 1
    model.loss(smooth_images(2)[None], torch.zeros(2, 16), 0.5, generator=generator)
    assert torch.allclose(average, want, atol=1e-6)
    model.eval().loss(smooth_images(2)[None], torch.zeros(2, 16), 0.5, generator=generator)
    assert torch.allclose(average, want, atol=1e-6)


def test_state_holds_the_encoder_under_its_own_name():
    state = small_model().state_dict()
    stored = {k.removeprefix("encoder."): v for k, v in state.items() if k.startswith("encoder.")}
    build_encoder(32, 8, 32, 2, 2).load_state_dict(stored, strict=True)


def test_loss_falls_without_collapse(generator):
    model, images = small_model().train(), smooth_images(8)[None]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(40):
        values = model.loss(images, torch.zeros(8, 16), 0.1, generator=generator)
        optimizer.zero_grad()
        values["loss"].backward()
        optimizer.step()
        losses.append(values["loss"].item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert values["spread"] > 0.1


def test_same_generator_same_loss():
    model, images = small_model().eval(), smooth_images(2)[None]
    seeds = [torch.Generator().manual_seed(4) for _ in range(2)]
    first, second = (model.loss(images, torch.zeros(2, 16), 0.5, generator=g)["loss"] for g in seeds)
    assert first == second
