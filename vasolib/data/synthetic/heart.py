"""The heart on which the coronary arteries lie: an ellipsoid with a base, an apex and a tilt, drawn per patient.

Sphere coordinates: x towards the right ventricle, y towards the anterior interventricular groove, z from the plane of
the atrioventricular (AV) groove to the apex. The unit sphere is the epicardium; less than 1 lies inside the wall.
"""

__all__ = ["Heart", "draw_heart", "direction", "unit"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Heart:
    """Sizes and posture of one heart.

    Args:
        width, depth, length: semi-axes in mm: base to the right or left, base to the front or back, base to apex.
        azimuth: degrees by which the long axis turns from the front to the patient's left.
        elevation: degrees by which it points below the horizontal.
        roll: degrees about the long axis.
        lean: mm by which the apex lies off the axis, towards the left ventricle.
        centre: mm, the middle of the AV plane.
    """

    width: float = 44.0
    depth: float = 37.0
    length: float = 78.0
    azimuth: float = 45.0
    elevation: float = 30.0
    roll: float = 0.0
    lean: float = 8.0
    centre: tuple[float, float, float] = (-15.0, 15.0, 12.0)

    @cached_property
    def axes(self) -> np.ndarray:
        """(3, 3) mm per sphere coordinate: columns are where x, y and z of the sphere point in the patient."""
        azimuth, elevation, roll = np.radians([self.azimuth, self.elevation, self.roll])
        apex = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), -np.sin(elevation)])
        # Without roll the right ventricle lies level with the left one, to its right and front.
        right = np.array([-np.cos(azimuth), -np.sin(azimuth), 0.0])
        front = np.cross(right, apex)
        right, front = np.cos(roll) * right + np.sin(roll) * front, np.cos(roll) * front - np.sin(roll) * right
        return np.stack([self.width * right, self.depth * front, self.length * apex - self.lean * right], axis=1)

    @cached_property
    def inverse(self) -> np.ndarray:
        """(3, 3) sphere coordinates per mm."""
        return np.linalg.inv(self.axes)

    def to_patient(self, sphere: np.ndarray) -> np.ndarray:
        """(..., 3) sphere coordinates -> mm."""
        return sphere @ self.axes.T + self.centre

    def to_sphere(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) mm -> sphere coordinates."""
        return (points - self.centre) @ self.inverse.T

    def normals(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) mm -> unit outward normals of the layer through each point."""
        return unit(self.to_sphere(points) @ self.inverse)


def draw_heart(rng: np.random.Generator) -> Heart:
    """An adult heart: epicardial base 75-100 mm wide, 65-85 mm deep, 68-90 mm from base to apex.

    The long axis points about 45 degrees to the left and 35 degrees down, steeper in the slim (Engblom et al.,
    J. Electrocardiol. 2005: 47 +- 9 and 30 +- 11 degrees).
    """
    size = rng.normal(1.0, 0.06)
    width, depth, length = size * rng.normal([44.0, 37.0, 78.0], [2.0, 2.0, 3.5])
    posture = rng.normal([46.0, 33.0, 0.0], [8.0, 8.0, 8.0])
    heart = Heart(width, depth, length, *posture, lean=rng.uniform(4, 12))
    middle = -heart.axes[:, 2] * rng.uniform(0.28, 0.4) + rng.normal(0, 3, 3)
    return Heart(width, depth, length, *posture, lean=heart.lean, centre=tuple(middle))


def direction(azimuth: np.ndarray, latitude: np.ndarray, height: np.ndarray = 1.0) -> np.ndarray:
    """Sphere coordinates (..., 3) from degrees.

    Args:
        azimuth: about the long axis: 0 right ventricle, 90 anterior groove, 180 left ventricle, 270 posterior groove.
        latitude: 0 on the AV groove, 90 at the apex; beyond 90 comes down the opposite side.
        height: 1 on the epicardium, less inside.
    """
    turn, rise = np.radians(azimuth), np.radians(latitude)
    flat = np.cos(rise)
    return np.stack([height * flat * np.cos(turn), height * flat * np.sin(turn), height * np.sin(rise)], axis=-1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., d) vectors at length 1."""
    return vectors / np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
