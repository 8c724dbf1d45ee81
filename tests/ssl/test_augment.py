import math

import pytest
import torch
from scipy.ndimage import gaussian_filter

from vasolib.ssl import augment
from vasolib.ssl.augment import FIRST, LOCAL, SECOND, Photometric
from vasolib.training import normalise

PLAIN = Photometric(blur=0.0, solarise=0.0)


@pytest.fixture
def no_jitter(monkeypatch):
    monkeypatch.setattr(augment, "JITTER", 0.0)


def angiograms(batch: int, side: int = 32) -> torch.Tensor:
    """Two views (2, B, 3, side, side) of random grey images."""
    raw = torch.randint(0, 256, (2 * batch, 1, side, side), dtype=torch.uint8)
    return normalise(raw, torch.device("cpu")).unflatten(0, (2, batch))


def ramps(side: int = 32) -> torch.Tensor:
    """An image (2, side, side) of its own pixel centres: x from 0.5 to side - 0.5, then y."""
    place = torch.arange(side) + 0.5
    return torch.stack([place.expand(side, side), place[:, None].expand(side, side)])


def test_grey_is_what_was_normalised():
    raw = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    views = normalise(raw, torch.device("cpu"))
    assert torch.allclose(augment.to_grey(views), raw / 255, atol=1e-6)
    assert torch.allclose(augment._to_rgb(raw / 255), views, atol=1e-6)
    assert augment._to_rgb(raw / 255).stride() == views.stride()


def test_without_draws_that_hit_nothing_changes(no_jitter, generator):
    grey = torch.rand(6, 1, 16, 16)
    assert torch.allclose(augment.photometric(grey, PLAIN, 1.0, generator=generator), grey, atol=1e-6)


def test_brightness_and_contrast_of_each_image(generator):
    grey = 0.4 + 0.05 * torch.rand(400, 1, 8, 8)
    changed = augment.photometric(grey, PLAIN, 1.0, generator=generator)
    assert torch.all((changed > 0) & (changed < 1))  # so nothing was cut off
    brightness = changed.mean(dim=(1, 2, 3)) / grey.mean(dim=(1, 2, 3))  # contrast leaves the mean
    contrast = changed.std(dim=(1, 2, 3)) / grey.std(dim=(1, 2, 3)) / brightness
    for factor in (brightness, contrast):
        assert 0.6 - 1e-3 < factor.min() < 0.65 and 1.35 < factor.max() < 1.4 + 1e-3
        assert abs(((factor - 1).abs() < 1e-3).float().mean() - 0.2) < 0.06  # left as they were
    assert abs(torch.corrcoef(torch.stack([brightness, contrast]))[0, 1]) < 0.15
    within = torch.stack([changed.flatten(1), grey.flatten(1)], dim=1)
    assert all(torch.corrcoef(pair)[0, 1] > 0.999 for pair in within)


def test_values_stay_in_range(generator):
    changed = augment.photometric(torch.rand(64, 1, 8, 8).round(), SECOND, 1.0, generator=generator)
    assert changed.min() >= 0 and changed.max() <= 1


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
def test_blur_is_gaussian_and_keeps_flat_images_flat(sigma: float):
    grey = torch.rand(2, 1, 40, 40)
    widths = torch.tensor([sigma, 0.0]).view(2, 1, 1, 1)
    blurred = augment._blur(grey, widths)
    expected = torch.from_numpy(gaussian_filter(grey[0, 0].numpy(), sigma, truncate=8))
    assert torch.allclose(blurred[0, 0, 16:-16, 16:-16], expected[16:-16, 16:-16], atol=1e-5)
    assert torch.equal(blurred[1], grey[1])
    assert torch.allclose(augment._blur(torch.ones_like(grey), widths), torch.ones_like(grey), atol=1e-5)


@pytest.mark.parametrize("recipe", [FIRST, SECOND, LOCAL])
def test_shares_of_blurred_and_solarised_images(recipe: Photometric, no_jitter, generator):
    grey = torch.full((2000, 1, 4, 4), 0.1)
    grey[:, :, 0, 0] = 0.9  # solarised: 0.1 as the rest, unless it was blurred before
    changed = augment.photometric(grey, recipe, 4.0, generator=generator)
    blurred = (changed[:, 0, 0, 1] - 0.1).abs() > 1e-3
    solarised = ((changed[:, 0, 0, 0] - 0.1).abs() < 1e-3)[~blurred]
    assert abs(blurred.float().mean() - recipe.blur) < 0.04
    if len(solarised) > 500:
        assert abs(solarised.float().mean() - recipe.solarise) < 0.04


def test_views_keep_their_order_and_only_the_first_is_always_blurred(no_jitter, generator):
    views = angiograms(40, side=112)
    changed = augment.global_views(views, generator=generator)
    assert changed.shape == (80, 3, 112, 112)
    same = (changed - views.flatten(0, 1)).abs().amax(dim=(1, 2, 3)) < 1e-4
    # at half the published side, blurs below a fifth of a pixel change nothing that could be seen
    assert same[:40].float().mean() < 0.35 < 0.5 < same[40:].float().mean() < 0.95


def test_blur_grows_with_the_side_of_the_views(no_jitter, monkeypatch, generator):
    widths = []
    monkeypatch.setattr(augment, "_blur", lambda grey, sigma: widths.append(sigma) or grey)
    augment.global_views(angiograms(100, side=56), generator=generator)
    augment.local_views(angiograms(100, side=56), 1, 28, generator=generator)
    first, second, local = (w[w > 0] for w in widths)
    for drawn in (first, second, local):
        assert drawn.min() >= 0.1 / 4 and drawn.max() <= 2.0 / 4
    assert first.max() > 1.8 / 4 and len(first) == 100


def test_local_crops_lie_in_the_view_and_have_the_areas_and_aspects_asked_for(generator):
    crops = augment.local_crops(ramps(64)[None, None].expand(1, 500, -1, -1, -1), 2, 32, generator=generator)
    assert crops.shape == (1000, 2, 32, 32)
    x, y = crops[:, 0, 16], crops[:, 1, :, 16]
    assert (x - crops[:, 0, 3]).abs().max() < 1e-3  # a ramp is resampled exactly, but for the border
    inner = slice(2, -2)
    step_x, step_y = x[:, inner].diff(dim=1), y[:, inner].diff(dim=1)
    assert torch.allclose(step_x, step_x[:, :1].expand_as(step_x), atol=1e-3)
    width, height = 32 * step_x[:, 0].abs() / 64, 32 * step_y[:, 0] / 64
    area, ratio = width * height, width / height
    assert 0.08 - 1e-3 < area.min() < 0.1 and 0.64 < area.max() < 0.67 + 1e-3
    assert 3 / 4 - 1e-3 < ratio.min() < 0.77 and 1.3 < ratio.max() < 4 / 3 + 1e-3
    assert abs(ratio.log().mean()) < 0.02
    assert abs((step_x[:, 0] < 0).float().mean() - 0.5) < 0.06  # mirrored left to right, never upside down
    assert torch.all(height > 0)
    left = x[:, 15:17].mean(dim=1) / 64 - width / 2
    assert left.min() > -1e-3 and (left + width).max() < 1 + 1e-3
    room = (left / (1 - width)).clamp(0, 1)
    assert abs(room.mean() - 0.5) < 0.04 and room.std() > 0.25  # anywhere, not in the middle


def test_local_crops_come_from_the_views_in_turn(generator):
    views = torch.arange(2.0).view(2, 1, 1, 1, 1).expand(2, 3, 1, 8, 8)
    crops = augment.local_crops(views, 3, 4, generator=generator).unflatten(0, (3, 3))
    assert crops.flatten(1).mean(dim=1).tolist() == pytest.approx([0, 1, 0])
    images = torch.arange(3.0).view(1, 3, 1, 1, 1).expand(2, 3, 1, 8, 8)
    crops = augment.local_crops(images, 2, 4, generator=generator).unflatten(0, (2, 3))
    assert crops.mean(dim=(0, 2, 3, 4)).tolist() == pytest.approx([0, 1, 2])


def test_no_pixel_between_samples_of_half_the_side_is_passed_over():
    widest = math.sqrt(augment.LOCAL_AREA[1] * augment.RATIO[1])
    assert 2 * widest < 2  # pixels between samples at half the side; a bilinear tent is two pixels wide


def test_the_generator_decides_everything():
    views = angiograms(4)

    def drawn(seed: int) -> bytes:
        generator = torch.Generator().manual_seed(seed)
        images = augment.global_views(views, generator=generator)
        return (images.sum() + augment.local_views(views, 3, 16, generator=generator).sum()).numpy().tobytes()

    assert drawn(1) == drawn(1) != drawn(2)


def test_mixed_precision_does_not_reach_the_images():
    views = angiograms(4)
    local = [augment.local_views(views, 2, 16, generator=torch.Generator().manual_seed(0))]
    whole = [augment.global_views(views, generator=torch.Generator().manual_seed(0))]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        local.append(augment.local_views(views, 2, 16, generator=torch.Generator().manual_seed(0)))
        whole.append(augment.global_views(views, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(*local) and torch.equal(*whole)
