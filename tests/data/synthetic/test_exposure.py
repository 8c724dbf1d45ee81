from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from vasolib.data.synthetic.exposure import Exposure, draw_exposure, expose, signal_of
from vasolib.data.synthetic.styles import STYLES, Style

PLAIN = Exposure(
    dose=1e12,
    electronic=0.0,
    scatter=0.0,
    blur=0.0,
    motion=(0.0, 0.0),
    grain=0.0,
    streak=0.0,
    logarithmic=True,
    grey=0.5,
    spread=0.3,
    black=0.0,
    gamma=1.0,
    sharpen=0.0,
    radius=2.0,
    levelling=0.0,
    quality=None,
)


def flat(size: int, value: float = 0.0) -> np.ndarray:
    return np.full((size, size), value, np.float32)


def scene(size: int = 128) -> list[np.ndarray]:
    """Vessels, body, devices and field with something in each but the devices."""
    y, x = (np.mgrid[:size, :size] + 0.5) * (512 / size)
    vessel = 0.8 * np.clip(1 - ((x - y - 30) / 14) ** 2, 0, None)
    return [vessel.astype(np.float32), (0.4 * np.cos(x / 90)).astype(np.float32) + 0.4, flat(size), flat(size, 1)]


def picture(setting: Exposure, *, seed: int = 0, parts=None, size: int = 128) -> np.ndarray:
    return expose(np.random.default_rng(seed), setting, *(parts or scene(size)))


def drawn(style: Style, seed: int, parts: list[np.ndarray]) -> np.ndarray:
    """A picture in a setting of the style's."""
    rng = np.random.default_rng(seed)
    return expose(rng, draw_exposure(rng, style), *parts)


def test_a_slab_lets_through_what_beer_and_lambert_say():
    slab = flat(128)
    slab[:40] = 0.7
    signal = signal_of(PLAIN, flat(128), slab, flat(128), flat(128, 1))
    assert signal[:40] == pytest.approx(np.exp(-0.7)) and signal[40:] == pytest.approx(1)


def test_scatter_takes_its_share_of_the_contrast_of_a_small_object():
    small = flat(256)
    small[100:104, 100:104] = 0.5
    signal = signal_of(replace(PLAIN, scatter=0.4), small, flat(256), flat(256), flat(256, 1))
    assert 1 - signal[101, 101] == pytest.approx(0.6 * (1 - np.exp(-0.5)), rel=0.02)


def test_scatter_is_a_broad_blur_of_the_primary():
    _, body, nothing, field = scene(512)
    primary = np.exp(-body)
    slow = 0.5 * primary + 0.5 * gaussian_filter(primary, 45, mode="nearest")
    quick = signal_of(replace(PLAIN, scatter=0.5), nothing, body, nothing, field)
    assert np.abs(quick / quick.mean() - slow / slow.mean()).max() < 0.02


@pytest.mark.parametrize("dose", [100.0, 400.0])
@pytest.mark.parametrize("size", [128, 256])
def test_noise_is_that_of_the_counted_quanta(dose: float, size: int):
    """A linear display of spread 1: grey over 255 is signal - 1/2, so the standard deviation is that of the counts."""
    setting = replace(PLAIN, dose=dose, logarithmic=False, spread=0.5)
    body = flat(size)
    body[: size // 3] = np.log(2)  # half the signal
    image = picture(setting, parts=[flat(size), body, flat(size), flat(size, 1)], size=size) / 255.0
    quanta = dose * (512 / size) ** 2  # per pixel
    assert image[size // 2 :].std() / 0.5 == pytest.approx(np.sqrt(1 / quanta), rel=0.05)
    assert image[: size // 4].std() / 0.5 == pytest.approx(np.sqrt(0.5 / quanta), rel=0.05)


def test_electronic_noise_does_not_depend_on_the_signal():
    setting = replace(PLAIN, electronic=0.2, logarithmic=False)
    body = flat(256)
    body[:80] = np.log(2)
    image = picture(setting, parts=[flat(256), body, flat(256), flat(256, 1)], size=256)
    assert image[:60].std() == pytest.approx(image[120:].std(), rel=0.05)


def test_what_the_collimator_covers_is_darker():
    parts = scene()
    parts[3] = flat(128, 1)
    parts[3][:, :20] = 0.1
    for name, style in STYLES.items():
        image = drawn(style, 3, parts)
        assert image[:, :16].mean() < image[:, 24:].mean() - 10, name


@pytest.mark.parametrize("name", STYLES)
def test_vessels_are_dark_and_grey_levels_are_bytes(name: str):
    vessels, *others = scene()
    for seed in range(6):
        image = drawn(STYLES[name], seed, [vessels, *others])
        bare = drawn(STYLES[name], seed, [0 * vessels, *others])
        assert image.dtype == np.uint8 and image.shape == (128, 128)
        assert image[vessels > 0.6].mean() < bare[vessels > 0.6].mean() - 5


@pytest.mark.parametrize("logarithmic", [True, False])
def test_the_median_has_its_grey_level_and_more_absorption_is_never_brighter(logarithmic: bool):
    steps = np.repeat(np.linspace(0, 0.8, 128, dtype=np.float32)[None], 128, axis=0)
    setting = replace(PLAIN, logarithmic=logarithmic, grey=0.4, gamma=1.3, black=0.05)
    image = picture(setting, parts=[flat(128), steps, flat(128), flat(128, 1)])
    assert np.median(image) == pytest.approx(0.4 * 255, abs=1)
    assert (np.diff(image.astype(int), axis=1) <= 0).all()


def test_great_differences_between_broad_regions_are_reduced():
    body = flat(128)
    body[:, 64:] = 1.4
    image = picture(replace(PLAIN, spread=0.4), parts=[flat(128), body, flat(128), flat(128, 1)]) / 255
    difference = image[:, :20].mean() - image[:, -20:].mean()
    assert 0.2 < difference < 0.9 * 0.4 * 1.4  # of what it would be


def test_levelling_flattens_and_sharpening_steepens():
    plain, level, sharp = (picture(replace(PLAIN, **change)) for change in ({}, {"levelling": 0.8}, {"sharpen": 1.5}))
    assert level.std() < 0.9 * plain.std()
    assert np.abs(np.diff(sharp.astype(int))).max() > np.abs(np.diff(plain.astype(int))).max()


def test_motion_averages_the_vessels_along_the_path():
    """At 512 pixels a path of 4 units is the mean of the positions from -2 to 2."""
    vessels, body, devices, field = scene(512)
    slow = np.mean([shift(vessels, (0, d), order=1, mode="nearest") for d in np.linspace(-2, 2, 41)], axis=0)
    moved = signal_of(replace(PLAIN, motion=(4.0, 0.0)), vessels, body, devices, field)
    expected = signal_of(PLAIN, slow.astype(np.float32), body, devices, field)
    assert np.abs(moved - expected).max() < 0.02


def test_jpeg_is_a_switch_and_keeps_the_picture():
    plain, poor = picture(PLAIN), picture(replace(PLAIN, quality=50))
    assert (plain != poor).any() and np.abs(plain.astype(int) - poor).mean() < 4


def test_the_same_seed_gives_the_same_bytes():
    for name, style in STYLES.items():
        one, other, third = (drawn(style, seed, scene()) for seed in (4, 4, 5))
        assert one.tobytes() == other.tobytes() != third.tobytes(), name


@pytest.mark.parametrize("name", STYLES)
def test_settings_lie_in_their_ranges(name: str):
    style = STYLES[name]
    for seed in range(30):
        setting = draw_exposure(np.random.default_rng(seed), style)
        assert style.dose[0] <= setting.dose / 1000 <= style.dose[1]
        assert np.hypot(*setting.motion) <= style.motion[1]
        assert setting.quality is None or style.quality[0] <= setting.quality <= style.quality[1]


def test_pictures_of_any_size_look_alike():
    for seed in range(6):
        setting = replace(
            draw_exposure(np.random.default_rng(seed), STYLES["a"]), dose=1e9, electronic=0.0, quality=None
        )
        coarse, fine = picture(setting, size=256), picture(setting, size=512)
        assert np.abs(fine.reshape(256, 2, 256, 2).mean(axis=(1, 3)) - coarse).mean() < 2
