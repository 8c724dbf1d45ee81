"""Unnamed side branches: three generations of twigs walking off the named arteries over the heart."""

__all__ = ["grow_twigs"]

import numpy as np

from vasolib.data.synthetic.courses import STEP, Course, Layout
from vasolib.data.synthetic.heart import unit

LENGTHS = (24.0, 13.0, 8.0)  # mm: mean length per generation
CLEAR = 5  # points without twigs at a vessel's origin
THIN = 0.4  # ratio to the parent below which a twig has none of its own: they would not show
GAP = 14.0  # mm: mean distance between twigs
# The trunks give off fewer and thinner twigs than their size would allow: their territory is fed by named branches.
TRUNK_GAPS = {"5": np.inf, "1": 45.0, "2": 40.0, "3": 35.0, "6": 16.0, "7": 12.0, "11": 26.0, "13": 20.0, "16": 20.0}


def grow_twigs(layout: Layout) -> None:
    """Add three generations of twigs to a layout of arteries."""
    hosts = range(len(layout.courses))
    for generation, length in enumerate(LENGTHS, start=1):
        sites = [(host, origin) for host in hosts for origin in _origins(layout.rng, layout.courses[host])]
        hosts = range(len(layout.courses), len(layout.courses) + len(sites))
        if sites:
            _grow(layout, sites, length, generation)


def _origins(rng: np.random.Generator, course: Course) -> list[int]:
    """Points where twigs leave: a candidate every fourth point or so, kept by the segment's mean gap."""
    thin = course.generation > 0 and course.ratio < THIN
    if thin or len(course.points) < CLEAR + 8:
        return []
    candidates = np.arange(CLEAR + rng.integers(0, 4), len(course.points) - 4, 4)
    gaps = np.array([TRUNK_GAPS.get(course.segment(index), GAP) for index in candidates])
    return (candidates + rng.integers(0, 3, len(candidates)))[rng.random(len(candidates)) < 4 * STEP / gaps].tolist()


def _grow(layout: Layout, sites: list[tuple[int, int]], length: float, generation: int) -> None:
    """Walk all twigs of one generation at once and add their courses."""
    rng, courses = layout.rng, layout.courses
    trunk = np.array([courses[host].segment(origin) in TRUNK_GAPS for host, origin in sites])
    ratios = np.where(trunk, rng.uniform(0.15, 0.42, len(sites)), rng.uniform(0.3, 0.9, len(sites)))
    lengths = np.clip(length * (0.6 + 0.8 * ratios) * rng.gamma(5.0, 0.2, len(sites)), 4.0, 45.0)
    counts = np.ceil(lengths / STEP).astype(int)
    walks = _walks(layout, sites, counts.max(), ratios)
    for (host, origin), walk, count, ratio in zip(sites, walks, counts, ratios, strict=True):
        courses.append(Course(walk[: count + 1], ((0, ""),), host, origin, ratio, courses[host].deep, generation))


def _walks(layout: Layout, sites: list[tuple[int, int]], count: int, ratios: np.ndarray) -> np.ndarray:
    """(twigs, count + 1, 3) mm: paths of equal steps, held at the depth in the wall at which they start."""
    around = np.stack([layout.courses[host].points[origin - 2 : origin + 3] for host, origin in sites])
    start, along = around[:, 2], unit(around[:, 4] - around[:, 0])
    deep = np.array([layout.courses[host].deep for host, _ in sites])
    normal = layout.heart.normals(start)
    across = unit(np.cross(along, normal))
    # A deep vessel runs across the layers of the wall; its twigs leave to any side of it.
    spin = np.where(deep, layout.rng.uniform(0, 2 * np.pi, len(sites)), np.pi * layout.rng.integers(0, 2, len(sites)))
    across = np.cos(spin)[:, None] * across + np.sin(spin)[:, None] * np.cross(across, along)
    angles = _angles(layout, count, ratios)[..., None]
    steps = np.cos(angles) * along[:, None] + np.sin(angles) * across[:, None]
    paths = start[:, None] + STEP * np.concatenate([np.zeros_like(steps[:, :1]), np.cumsum(steps, axis=1)], axis=1)
    sphere = layout.heart.to_sphere(paths)
    height = np.sqrt((sphere**2).sum(-1, keepdims=True))
    held = np.where(deep[:, None, None], 1.0, height[:, :1] / height)
    laid = layout.heart.to_patient(sphere * held)
    laid[:, 0] = start
    return laid


def _angles(layout: Layout, count: int, ratios: np.ndarray) -> np.ndarray:
    """(twigs, count) radians off the parent's direction, step by step.

    Thin branches leave more squarely than thick ones (Murray, J. Gen. Physiol. 1926): 40 to 80 degrees here. They
    turn back towards the parent's direction by a half or so and wander on the way.
    """
    rng, twigs = layout.rng, len(ratios)
    leave = np.radians(85 - 55 * ratios + rng.normal(0, 9, twigs))[:, None]
    settle = leave * rng.uniform(0.2, 1.0, (twigs, 1))
    along = STEP * np.arange(count)
    bend = np.exp(-along / 8.0)
    wavelengths = np.exp(rng.uniform(np.log(8.0), np.log(35.0), (3, twigs, 1)))
    phases = rng.uniform(0, 2 * np.pi, (3, twigs, 1))
    waves = np.sin(2 * np.pi * along / wavelengths + phases).sum(0)
    return settle + (leave - settle) * bend + 1.15 * layout.tortuosity * waves * (1 - np.exp(-along / 6.0))
