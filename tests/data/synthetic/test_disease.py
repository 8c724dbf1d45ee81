import numpy as np
import pytest

from vasolib.data.synthetic.disease import narrow
from vasolib.data.synthetic.tree import grow_tree


def diseased(seed: int, count: int = 3):
    rng = np.random.default_rng(seed)
    tree = grow_tree(rng, "left" if seed % 2 else "right", "right")
    return tree, *narrow(rng, tree, count)


@pytest.mark.parametrize("seed", range(30))
def test_severity_and_length_are_those_measured(seed):
    before, after, lesions = diseased(seed)
    assert len(lesions) == 3
    for lesion in lesions:
        healthy, narrowed = before.stretches[lesion.stretch], after.stretches[lesion.stretch]
        loss = 1 - narrowed.radii / healthy.radii
        assert loss.max() == pytest.approx(lesion.severity)
        assert set(np.flatnonzero(loss > 1e-9)) <= set(range(lesion.first + 1, lesion.last))
        steps = np.linalg.norm(np.diff(healthy.points[lesion.first : lesion.last + 1], axis=0), axis=1)
        assert steps.sum() == pytest.approx(lesion.length)
        assert 3 < lesion.length < 45


def test_only_named_wide_stretches_are_narrowed_and_each_once():
    for seed in range(30):
        before, after, lesions = diseased(seed)
        assert len({lesion.stretch for lesion in lesions}) == len(lesions)
        for index, (old, new) in enumerate(zip(before.stretches, after.stretches, strict=True)):
            lesion = next((lesion for lesion in lesions if lesion.stretch == index), None)
            if lesion is None:
                assert new is old
            else:
                assert lesion.segment == old.segment != ""
                assert old.radii[lesion.first : lesion.last + 1].min() >= 0.7


def test_radii_stay_positive():
    for seed in range(30):
        assert all((stretch.radii > 0).all() for stretch in diseased(seed)[1].stretches)


def test_no_more_lesions_than_places_and_none_when_none_are_asked():
    tree, after, lesions = diseased(1, 0)
    assert after is tree and lesions == ()
    assert 3 < len(diseased(1, 1000)[2]) < 100


def test_same_seed_same_lesions():
    assert diseased(5)[2] == diseased(5)[2]
