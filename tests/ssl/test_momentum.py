import math

import pytest
import torch
from torch import nn

from vasolib.ssl.momentum import cosine_momentum, momentum_copy, update_momentum


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_copy_is_equal_untrained_and_of_its_own():
    student = network()
    teacher = momentum_copy(student)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    with torch.no_grad():
        student[0].weight.add_(1)
    assert not torch.equal(teacher[0].weight, student[0].weight)


def test_update_is_the_moving_average_of_parameters_and_copies_buffers():
    teacher, student = momentum_copy(network()), network()
    student(torch.randn(8, 3))  # moves the running statistics and the count of batches, an integer
    before = [p.clone() for p in teacher.parameters()]
    update_momentum(teacher, student, 0.9)
    for old, new, other in zip(before, teacher.parameters(), student.parameters(), strict=True):
        assert torch.allclose(new, 0.9 * old + 0.1 * other, atol=1e-7)
    assert all(torch.equal(a, b) for a, b in zip(teacher.buffers(), student.buffers(), strict=True))
    assert teacher[1].num_batches_tracked == 1


@pytest.mark.parametrize("momentum", [0.0, 0.37, 0.996, 1.0])
def test_updating_towards_an_equal_student_changes_no_bit(momentum: float):
    student = network()
    teacher = momentum_copy(student)
    update_momentum(teacher, student, momentum)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))


def test_extremes_of_the_momentum_copy_and_keep():
    student = network()
    teacher = momentum_copy(network())
    old = teacher[0].weight.clone()
    update_momentum(teacher, student, 1.0)
    assert torch.equal(teacher[0].weight, old)
    update_momentum(teacher, student, 0.0)
    assert torch.equal(teacher[0].weight, student[0].weight)


def test_update_builds_no_graph():
    student = network()
    teacher = momentum_copy(student)
    update_momentum(teacher, student, 0.5)
    assert not any(p.requires_grad or p.grad_fn for p in teacher.parameters())


def test_modules_built_differently_are_refused():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        update_momentum(nn.Linear(3, 4), nn.Linear(3, 4, bias=False), 0.5)


def test_cosine_momentum_at_start_middle_and_end():
    assert cosine_momentum(0.0, 0.99) == pytest.approx(0.99)
    assert cosine_momentum(0.5, 0.99) == pytest.approx(0.995)
    assert cosine_momentum(1.0, 0.99) == 1.0
    assert cosine_momentum(0.25, 0.9) == pytest.approx(1 - 0.05 * (1 + math.sqrt(0.5)))
