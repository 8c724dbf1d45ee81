"""Learning rates in closed form."""

import pytest

from vasolib.schedule import learning_rate, polynomial, warmup_cosine
from vasolib.settings import Recipe


def test_cosine_at_its_corners():
    assert warmup_cosine(0, 0.1) == 0
    assert warmup_cosine(0.05, 0.1) == pytest.approx(0.5)
    assert warmup_cosine(0.1, 0.1) == 1
    assert warmup_cosine(0.55, 0.1) == pytest.approx(0.5)
    assert warmup_cosine(1, 0.1) == pytest.approx(0)
    assert warmup_cosine(0, 0.0) == 1


@pytest.mark.parametrize("epochs", [1, 20, 22, 50, 100])
def test_polynomial_is_constant_within_every_epoch(epochs):
    steps = 7
    for epoch in range(epochs):
        want = (1 - epoch / epochs) ** 0.9
        for step in range(steps):
            assert polynomial((epoch + step / steps) / epochs, epochs) == pytest.approx(want)


def test_learning_rate_scales_its_schedule():
    cosine = Recipe(epochs=10, batch_size=1, lr=0.3, warmup=0.2)
    stepped = Recipe(epochs=10, batch_size=1, lr=0.3, schedule="polynomial")
    assert [learning_rate(cosine, p) for p in (0, 0.2, 1)] == pytest.approx([0, 0.3, 0])
    assert [learning_rate(stepped, p) for p in (0, 0.55, 0.99)] == pytest.approx([0.3, 0.3 * 0.5**0.9, 0.3 * 0.1**0.9])
