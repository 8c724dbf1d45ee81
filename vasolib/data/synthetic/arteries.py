"""The named coronary arteries: which are there, whence they leave and where they run.

Courses and segments after Sianos et al., EuroIntervention 2005 (SYNTAX) and Austen et al., Circulation 1975; sphere
coordinates as in heart.py (azimuth 90 the anterior groove, 180 the lateral left ventricle, 270 the posterior groove).
"""

__all__ = ["lay_left", "lay_right"]

import numpy as np

from vasolib.data.synthetic.courses import Layout
from vasolib.data.synthetic.heart import direction, unit


def lay_left(layout: Layout, dominance: str) -> None:
    """The left main stem with the anterior descending, the circumflex and their named branches."""
    rng = layout.rng
    division = direction(rng.normal(113, 6), rng.normal(-4, 3))
    ostium = division + _away(layout, division) * np.clip(rng.normal(10.5, 3.5), 4, 20)
    stem = layout.main(np.stack([ostium, division]), -1, 1.0, wander=0.2)
    layout.name(stem, [(0, "5")])
    if rng.random() < 0.25:  # a ramus intermedius in about a quarter of hearts
        target = direction(rng.normal(148, 6), rng.uniform(45, 70))
        layout.branch(stem, len(layout.courses[stem].points) - 1, target, rng.uniform(0.45, 0.75), "12")
    _lay_anterior(layout, stem)
    _lay_circumflex(layout, stem, dominance)


def _away(layout: Layout, division: np.ndarray) -> np.ndarray:
    """Sphere step per mm from the left main's division back to the aortic root."""
    back = layout.heart.to_patient(np.array([0.12, 0.45, -0.18])) - layout.heart.to_patient(division)
    return layout.heart.inverse @ unit(back + layout.rng.normal(0, 3, 3))


def _lay_anterior(layout: Layout, stem: int) -> None:
    """The anterior descending: in a fifth it ends before the apex, in most it turns round it (Perlmutt 1983)."""
    rng = layout.rng
    end = rng.choice([rng.uniform(70, 82), rng.uniform(84, 96), rng.uniform(98, 122)], p=[0.2, 0.4, 0.4])
    latitudes = np.array([10.0, 28.0, 50.0, 72.0, end])[: 4 + (end > 78)]
    azimuths = np.array([100.0, 91.0, 87.0, 85.0, 85.0])[: len(latitudes)] + rng.normal(0, 3, len(latitudes))
    azimuths[3:] = azimuths[3]
    lad = layout.main(direction(azimuths + rng.normal(0, 2), latitudes), stem, 1.0)
    count = len(layout.courses[lad].points)
    first = int(count * rng.uniform(0.14, 0.26))
    turn = (first + count) // 2
    layout.name(lad, [(0, "6"), (first, "7"), (turn, "8")])
    _lay_diagonals(layout, lad, count, turn)
    _lay_septals(layout, lad, np.concatenate([[first], first + np.cumsum(rng.uniform(8, 16, 6)).astype(int)]), 88)


def _lay_diagonals(layout: Layout, lad: int, count: int, turn: int) -> None:
    rng = layout.rng
    at = int(count * rng.uniform(0.10, 0.28))
    plan = [("9", at, 138, 62), ("9a", at + rng.integers(7, 16), 128, 66)]
    plan += [("10", turn + rng.integers(-8, 6), 122, 74), ("10a", turn + rng.integers(9, 18), 112, 80)]
    for (segment, origin, azimuth, latitude), share in zip(plan, (0.97, 0.3, 0.85, 0.2), strict=True):
        if rng.random() < share:
            target = direction(azimuth + rng.normal(0, 8), latitude + rng.normal(0, 8))
            layout.branch(lad, min(int(origin), count - 8), target, rng.uniform(0.45, 0.72), segment)


def _lay_septals(layout: Layout, host: int, origins: np.ndarray, azimuth: float, reach: float = 1.0) -> None:
    """Perforators into the septum from a groove at `azimuth`; the first is the largest.

    Args:
        reach: scales their length; 1 lets the largest cross most of the septum's upper half.
    """
    rng, points = layout.rng, layout.courses[host].points
    for rank, origin in enumerate(origins[origins < len(points) - 6]):
        sphere = layout.heart.to_sphere(points[origin])
        length = reach * rng.uniform(0.5, 0.95) * (1.0 if rank == 0 else rng.uniform(0.35, 0.8))
        down = rng.uniform(0.05, 0.35)
        inward = np.array([rng.normal(0.08, 0.06), -np.sin(np.radians(azimuth)), down - 0.3 * sphere[2]])
        target = sphere + length * inward * abs(sphere[1])
        layout.branch(host, int(origin), target, rng.uniform(0.28, 0.42) + 0.1 * (rank == 0), deep=True)


def _lay_circumflex(layout: Layout, stem: int, dominance: str) -> None:
    """The circumflex in the left AV groove, as far as the crux where it is dominant."""
    rng = layout.rng
    end = 268.0 if dominance == "left" else rng.uniform(185, 240)
    azimuths = np.linspace(132, end, int((end - 132) / 22) + 2)
    heights = rng.normal(0.99, 0.02, len(azimuths))
    landmarks = direction(azimuths + rng.normal(0, 2), rng.normal(0, 2.5, len(azimuths)) - 1, heights)
    lcx = layout.main(landmarks, stem, rng.uniform(0.9, 1.0) if dominance == "left" else rng.uniform(0.75, 0.95))
    first = _lay_marginals(layout, lcx, end, dominance)
    layout.name(lcx, [(0, "11"), (first, "13")])
    _lay_atrial(layout, lcx, rng.integers(1, 4))
    if dominance == "left":
        _lay_posterior(layout, lcx, "15", 1.0)


def _lay_marginals(layout: Layout, lcx: int, end: float, dominance: str) -> int:
    """Obtuse marginals and left posterolaterals; returns where the first one leaves."""
    rng, first, count = layout.rng, 0, len(layout.courses[lcx].points)
    plan = [("12a", 150, 0.97, 0.8), ("12b", 176, 0.6, 0.75), ("14", 206, 0.6, 0.75)]
    plan += [("14a", 228, 0.6, 0.7), ("14b", 248, 0.6, 0.65)]
    for segment, azimuth, share, ratio in plan:
        azimuth = azimuth + rng.normal(0, 6)
        wanted = rng.random() < (max(share, 0.8) if dominance == "left" and azimuth > 195 else share)
        if wanted and azimuth < end - 2:
            origin = min(layout.nearest(lcx, direction(azimuth, 0)), count - 3)
            target = direction(azimuth + rng.normal(6, 6), rng.uniform(48, 72))
            layout.branch(lcx, origin, target, ratio * rng.uniform(0.8, 1.25), segment)
            first = first or origin
    return first or count // 2


def _lay_atrial(layout: Layout, host: int, number: int) -> None:
    """Thin branches from the AV groove up over an atrium."""
    rng, points = layout.rng, layout.courses[host].points
    for origin in np.sort(rng.integers(6, len(points) - 4, number)):
        sphere = layout.heart.to_sphere(points[origin])
        upwards = np.append(rng.normal(0, 0.3, 2), -rng.uniform(0.2, 0.45))
        target = unit(sphere + upwards) * 0.95
        layout.branch(host, int(origin), target, rng.uniform(0.18, 0.34))


def _lay_posterior(layout: Layout, host: int, segment: str, ratio: float) -> None:
    """The posterior descending artery from the crux, with its septal branches."""
    rng = layout.rng
    latitudes = np.linspace(14, rng.uniform(48, 78), 4)
    azimuth = 271 + rng.normal(0, 2)
    pda = layout.main(direction(azimuth + rng.normal(0, 2, 4), latitudes), host, ratio)
    layout.name(pda, [(0, segment)])
    _lay_septals(layout, pda, 6 + np.cumsum(rng.uniform(7, 14, 4)).astype(int), 271, reach=0.45)


def lay_right(layout: Layout, dominance: str) -> None:
    """The right coronary artery: conus and marginals; in right dominance also its branches beyond the crux."""
    rng = layout.rng
    end = -90.0 if dominance == "right" else rng.uniform(-66, -34)
    azimuths = np.append(np.arange(38.0, end + 12, -24.0), end)
    heights = rng.normal(1.0, 0.02, len(azimuths))
    ostium = np.array([0.26, 0.58, -0.14]) + rng.normal(0, 0.03, 3)
    landmarks = direction(azimuths + rng.normal(0, 2), rng.normal(0, 2.5, len(azimuths)) + 1, heights)
    rca = layout.main(np.concatenate([ostium[None], landmarks]), -1, 1.0)
    count = len(layout.courses[rca].points)
    margin = min(layout.nearest(rca, direction(-28 + rng.normal(0, 5), 0)), count - 6)
    layout.name(rca, [(0, "1"), (margin // 2, "2"), (margin, "3")])
    _lay_ventricular(layout, rca, margin, count)
    _lay_atrial(layout, rca, rng.integers(1, 4))
    if dominance == "right":
        _lay_posterior(layout, rca, "4", 1.0)
        if rng.random() < 0.94:
            _lay_posterolateral(layout, rca)


def _lay_ventricular(layout: Layout, rca: int, margin: int, count: int) -> None:
    """Conus branch and right ventricular marginals, the acute marginal the largest."""
    rng = layout.rng
    plan = [(int(rng.integers(3, 12)), 66, 24, 0.45, 0.7), (int(margin * rng.uniform(0.35, 0.6)), 28, 42, 0.5, 0.8)]
    plan += [(int(margin * rng.uniform(0.65, 0.9)), 2, 50, 0.5, 0.7), (margin, -26, 64, 0.6, 0.95)]
    for origin, azimuth, latitude, ratio, share in plan:
        if rng.random() < share:
            target = direction(azimuth + rng.normal(0, 7), latitude + rng.normal(0, 8))
            layout.branch(rca, min(origin, count - 5), target, ratio * rng.uniform(0.75, 1.25))


def _lay_posterolateral(layout: Layout, rca: int) -> None:
    """Segment 16, on in the AV groove beyond the crux, and its branches over the back of the left ventricle."""
    rng = layout.rng
    reach = rng.uniform(228, 250)  # degrees of azimuth: how far it goes towards the lateral wall
    azimuths = np.array([262.0, (262 + reach) / 2, reach, reach - 5, reach - 10])
    latitudes = np.array([-3.0, 0.0, 6.0, 24.0, rng.uniform(35, 58)])
    artery = layout.main(direction(azimuths, latitudes + rng.normal(0, 2, 5)), rca, rng.uniform(0.75, 1.15))
    layout.name(artery, [(0, "16")])
    for segment, azimuth, share in (("16a", 259, 0.85), ("16b", 250, 0.65), ("16c", 241, 0.4)):
        if rng.random() < share and azimuth > reach:
            origin = layout.nearest(artery, direction(azimuth, 0))
            target = direction(azimuth + rng.normal(-4, 5), rng.uniform(40, 66))
            layout.branch(artery, max(origin, 2), target, rng.uniform(0.5, 0.9), segment)
