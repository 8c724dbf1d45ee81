import numpy as np
import pytest

from vasolib.data.synthetic.motion import moved, squeeze
from vasolib.data.synthetic.tree import Tree, grow_tree


def grown(seed: int = 0, side: str = "left") -> Tree:
    return grow_tree(np.random.default_rng(seed), side, "right")


def cloud(tree: Tree) -> np.ndarray:
    return np.concatenate([stretch.points for stretch in tree.stretches])


def test_phase_zero_is_where_the_tree_was_grown():
    tree = grown()
    assert np.allclose(cloud(moved(tree, 0, 0)), cloud(tree), atol=1e-9)


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.6])
def test_phases_are_periodic(phase):
    tree = grown()
    assert np.allclose(cloud(moved(tree, phase, 0.3)), cloud(moved(tree, phase + 1, 1.3)), atol=1e-9)


def test_contraction_peaks_at_end_systole_and_has_no_jump():
    phases = np.linspace(0, 1, 1001)
    values = np.array([squeeze(phase) for phase in phases])
    assert phases[values.argmax()] == pytest.approx(0.35) and values.max() == pytest.approx(1)
    assert values[[0, -1]] == pytest.approx(0) and np.abs(np.diff(values)).max() < 0.01


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_connected_stays_so(side):
    tree = moved(grown(side=side), 0.35, 0.5)
    for stretch in tree.stretches[1:]:
        assert np.allclose(stretch.points[0], tree.stretches[stretch.parent].points[-1], atol=1e-9)


def test_radii_names_and_parents_stay():
    tree = grown()
    for old, new in zip(tree.stretches, moved(tree, 0.3, 0.3).stretches, strict=True):
        assert (old.segment, old.parent) == (new.segment, new.parent) and np.array_equal(old.radii, new.radii)


def test_breathing_in_moves_everything_down_alike():
    tree = grown()
    shift = cloud(moved(tree, 0, 0.5)) - cloud(tree)
    assert np.allclose(shift, shift[0]) and -15 <= shift[0, 2] <= -5


def test_systole_shortens_narrows_and_folds():
    for seed in range(5):
        tree = grown(seed)
        still, beaten = (tree.heart.to_sphere(cloud(moved(tree, phase, 0))) for phase in (0, 0.35))
        assert np.ptp(beaten[:, 2]) < 0.95 * np.ptp(still[:, 2])
        assert np.linalg.norm(beaten[:, :2], axis=1).mean() < 0.95 * np.linalg.norm(still[:, :2], axis=1).mean()


def test_vessels_are_more_tortuous_in_systole():
    def tortuosity(tree: Tree) -> float:
        long = [stretch.points for stretch in tree.stretches if len(stretch.points) > 20]
        arcs = [np.linalg.norm(np.diff(p, axis=0), axis=1).sum() / np.linalg.norm(p[-1] - p[0]) for p in long]
        return np.mean(arcs)

    trees = [grown(seed) for seed in range(5)]
    assert np.mean([tortuosity(moved(tree, 0.35, 0)) / tortuosity(tree) for tree in trees]) > 1.005
