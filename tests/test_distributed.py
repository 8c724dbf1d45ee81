"""Parts of a batch: together they are the whole, in draws, sums, gradients and a training."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from tests.several_processes import together
from tests.test_training import Points, equal, small_net, square_error
from vasolib import distributed, training
from vasolib.batchnorm import BatchNorm1d
from vasolib.distributed import batch_rand, batch_randn, own_rows
from vasolib.errors import UserError
from vasolib.settings import Recipe


def as_process(monkeypatch: pytest.MonkeyPatch, number: int, count: int) -> None:
    """Let the module believe that it is one of several processes."""
    monkeypatch.setattr(distributed, "rank", lambda: number)
    monkeypatch.setattr(distributed, "processes", lambda: count)


def test_one_process_draws_as_torch_does():
    ours, theirs = (torch.Generator().manual_seed(0) for _ in range(2))
    assert torch.equal(batch_rand(4, 3, generator=ours), torch.rand(4, 3, generator=theirs))
    assert torch.equal(batch_rand(2, 5, dim=1, views=5, generator=ours), torch.rand(2, 5, generator=theirs))
    assert torch.equal(batch_randn(5, 4, generator=ours), torch.randn(5, 4, generator=theirs))
    want = torch.empty(7).uniform_(-1, 3, generator=theirs)
    assert torch.equal(batch_rand(7, bounds=(-1, 3), generator=ours), want)


@pytest.mark.parametrize("views", [1, 3])
def test_each_process_draws_its_images_rows_of_each_view(monkeypatch: pytest.MonkeyPatch, views: int):
    whole = batch_rand(2, views * 4, 5, dim=1, views=views, generator=torch.Generator().manual_seed(1))
    parts, ends = [], []
    for number in range(2):
        as_process(monkeypatch, number, 2)
        generator = torch.Generator().manual_seed(1)
        parts.append(batch_rand(2, views * 2, 5, dim=1, views=views, generator=generator))
        ends.append(torch.rand(1, generator=generator))
    assert torch.equal(torch.cat([p.view(2, views, 2, 5) for p in parts], dim=2), whole.view(2, views, 4, 5))
    assert torch.equal(*ends)  # the generators stay together


def test_normal_draws_are_rows_of_the_whole(monkeypatch: pytest.MonkeyPatch):
    whole, parts = batch_randn(6, 7, generator=torch.Generator().manual_seed(1)), []
    for number in range(3):
        as_process(monkeypatch, number, 3)
        parts.append(batch_randn(2, 7, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.cat(parts), whole)


def test_rows_of_all_processes_are_the_batch(monkeypatch: pytest.MonkeyPatch):
    batch, parts = list(range(12)), []
    assert own_rows(batch) == batch
    for number in range(3):
        as_process(monkeypatch, number, 3)
        parts += own_rows(batch)
    assert parts == batch
    with pytest.raises(UserError, match="batch of 10 cannot be divided among 3 processes"):
        own_rows(batch[:10])


def sums() -> tuple:
    """Total, mean, gathered values and the gradient of a loss of which every process has another part."""
    number = distributed.rank()
    x = torch.tensor([1.0, 2.0 * number], requires_grad=True)
    ((number + 1) * distributed.total(x.square()).prod()).backward()
    values = distributed.total(x), distributed.mean(x), distributed.gather(x)
    return *(value.detach() for value in values), x.grad, distributed.is_first()


def test_sums_over_processes_and_their_gradients():
    first, second = together(2, sums)
    for total, mean, gathered, _, _ in (first, second):
        assert total.tolist() == [2, 2] and mean.tolist() == [1, 1]
        assert gathered.tolist() == [[1, 0], [1, 2]]
    # both losses, 1 and 2 times (1 + 1)(0 + 4), depend on every process's x
    assert first[3].tolist() == [3 * 4 * 2, 0] and second[3].tolist() == [3 * 4 * 2, 3 * 2 * 4]
    assert [first[4], second[4]] == [True, False]


class Part(Points):
    """What a process reads of `Points`."""

    def epoch(self, epoch: int):
        for x, y in super().epoch(epoch):
            share = slice(distributed.rank() * len(x) // distributed.processes(), None)
            size = len(x) // distributed.processes()
            yield x[share][:size], y[share][:size]


def network() -> nn.Module:
    """With batch normalisation, and a layer that no step uses."""
    with training.seeded(0):
        model = nn.Sequential(nn.Linear(4, 8, bias=False), BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        model.unused = nn.Linear(3, 3)
    return model


def loss_of(model: nn.Module):
    """Squared error on noisy points."""

    def loss_fn(batch, progress, generator):
        x, y = batch
        noise = 0.1 * batch_randn(*x.shape, generator=generator)
        for layer in model[:4]:
            x = layer(x + noise if layer is model[0] else x)
        return {"loss": (x.float() - y).square().mean()}

    return loss_fn


def fitted(folder: str, epochs: int, stop: int | None = None) -> tuple:
    """The table and the weights after so many epochs; `stop`: interrupted in this one, after what was saved."""
    training.SAVE_EVERY = -1
    training.precision = lambda device: "fp32"
    model, recipe = network(), Recipe(epochs=epochs, batch_size=16, lr=0.02)
    points = Part()
    if stop is not None:
        whole = points.epoch
        points.epoch = lambda epoch: whole(epoch) if epoch < stop else (_ for _ in ()).throw(KeyboardInterrupt)
    table = None
    with suppress(KeyboardInterrupt):
        table = training.fit(model, loss_of(model), points, recipe, seed=0, state=Path(folder, "s.pt"), name="run")
    return table, {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `fitted` sets of the training loop is set back."""
    monkeypatch.setattr(training, "SAVE_EVERY", 0)
    monkeypatch.setattr(training, "precision", training.precision)


def same_training(one: tuple, other: tuple) -> None:
    pd.testing.assert_frame_equal(one[0], other[0], rtol=1e-4)
    for name, value in one[1].items():
        assert torch.allclose(value, other[1][name], atol=2e-4), name


@pytest.mark.usefixtures("plain")
def test_two_processes_train_as_one_and_agree(tmp_path, tmp_path_factory):
    want = fitted(str(tmp_path_factory.mktemp("alone")), 3)
    first, second = together(2, fitted, str(tmp_path), 3)
    same_training(want, first)
    pd.testing.assert_frame_equal(first[0], second[0], check_exact=True)
    assert all(torch.equal(value, second[1][name]) for name, value in first[1].items())
    assert torch.equal(first[1]["unused.weight"], want[1]["unused.weight"])


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 2)])
def test_a_run_goes_on_with_another_number_of_processes(tmp_path, tmp_path_factory, before: int, after: int):
    want = fitted(str(tmp_path_factory.mktemp("alone")), 4)

    def run(count: int, *arguments) -> tuple:
        return fitted(*arguments) if count == 1 else together(count, fitted, *arguments)[0]

    run(before, str(tmp_path), 4, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["s.pt"]
    got = run(after, str(tmp_path), 4)
    same_training(want, got)


def fit_elsewhere(folder: str) -> str:
    """What is said where each process looks into a folder of its own."""
    try:
        fitted(f"{folder}/{distributed.rank()}", 4)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.usefixtures("plain")
def test_processes_that_find_different_states_refuse(tmp_path):
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
    fitted(str(tmp_path / "0"), 4, 2)
    for message in together(2, fit_elsewhere, str(tmp_path)):
        assert "processes found different states" in message and "one folder" in message


def test_a_single_process_is_no_group(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    with distributed.process_group():
        assert (distributed.processes(), distributed.rank()) == (1, 0) and distributed.is_first()
    assert signal.getsignal(signal.SIGTERM) is handler
    model = small_net()
    loss_fn = square_error(model)
    assert distributed.synchronised(model, loss_fn) is loss_fn
    assert equal(model, small_net()) and "RANK" not in os.environ
