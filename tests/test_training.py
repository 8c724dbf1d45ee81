"""The training loop: repeated or continued runs agree bit for bit."""

import math

import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.transforms import functional as vision

from vasolib import training
from vasolib.orphans import DRIVER
from vasolib.schedule import learning_rate
from vasolib.settings import Recipe
from vasolib.training import fit

CPU = torch.device("cpu")


class Points:
    """Four batches an epoch of points on a noisy line, other points each epoch."""

    def __len__(self) -> int:
        return 4

    def epoch(self, epoch: int):
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(len(self)):
            x = torch.randn(16, 4, generator=generator)
            yield x, x.sum(dim=1, keepdim=True) + 1

    def images(self, epoch: int, step: int) -> list[str]:
        return [f"point {epoch}/{step}/{i}" for i in range(16)]


def small_net(seed: int = 0) -> nn.Module:
    """A network with buffers that training changes (batch norm) and layers that draw (dropout)."""
    with training.seeded(seed):
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))


def square_error(model: nn.Module, fail_at: int | None = None):
    """A loss that draws from its generator, and raises on its `fail_at`-th call."""
    calls = []

    def loss_fn(batch, progress, generator):
        calls.append(progress)
        if len(calls) == fail_at:
            raise KeyboardInterrupt
        x, y = batch
        noise = 0.1 * torch.randn(x.shape, generator=generator)
        return {"loss": (model(x + noise).float() - y).square().mean(), "size": torch.tensor(float(len(x)))}

    loss_fn.calls = calls
    return loss_fn


def run(tmp_path, epochs: int = 4, seed: int = 0, lr: float = 0.02):
    model = small_net()
    recipe = Recipe(epochs=epochs, batch_size=16, lr=lr)
    state = tmp_path / "s.pt"
    table = fit(model, square_error(model), Points(), recipe, seed=seed, state=state, name="run")
    training.forget(state)
    return model, table


def equal(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_loss_falls_and_the_table_has_a_row_per_epoch(tmp_path):
    _, table = run(tmp_path, epochs=8)
    assert list(table.columns) == ["epoch", "lr", "loss", "size"]
    assert table["epoch"].tolist() == list(range(1, 9))
    assert (table["size"] == 16).all()
    assert table["loss"].iloc[-1] < 0.6 * table["loss"].iloc[0]
    recipe = Recipe(epochs=8, batch_size=16, lr=0.02)
    last_steps = [learning_rate(recipe, (e + 3 / 4) / 8) for e in range(8)]
    assert table["lr"].tolist() == pytest.approx(last_steps)


def test_same_seed_same_bits_other_seed_other_bits(tmp_path):
    first, table = run(tmp_path, seed=3)
    torch.rand(5)
    second, again = run(tmp_path, seed=3)
    other, _ = run(tmp_path, seed=4)
    assert equal(first, second)
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    assert not equal(first, other)


def test_both_random_streams_are_new_in_each_epoch_and_for_each_seed(tmp_path):
    model, drawn = nn.Linear(4, 1), []

    def drawing(batch, progress, generator):
        drawn.append((torch.rand(1).item(), torch.rand(1, generator=generator).item()))
        return {"loss": model(batch[0]).mean()}

    recipe = Recipe(epochs=3, batch_size=16, lr=0.02)
    for seed in (0, 1):
        fit(model, drawing, Points(), recipe, seed=seed, state=tmp_path / f"{seed}.pt", name="run")
    assert len(drawn) == 24
    assert all(len(set(stream)) == 24 for stream in zip(*drawn, strict=True))


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "SAVE_EVERY", -1)
    whole, table = run(tmp_path)
    state = tmp_path / "run.pt"
    recipe = Recipe(epochs=4, batch_size=16, lr=0.02)
    first = small_net()
    with pytest.raises(KeyboardInterrupt):  # in the third epoch, after one of its steps
        fit(first, square_error(first, fail_at=10), Points(), recipe, seed=0, state=state, name="run")
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    second = small_net(seed=9)
    loss_fn = square_error(second)
    continued = fit(second, loss_fn, Points(), recipe, seed=0, state=state, name="run")
    assert loss_fn.calls == [0.75] * 4 + [1.0] * 4
    assert "continuing after epoch 2 from run.pt" in capsys.readouterr().out
    assert equal(whole, second)
    pd.testing.assert_frame_equal(table, continued, check_exact=True)
    training.forget(state)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("takes", "saves"), [(0.0, 12), (3.0, 5)])
def test_saving_takes_a_small_part_of_the_time(tmp_path, monkeypatch, takes: float, saves: int):
    """Epochs of two seconds on a made-up clock: a state after each, or the less often the longer one takes."""
    clock, done = [0.0], []

    def passing(seconds: float):
        clock[0] += seconds

    def save(*_):
        passing(takes)
        done.append(clock[0])

    model = small_net()

    def loss_fn(batch, progress, generator):
        passing(0.5)
        return {"loss": model(batch[0]).mean()}

    monkeypatch.setattr(training, "SAVE_EVERY", 1.5)
    monkeypatch.setattr(training.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(training, "save", save)
    fit(model, loss_fn, Points(), Recipe(epochs=12, batch_size=16, lr=0.1), seed=0, state=tmp_path / "s", name="run")
    assert len(done) == saves


@pytest.mark.parametrize(("device", "native"), [("cuda", False), ("cuda", True), ("cpu", False), ("cpu", True)])
def test_bfloat16_is_chosen_only_where_the_hardware_computes_in_it(monkeypatch, device: str, native: bool):
    """Older GPUs emulate it, which is slower than float32."""
    emulated = {"is_bf16_supported": lambda including_emulation=True: including_emulation or native}
    monkeypatch.setattr(torch.cuda, *next(iter(emulated.items())))
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    if native and device == "cpu":
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert training.precision(torch.device(device)) == ("bf16" if native else "fp32")


def test_a_finished_run_is_not_trained_again_until_it_is_forgotten(tmp_path, capsys, monkeypatch):
    state, recipe = tmp_path / "run.pt", Recipe(epochs=4, batch_size=16, lr=0.02)
    models, tables, calls = [], [], []
    for _ in range(2):
        models.append(small_net())
        loss_fn = square_error(models[-1])
        tables.append(fit(models[-1], loss_fn, Points(), recipe, seed=0, state=state, name="run"))
        calls.append(len(loss_fn.calls))
    assert calls == [16, 0] and equal(*models)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert "continuing after epoch 4 from run.pt" in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setenv(DRIVER, "1")
        training.forget(state)
        assert state.exists()  # the driver will do so
    training.forget(state, tmp_path / "that was never there")
    loss_fn = square_error(models[1])
    fit(models[1], loss_fn, Points(), recipe, seed=0, state=state, name="run")
    assert len(loss_fn.calls) == 16


def test_a_short_run_writes_no_state(tmp_path):
    model = small_net()
    recipe = Recipe(epochs=4, batch_size=16, lr=0.02)
    loss_fn = square_error(model, fail_at=10)
    with pytest.raises(KeyboardInterrupt):
        fit(model, loss_fn, Points(), recipe, seed=0, state=tmp_path / "s.pt", name="run")
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_breaks_off_leaves_the_state_before_it(tmp_path, monkeypatch):
    model = small_net()
    optimizer = torch.optim.AdamW(model.parameters())
    state = tmp_path / "s.pt"
    training.save(state, model, optimizer, [{"epoch": 1}])
    before = state.read_bytes()

    def broken_save(value, file):
        file.write(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", broken_save)
        with pytest.raises(OSError, match="disk full"):
            training.save(state, model, optimizer, [{"epoch": 1}, {"epoch": 2}])
    assert state.read_bytes() == before
    assert training.restore(state, model, optimizer, CPU) == [{"epoch": 1}]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_last_good_state(tmp_path, value, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", -1)
    model, state = nn.Linear(4, 1), tmp_path / "s.pt"
    recipe = Recipe(epochs=4, batch_size=16, lr=0.02)
    calls = []

    def loss_fn(batch, progress, generator):
        calls.append(progress)
        return {"loss": model(batch[0]).mean() * (value if len(calls) > 10 else 1)}

    with pytest.raises(
        FloatingPointError, match=r"run: loss \S+, norm \S+ .* in epoch 3, step 3.*lower lr \(now 0.02\)"
    ):
        fit(model, loss_fn, Points(), recipe, seed=0, state=state, name="run")
    listed = pd.read_csv(tmp_path / "s-suspects.csv")
    assert listed["image"].tolist() == Points().images(2, 2)
    assert (listed["epoch"] == 3).all() and (listed["step"] == 3).all()
    good = nn.Linear(4, 1)
    rows = training.restore(state, good, torch.optim.AdamW(training.decay_groups(good, 0.05)), CPU)
    assert len(rows) == 2 and all(p.isfinite().all() for p in good.parameters())


def test_a_gradient_that_is_no_number_stops_the_run(tmp_path):
    model = nn.Linear(4, 1)

    def loss_fn(batch, progress, generator):
        return {"loss": (model(batch[0]) * 0).square().mean().sqrt()}  # its value is 0, its derivative 0 / 0

    with pytest.raises(FloatingPointError, match=r"loss 0, norm of the gradients nan in epoch 1, step 1"):
        fit(
            model,
            loss_fn,
            Points(),
            Recipe(epochs=2, batch_size=16, lr=0.02),
            seed=0,
            state=tmp_path / "s.pt",
            name="run",
        )


def test_weight_decay_shrinks_matrices_only_and_by_the_schedule(tmp_path):
    model = small_net()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    recipe = Recipe(epochs=3, batch_size=16, lr=0.1, weight_decay=0.5, warmup=0.25)

    def no_gradient(batch, progress, generator):
        return {"loss": sum(p.sum() for p in model.parameters()) * 0}

    fit(model, no_gradient, Points(), recipe, seed=0, state=tmp_path / "s.pt", name="run")
    left = math.prod(1 - 0.5 * learning_rate(recipe, step / 12) for step in range(12))
    assert left < 0.9
    for name, p in model.named_parameters():
        want = before[name] * left if p.ndim > 1 else before[name]
        assert torch.allclose(p, want, rtol=1e-5), name


def test_frozen_parameters_are_never_touched(tmp_path):
    model = small_net()
    model[0].requires_grad_(False)
    before = [p.detach().clone() for p in model.parameters()]
    recipe = Recipe(epochs=2, batch_size=16, lr=0.02, weight_decay=0.5)
    fit(model, square_error(model), Points(), recipe, seed=0, state=tmp_path / "s.pt", name="run")
    same = [torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True)]
    assert same == [True, True, False, False, False, False]
    groups = training.decay_groups(model, 0.5)
    assert sum(len(group["params"]) for group in groups) == 4


def test_training_mode_is_on_in_every_epoch(tmp_path):
    model = small_net()
    loss_fn, modes = square_error(model), []

    def watching(batch, progress, generator):
        modes.append(model.training)
        values = loss_fn(batch, progress, generator)
        model.eval()
        return values

    recipe = Recipe(epochs=3, batch_size=16, lr=0.02)
    fit(model.eval(), watching, Points(), recipe, seed=0, state=tmp_path / "s.pt", name="run")
    assert modes[::4] == [True] * 3


def test_seeded_gives_the_global_generator_back():
    torch.manual_seed(0)
    want = torch.rand(3)
    torch.manual_seed(0)
    with training.seeded(1, 2):
        inside = torch.rand(3)
    assert torch.equal(torch.rand(3), want)
    with training.seeded(1, 2):
        assert torch.equal(torch.rand(3), inside)
    with training.seeded(2, 1):
        assert not torch.equal(torch.rand(3), inside)


def test_a_failing_block_gives_the_global_generator_back_too():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), training.seeded(1):
        raise KeyError(torch.rand(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_mixed_seeds_do_not_collide():
    seeds = {training.mix(seed, epoch) for seed in range(100) for epoch in range(100)}
    assert len(seeds) == 10_000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_normalise_replicates_and_standardises():
    images = torch.randint(0, 256, (2, 1, 5, 7), generator=torch.Generator().manual_seed(0)).byte()
    want = vision.normalize(images.expand(-1, 3, -1, -1).float() / 255, training.IMAGENET_MEAN, training.IMAGENET_STD)
    got = training.normalise(images, CPU)
    assert got.dtype == torch.float32
    assert torch.allclose(got, want, atol=1e-6)
    black = training.normalise(torch.zeros(1, 1, 1, 1).byte(), CPU).flatten()
    assert torch.allclose(black, torch.tensor([-2.1179, -2.0357, -1.8044]), atol=1e-4)


@pytest.mark.parametrize("epochs", [1, 7, 40, 41, 100, 1000])
def test_about_forty_lines_a_run_and_always_the_last(epochs, capsys):
    for epoch in range(1, epochs + 1):
        training.report_progress("arm", {"epoch": epoch, "lr": 0.1, "loss": 0.25}, epochs, 0.5, 10)
    lines = capsys.readouterr().out.splitlines()
    assert min(epochs, 20) <= len(lines) <= 41
    assert lines[-1] == f"arm epoch {epochs}/{epochs} loss 0.2500 | 20.0 steps/s, 0 s left"


def test_progress_tells_the_time_left(capsys):
    training.report_progress("arm", {"epoch": 3, "lr": 0.1, "loss": 0.25}, 10, 2.0, 8)
    assert capsys.readouterr().out.endswith("| 4.0 steps/s, 14 s left\n")
