"""Statistics of parts of a batch, equal to torch's layers on the whole batch."""

import pytest
import torch
from torch import Tensor, nn

from tests.several_processes import together
from vasolib import batchnorm, distributed

SHAPES = {"BatchNorm1d": (6, 5), "BatchNorm2d": (6, 5, 4, 3)}


def data(kind: str) -> tuple[Tensor, Tensor]:
    """Values far from zero, whose parts differ much, and weights of a loss."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SHAPES[kind], generator=generator) + torch.arange(6.0).view(-1, *[1] * (len(SHAPES[kind]) - 1)) + 50
    return x, torch.randn(SHAPES[kind], generator=generator)


def steps(layer: nn.Module, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Output, gradients and running statistics after two steps in training, and the output in evaluation mode."""
    x = x.clone().requires_grad_()
    for _ in range(2):
        out = layer(x)
    (out * weights).sum().backward()
    values = {"out": out.detach(), "input": x.grad, "evaluated": layer.eval()(x).detach(), **layer.state_dict()}
    return values | {name: p.grad for name, p in layer.named_parameters()}


def built(module: object, kind: str, affine: bool) -> nn.Module:
    layer = getattr(module, kind)(5, affine=affine)
    if affine:
        nn.init.uniform_(layer.weight, 0.5, 2.0, generator=torch.Generator().manual_seed(1))
    return layer


def part(kind: str, affine: bool) -> dict[str, Tensor]:
    return steps(built(batchnorm, kind, affine), *(distributed.own_rows(x) for x in data(kind)))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", SHAPES)
def test_three_processes_are_one_batch(kind: str, affine: bool):
    want = steps(built(nn, kind, affine), *data(kind))
    parts = together(3, part, kind, affine)
    for name in ("out", "input", "evaluated"):
        assert torch.allclose(torch.cat([p[name] for p in parts]), want[name], atol=1e-4), name
    for name in set(want) - {"out", "input", "evaluated"}:
        got = sum(p[name] for p in parts) if name in ("weight", "bias") else parts[0][name]
        assert torch.allclose(got.to(want[name].dtype), want[name], atol=1e-3), name
        assert torch.equal(parts[0][name], parts[2][name]) or name in ("weight", "bias"), name


def half() -> torch.dtype:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return batchnorm.BatchNorm2d(5)(data("BatchNorm2d")[0].bfloat16()).dtype


def test_the_precision_is_the_inputs():
    assert together(2, half) == [half()] * 2 == [torch.bfloat16] * 2


@pytest.mark.parametrize("kind", SHAPES)
def test_one_process_gets_torchs_own_bits(kind: str):
    want, got = (steps(built(module, kind, True), *data(kind)) for module in (nn, batchnorm))
    assert all(torch.equal(got[name], value) for name, value in want.items())
