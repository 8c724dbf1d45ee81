import numpy as np
import pytest

from vasolib.data.synthetic.arteries import lay_left, lay_right
from vasolib.data.synthetic.courses import Layout
from vasolib.data.synthetic.heart import draw_heart


def laid(seed: int, lay, dominance: str) -> Layout:
    rng = np.random.default_rng(seed)
    layout = Layout(rng, draw_heart(rng), 0.3)
    lay(layout, dominance)
    return layout


def length(points: np.ndarray) -> float:
    return np.linalg.norm(np.diff(points, axis=0), axis=1).sum()


def named(layout: Layout, segment: str) -> np.ndarray | None:
    courses = [course for course in layout.courses if course.names[0][1] == segment]
    return courses[0].points if courses else None


@pytest.mark.parametrize("lay", [lay_left, lay_right])
@pytest.mark.parametrize("dominance", ["left", "right"])
def test_courses_start_on_their_parents(lay, dominance):
    for seed in range(20):
        courses = laid(seed, lay, dominance).courses
        for index, course in enumerate(courses[1:], start=1):
            assert 0 <= course.parent < index
            assert np.allclose(course.points[0], courses[course.parent].points[course.origin])


def test_lengths_of_the_main_arteries_are_anatomical():
    left = [laid(seed, lay_left, "right") for seed in range(40)]
    right = [laid(seed, lay_right, "right") for seed in range(40)]
    assert np.mean([length(named(layout, "5")) for layout in left]) == pytest.approx(10.5, abs=2.5)
    # Anterior descending 100 to 170 mm, right coronary to the crux 100 to 160 mm (Dodge et al., 1988).
    assert 100 < np.mean([length(named(layout, "6")) for layout in left]) < 170
    assert 90 < np.mean([length(named(layout, "1")) for layout in right]) < 160


def test_right_artery_is_longer_where_it_is_dominant():
    for seed in range(20):
        short, long = (length(named(laid(seed, lay_right, side), "1")) for side in ("left", "right"))
        assert short < long


def test_posterior_descending_comes_from_the_dominant_side():
    for seed in range(20):
        assert named(laid(seed, lay_left, "left"), "15") is not None
        assert named(laid(seed, lay_left, "right"), "15") is None
        assert named(laid(seed, lay_right, "right"), "4") is not None
        assert named(laid(seed, lay_right, "left"), "4") is None


def test_anterior_descending_goes_left_front_and_circumflex_goes_back():
    for seed in range(20):
        layout = laid(seed, lay_left, "right")
        lad, lcx = named(layout, "6"), named(layout, "11")
        assert lad[-1, 1] < lcx[-1, 1]  # y towards the back
        assert lad[-1, 2] < lad[0, 2]  # the apex below the base
