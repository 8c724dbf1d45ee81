"""Recordings: one patient while the heart beats, the chest breathes, and contrast agent comes and goes."""

__all__ = ["make_cine"]

from collections.abc import Iterator

from vasolib.data.synthetic.body import body
from vasolib.data.synthetic.frame import Frame, take
from vasolib.data.synthetic.scene import draw_scene, stream
from vasolib.data.synthetic.steps import Moment
from vasolib.data.synthetic.styles import Style

HEART = (0.9, 1.6)  # beats a second
BREATH = (0.0, 0.3)  # breaths a second: patients are asked to hold it, and not all do


def make_cine(seed: int, index: int, style: Style, size: int, frames: int, rate: float = 15.0) -> Iterator[Frame]:
    """Recording `index` of the series (seed, style): its first frames have no contrast agent and no labels.

    Args:
        frames: how many; a recording of 6 s shows the agent come and go.
        rate: frames a second.
    """
    scene = draw_scene(seed, index, style)
    phase = stream(scene.key, "phase")
    cardiac, respiratory = phase.random(2)
    heart, breath = phase.uniform(*HEART), phase.uniform(*BREATH)
    still = body(stream(scene.key, "body"), style, scene.view, size)
    for number in range(frames):
        time = number / rate
        moment = Moment(number, time, (cardiac + heart * time) % 1, (respiratory + breath * time) % 1)
        yield take(scene, moment, size, still)
