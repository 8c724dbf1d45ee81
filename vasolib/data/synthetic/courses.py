"""Courses of vessels over the heart: smooth curves through landmarks, with the wandering of real arteries."""

__all__ = ["Course", "Layout", "STEP", "heading"]

from dataclasses import dataclass, field

import numpy as np

from vasolib.data.synthetic.heart import Heart, unit

STEP = 0.9  # mm between points
FADE = 6.0  # mm over which the wandering sets in, so that a branch leaves at its own angle


@dataclass(frozen=True)
class Course:
    """A vessel from its origin to its tip, branches apart.

    Args:
        points: (n, 3) mm.
        names: (index of the first point, SYNTAX name) of each segment along it, the first at 0.
        parent: index of the course that it leaves, -1 for the root.
        origin: index of the point there; it is the same point as points[0].
        ratio: radius at the origin, over that of the parent's continuation.
        deep: whether it runs inside the septum or the base rather than on the epicardium.
        generation: 0 for vessels of the plan, 1 and more for the twigs.
    """

    points: np.ndarray
    names: tuple[tuple[int, str], ...]
    parent: int
    origin: int
    ratio: float
    deep: bool = False
    generation: int = 0

    def segment(self, index: int) -> str:
        """SYNTAX name, or "", of the stretch that begins at or holds a point."""
        return next(name for first, name in reversed(self.names) if first <= index)


@dataclass
class Layout:
    """The courses laid so far on one heart, and how much its vessels wander.

    Args:
        tortuosity: root-mean-square angle in radians between a vessel and its smooth course.
    """

    rng: np.random.Generator
    heart: Heart
    tortuosity: float
    courses: list[Course] = field(default_factory=list)

    def main(self, landmarks: np.ndarray, parent: int, ratio: float, wander: float = 1.0) -> int:
        """Lay a vessel from the parent's end through sphere coordinates (k, 3); returns its index.

        Without a parent (-1) it starts at the first landmark.
        """
        points = self.heart.to_patient(landmarks)
        origin = 0
        if parent >= 0:
            origin = len(self.courses[parent].points) - 1
            points = np.concatenate([self.courses[parent].points[-1:], points])
        return self._add(smooth(points), parent, origin, ratio, wander)

    def branch(
        self, parent: int, origin: int, target: np.ndarray, ratio: float, segment: str = "", deep: bool = False
    ) -> int:
        """Lay a branch from the parent's point `origin` to a target in sphere coordinates (3,); returns its index.

        It leaves at an angle between the parent's direction and the target's and bends towards the target.
        """
        host = self.courses[parent].points
        start, end = host[origin], self.heart.to_patient(target)
        reach = np.linalg.norm(end - start)
        leave = unit(heading(host, origin) * self.rng.uniform(0.2, 0.8) + (end - start) / reach)
        bend = start + leave * reach * 0.4
        points = bezier(start, bend, end, max(int(reach / 3), 4))
        if not deep:
            points = self._laid(points)
        return self._add(points, parent, origin, ratio, 1.0, segment, deep)

    def name(self, course: int, names: list[tuple[int, str]]) -> None:
        """Give the segments of a course."""
        old = self.courses[course]
        self.courses[course] = Course(old.points, tuple(names), old.parent, old.origin, old.ratio, old.deep)

    def nearest(self, course: int, target: np.ndarray) -> int:
        """Index of the course's point nearest to a target in sphere coordinates."""
        return int(np.argmin(((self.courses[course].points - self.heart.to_patient(target)) ** 2).sum(1)))

    def _laid(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) mm -> at the epicardium, but for a start that lies elsewhere and is left step by step."""
        sphere = self.heart.to_sphere(points)
        height = np.sqrt((sphere**2).sum(1))
        wanted = height[0] + (1 - height[0]) * np.linspace(0, 1, len(points)) ** 0.5
        return self.heart.to_patient(sphere * (wanted / height)[:, None])

    def _add(self, points, parent, origin, ratio, wander, segment="", deep=False) -> int:
        points = resample(points)
        slope = self.tortuosity * wander * self.rng.lognormal(0, 0.45)
        points = resample(points + wandering(self.rng, points, self.heart.normals(points), slope))
        self.courses.append(Course(points, ((0, segment),), parent, origin, ratio, deep))
        return len(self.courses) - 1


def smooth(points: np.ndarray, density: int = 12) -> np.ndarray:
    """A centripetal Catmull-Rom spline through (k, 3) points: `density` points in each gap."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    a, b, c = (np.sqrt(np.linalg.norm(q - p, axis=1))[:, None] for p, q in ((p0, p1), (p1, p2), (p2, p3)))
    m1 = p2 - p1 + b * ((p1 - p0) / a - (p2 - p0) / (a + b))
    m2 = p2 - p1 + b * ((p3 - p2) / c - (p3 - p1) / (b + c))
    t = np.arange(density)[:, None, None] / density
    rise = t * t * (3 - 2 * t)
    curve = p1 + rise * (p2 - p1) + t * (1 - t) ** 2 * m1 - t * t * (1 - t) * m2
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 3), points[-1:]])


def bezier(start: np.ndarray, bend: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) points of the quadratic Bezier curve."""
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end


def resample(points: np.ndarray, step: float = STEP) -> np.ndarray:
    """(n, 3) -> points at equal path lengths of `step` mm or less, first and last kept."""
    path = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(points, axis=0) ** 2).sum(1)))])
    at = np.linspace(0, path[-1], max(int(np.ceil(path[-1] / step)), 1) + 1)
    return np.stack([np.interp(at, path, axis) for axis in points.T], axis=1)


def tangents(points: np.ndarray) -> np.ndarray:
    """(n, 3) unit directions along the curve."""
    steps = np.diff(points, axis=0)
    return unit(np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]]))


def heading(points: np.ndarray, index: int) -> np.ndarray:
    """(3,) unit direction of the curve about the point `index`."""
    return unit(points[min(index + 2, len(points) - 1)] - points[max(index - 2, 0)])


def wandering(rng: np.random.Generator, points: np.ndarray, normals: np.ndarray, slope: float) -> np.ndarray:
    """(n, 3) mm by which a vessel wanders off its smooth course: waves of 10 to 45 mm, mostly along the surface.

    Args:
        points: (n, 3) mm, STEP apart.
        normals: (n, 3) unit normals of the surface.
        slope: root-mean-square angle in radians against the smooth course.
    """
    along = STEP * np.arange(len(points))
    wavelengths = np.exp(rng.uniform(np.log(10.0), np.log(45.0), (4, 1)))
    phases = rng.uniform(0, 2 * np.pi, (4, 1))
    # A sine of amplitude a and wavelength l has the root-mean-square slope 2 pi a / l / sqrt 2.
    waves = slope * wavelengths / (2 * np.pi) * np.sin(2 * np.pi * along / wavelengths + phases) / np.sqrt(2)
    fade = np.clip(along / FADE, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    across = np.cross(tangents(points), normals)
    sideways, outwards = waves[:3].sum(0) * fade, 0.4 * waves[3] * fade
    return sideways[:, None] * across + outwards[:, None] * normals
