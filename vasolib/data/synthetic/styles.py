"""Four invented centres: how each acquires, displays and annotates its angiograms.

A range is the two ends of a uniform distribution, drawn once per frame. A unit is 1/512 of the picture's side.
The ranges were set by eye and by measurement against public frames; no number here is a measurement of a real centre.
"""

__all__ = ["CORPUS_STYLE", "STYLES", "Range", "Style", "named_style"]

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vasolib.errors import UserError, nearest

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Style:
    """One centre: equipment, dose, display, projection habits and annotation rule."""

    name: str
    number: int  # part of the seed: never reuse or change one

    # patient and projection
    contrast: Range  # absorption per mm of full-strength contrast agent, at the effective energy of the beam
    views: Mapping[str, float]  # name of a view -> relative weight; a view left out is never used
    field: Range  # mm of the detector shown along the picture's side
    disease: float  # mean number of stenoses
    side_branches: bool  # whether branches that SYNTAX does not number are there
    filling: float  # probability that a still frame shows the tree incompletely filled

    # annotation rule
    least_width: float  # units: thinner vessels are not outlined
    least_contrast: float  # contrast, in multiples of the local noise and texture, below which nothing is outlined
    widen: float  # units added to the radius by the annotator's hand

    # body: absorption, that is the logarithm of the weakening of the beam
    thickness: Range  # slow variation over the picture
    heart: Range  # heart shadow against the lung beside it
    mottle: Range  # faint cloudy texture of lung and soft tissue
    spine: float  # probability that the spine is inside the picture
    ribs: float  # probability of ribs
    diaphragm: float  # probability that a diaphragm dome is inside the picture

    # devices: probabilities
    catheter: float  # in the picture, its tip at the ostium
    wire: float  # guide wire
    reflux: float  # contrast agent that flows back into the aorta
    leads: float  # ECG leads on the skin
    pacemaker: float
    sternal: float  # sternal wires and clips after an operation

    # collimation
    circle: float  # probability of a circular shutter
    reach: Range  # units: its radius
    blades: float  # probability of rectangular blades
    margin: Range  # units: how far a blade reaches into the picture
    leak: Range  # share of the light that a shutter lets through

    # exposure
    dose: Range  # thousands of detected photons per square unit at the median signal; uniform in its logarithm
    electronic: float  # noise independent of the signal, as a share of the median signal, at one pixel per unit
    scatter: Range  # scattered share of the detected radiation
    blur: Range  # units: standard deviation of focal spot and detector together
    motion: Range  # units: length of the path that the heart moves during the pulse
    grain: Range  # units: standard deviation of the detector's smoothing of the noise
    streak: Range  # units: its smoothing along the lines of a video camera

    # display
    logarithmic: float  # probability of a logarithmic display; a linear one otherwise
    grey: Range  # median grey level of the open field over 255
    spread: Range  # change of grey level over 255 per relative change of the signal, at the median
    black: Range  # grey level over 255 where no light arrives, before the gamma
    gamma: Range
    sharpen: Range  # strength of the edge enhancement
    levelling: Range  # least share of the broad differences in brightness that the display takes away
    jpeg: float  # probability of a JPEG round trip
    quality: tuple[int, int]  # lowest and highest JPEG quality


_VIEWS = {
    "LAO cranial": 1.0,
    "RAO cranial": 1.0,
    "RAO caudal": 1.0,
    "LAO caudal": 0.7,
    "AP cranial": 0.7,
    "AP caudal": 0.5,
    "lateral": 0.3,
    "LAO": 1.0,
    "RAO": 0.8,
}

_FLAT_PANEL = Style(
    name="a",
    number=0,
    contrast=(0.14, 0.36),
    views=_VIEWS,
    field=(125, 195),
    disease=1.2,
    side_branches=True,
    filling=0.15,
    least_width=4.4,
    least_contrast=1.0,
    widen=0.1,
    thickness=(0.05, 0.25),
    heart=(0.0, 0.7),
    mottle=(0.05, 0.22),
    spine=0.6,
    ribs=0.7,
    diaphragm=0.5,
    catheter=0.97,
    wire=0.08,
    reflux=0.25,
    leads=0.12,
    pacemaker=0.04,
    sternal=0.04,
    circle=0.0,
    reach=(240, 270),
    blades=0.25,
    margin=(0, 40),
    leak=(0.03, 0.4),
    dose=(0.3, 5),
    electronic=0.01,
    scatter=(0.2, 0.5),
    blur=(0.6, 1.3),
    motion=(0.0, 2.0),
    grain=(0.3, 0.9),
    streak=(0.0, 0.0),
    logarithmic=0.5,
    grey=(0.24, 0.5),
    spread=(0.26, 0.5),
    black=(0.0, 0.18),
    gamma=(0.8, 1.3),
    sharpen=(0.0, 0.8),
    levelling=(0.0, 0.6),
    jpeg=0.5,
    quality=(70, 95),
)

STYLES = {
    "a": _FLAT_PANEL,
    "b": replace(
        _FLAT_PANEL,
        name="b",
        number=1,
        least_width=3.8,
        widen=0.0,
        contrast=(0.2, 0.45),
        field=(125, 190),
        mottle=(0.02, 0.11),
        circle=0.45,
        reach=(235, 400),
        blades=0.05,
        leak=(0.0, 0.02),
        black=(0.0, 0.07),
        dose=(0.2, 2),
        blur=(0.8, 1.7),
        grain=(0.5, 1.3),
        streak=(0.0, 3.0),
        scatter=(0.35, 0.6),
        logarithmic=0.2,
        grey=(0.4, 0.65),
        sharpen=(0.0, 0.3),
        levelling=(0.0, 0.9),
        jpeg=0.2,
    ),
    "c": replace(
        _FLAT_PANEL,
        name="c",
        number=2,
        contrast=(0.13, 0.32),
        field=(130, 200),
        blades=0.7,
        margin=(10, 70),
        dose=(0.6, 3),
        sharpen=(0.6, 1.6),
        grey=(0.5, 0.72),
        least_width=5.0,
        widen=0.3,
        disease=1.8,
        jpeg=0.8,
        quality=(55, 85),
    ),
    "d": replace(
        _FLAT_PANEL,
        name="d",
        number=3,
        field=(110, 160),
        contrast=(0.14, 0.32),
        thickness=(0.1, 0.4),
        grey=(0.2, 0.45),
        gamma=(1.1, 1.7),
        wire=0.4,
        pacemaker=0.15,
        sternal=0.2,
        least_width=4.2,
        widen=0.0,
    ),
}
CORPUS_STYLE = "a"


def named_style(name: str) -> Style:
    """The style of this name; UserError, naming the choices, where there is none."""
    if name not in STYLES:
        raise UserError(f"unknown style {name!r} of synthetic angiogram: {nearest(name, STYLES)}")
    return STYLES[name]
