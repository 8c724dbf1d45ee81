"""From absorption to grey levels: Beer-Lambert, scatter, blur, quantum noise, and the display.

A beam of one effective energy stands for the spectrum: all absorption is given at it. Scatter is a share of the
detected radiation, much broader than any vessel: what an anti-scatter grid leaves.
"""

__all__ = ["Exposure", "draw_exposure", "expose", "signal_of"]

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import correlate, gaussian_filter, gaussian_filter1d

from vasolib.data.synthetic.body import resized
from vasolib.data.synthetic.projection import UNITS
from vasolib.data.synthetic.styles import Style

COARSE = 64  # side of the grid on which scatter and broad brightness are worked out
SCATTER_WIDTH = 45.0  # units: standard deviation of the scattered light
LEVEL_WIDTH = 40.0  # units: standard deviation of the display's broad brightness
DARK = -1.5  # logarithm of the signal: shutters count as this dark where broad differences are levelled
REACH = 1.1  # greatest broad difference of the logarithmic signal that a display leaves, from dark to light regions
DIM = 0.2  # of the median signal, below which the display runs down to black: shutters
SOFT = 0.1  # over 255: width of the soft ends of the display's curve
FLOOR = 1e-3  # of the median signal, below which a logarithm sees no difference


@dataclass(frozen=True)
class Exposure:
    """One setting of tube, detector and display, drawn from a style's ranges; units as there."""

    dose: float
    electronic: float
    scatter: float
    blur: float
    motion: tuple[float, float]  # units: the path, x and y, of the heart during the pulse
    grain: float
    streak: float
    logarithmic: bool
    grey: float
    spread: float
    black: float
    gamma: float
    sharpen: float
    radius: float  # units: of the edge enhancement
    levelling: float
    quality: int | None  # of the JPEG, None without


def draw_exposure(rng: np.random.Generator, style: Style) -> Exposure:
    """The setting for a frame, or for all frames of a cine."""
    path, way = rng.uniform(*style.motion), rng.uniform(0, np.pi)
    names = ("scatter", "blur", "grain", "streak", "grey", "spread", "black", "gamma", "sharpen", "levelling")
    drawn = {name: rng.uniform(*getattr(style, name)) for name in names}
    low, high = style.quality
    return Exposure(
        dose=1000 * float(np.exp(rng.uniform(*np.log(style.dose)))),
        electronic=style.electronic,
        motion=(path * np.cos(way).item(), path * np.sin(way).item()),
        logarithmic=bool(rng.random() < style.logarithmic),
        radius=rng.uniform(1.2, 6),
        quality=int(rng.integers(low, high + 1)) if rng.random() < style.jpeg else None,
        **drawn,
    )


def _broad(picture: np.ndarray, width: float) -> np.ndarray:
    """A blur by `width` units, worked out on the coarse grid."""
    side = picture.shape[0]
    if side % COARSE == 0:
        coarse = picture.reshape(COARSE, side // COARSE, COARSE, -1).mean(axis=(1, 3))
    else:
        coarse = np.asarray(Image.fromarray(picture).resize((COARSE, COARSE), Image.Resampling.BOX))
    return resized(gaussian_filter(coarse, width * COARSE / UNITS, mode="nearest"), side)


def _smeared(vessels: np.ndarray, path: tuple[float, float]) -> np.ndarray:
    """The mean of a picture that moves along `path` units."""
    dx, dy = (p * vessels.shape[0] / UNITS for p in path)
    reach = int(np.ceil(np.hypot(dx, dy) / 2))
    if reach == 0:
        return vessels
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = reach + t * dx, reach + t * dy
        column, row = int(x), int(y)
        near = np.outer([1 - y + row, y - row], [1 - x + column, x - column])
        kernel[row : row + 2, column : column + 2] += near[: 2 * reach + 1 - row, : 2 * reach + 1 - column]
    return correlate(vessels, kernel / kernel.sum(), mode="nearest")


def signal_of(setting: Exposure, vessels, body, devices, field) -> np.ndarray:
    """The detected signal (size, size) without noise; its median in the open field is 1.

    Args: as `expose` has them.
    """
    size = body.shape[0]
    absorption = body + devices + _smeared(vessels, setting.motion)
    primary = np.exp(-absorption)
    signal = (1 - setting.scatter) * primary + setting.scatter * _broad(primary, SCATTER_WIDTH)
    signal = gaussian_filter(signal * field, setting.blur * size / UNITS, truncate=3)
    sparse = (slice(None, None, max(size // 128, 1)),) * 2
    return signal / np.float32(np.median(signal[sparse][field[sparse] > 0.5]))


def _noise(rng, size: int, smoothing: float, streak: float) -> np.ndarray:
    """White noise of variance 1 per square unit, smoothed by so many units and along the lines: (size, size)."""
    pixel = UNITS / size
    noise = rng.standard_normal((size, size), dtype=np.float32) / np.float32(pixel)
    if smoothing > 0.3 * pixel:
        noise = gaussian_filter(noise, smoothing / pixel, truncate=3)
    if streak > 0.3 * pixel:
        noise = gaussian_filter1d(noise, streak / pixel, axis=1, truncate=3)
    return noise


def _noisy(rng, setting: Exposure, signal: np.ndarray) -> np.ndarray:
    """Quantum noise, whose variance is in proportion to the signal, and electronic noise."""
    variance = np.maximum(signal, 0) / np.float32(setting.dose) + np.float32(setting.electronic**2)
    return signal + np.sqrt(variance) * _noise(rng, signal.shape[0], setting.grain, setting.streak)


def _levelled(setting: Exposure, change: np.ndarray) -> np.ndarray:
    """The logarithmic signal with less difference between broad regions, so that none is shown black or white."""
    broad = _broad(np.maximum(change, DARK), LEVEL_WIDTH)
    middle, low, high = np.quantile(broad[::8, ::8], (0.5, 0.05, 0.95))
    share = max(setting.levelling, 1 - REACH / max(high - low, REACH))
    return change - np.float32(share) * (broad - np.float32(middle))


def _curve(setting: Exposure, grey: np.ndarray) -> np.ndarray:
    """The display's curve: straight in between, soft at both ends; no light is shown as `black`."""
    dark, light = grey < setting.black + SOFT, grey > 1 - SOFT
    grey[dark] = setting.black + SOFT * np.exp((grey[dark] - setting.black) / SOFT - 1)
    grey[light] = 1 - SOFT * np.exp((1 - SOFT - grey[light]) / SOFT)
    return setting.grey * (grey / setting.grey) ** setting.gamma


def _window(setting: Exposure, signal: np.ndarray) -> np.ndarray:
    """Brightness (size, size), 1 being white; the median signal has the median grey level."""
    change = _levelled(setting, np.log(np.maximum(signal, FLOOR)))
    if not setting.logarithmic:
        change = np.exp(change) - 1
    grey = _curve(setting, setting.grey + setting.spread * change)
    return setting.black + (grey - setting.black) * np.clip(signal / DIM, 0, 1)


def _enhanced(setting: Exposure, grey: np.ndarray) -> np.ndarray:
    """Edges enhanced by an unsharp mask."""
    if setting.sharpen < 0.01:
        return grey
    width = setting.radius * grey.shape[0] / UNITS
    return grey + np.float32(setting.sharpen) * (grey - gaussian_filter(grey, width, truncate=3))


def _compressed(image: np.ndarray, quality: int | None) -> np.ndarray:
    """There and back by JPEG, in memory."""
    if quality is None:
        return image
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def expose(
    rng: np.random.Generator,
    setting: Exposure,
    vessels: np.ndarray,
    body: np.ndarray,
    devices: np.ndarray,
    field: np.ndarray,
) -> np.ndarray:
    """The angiogram (size, size) uint8, vessels dark.

    Args:
        vessels, body, devices: absorption (size, size), at least 0: the logarithm of the weakening of the beam.
        field: share (size, size) of the light that the collimator lets through.
    """
    signal = _noisy(rng, setting, signal_of(setting, vessels, body, devices, field))
    grey = _enhanced(setting, _window(setting, signal))
    image = np.rint(np.clip(255 * grey, 0, 255)).astype(np.uint8)
    return _compressed(image, setting.quality)
