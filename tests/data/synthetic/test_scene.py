"""What one seed fixes, and that its parts do not depend on each other."""

from dataclasses import replace

import numpy as np
import pytest

from vasolib.data.synthetic.scene import STREAMS, draw_scene, stream
from vasolib.data.synthetic.styles import STYLES, Style
from vasolib.data.synthetic.tree import SYNTAX


def same(first, second):
    return all(
        np.array_equal(a.points, b.points) for a, b in zip(first.tree.stretches, second.tree.stretches, strict=True)
    )


def test_a_seed_is_a_patient():
    first, second = draw_scene(0, 5, STYLES["a"]), draw_scene(0, 5, STYLES["a"])
    assert same(first, second)
    assert (first.view, first.stenoses, first.strength) == (second.view, second.stenoses, second.strength)


@pytest.mark.parametrize("other", [(1, 5, "a"), (0, 6, "a"), (0, 5, "b")])
def test_another_seed_index_or_style_is_another(other):
    seed, index, style = other
    assert draw_scene(0, 5, STYLES["a"]).view != draw_scene(seed, index, STYLES[style]).view


def test_streams_are_apart():
    draws = {stream((0, 0, 0), name, frame).random() for name in STREAMS for frame in range(3)}
    assert len(draws) == 3 * len(STREAMS)
    assert stream((0, 0, 0), "tree").random() == stream((0, 0, 0), "tree").random()


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_both_sides_and_dominances_occur(style: Style):
    scenes = [draw_scene(0, index, style) for index in range(40)]
    assert {scene.tree.side for scene in scenes} == {"left", "right"}
    assert {scene.tree.dominance for scene in scenes} == {"left", "right"}
    low, high = style.contrast
    assert all(low <= scene.strength <= high and 50 < scene.farthest < 400 for scene in scenes)


def test_without_side_branches_the_numbered_arteries_are_as_they_were():
    style = STYLES["a"]
    for index in range(10):
        rich, bare = (draw_scene(0, index, replace(style, side_branches=some, disease=0.0)) for some in (True, False))
        kept = [stretch for stretch in rich.tree.stretches if stretch.segment]
        assert len(kept) < len(rich.tree.stretches) and {s.segment for s in bare.tree.stretches} <= set(SYNTAX)
        assert all(np.array_equal(a.points, b.points) for a, b in zip(kept, bare.tree.stretches, strict=True))
        assert (bare.style.side_branches, bare.strength, bare.injection) == (False, rich.strength, rich.injection)
