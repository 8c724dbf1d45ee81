import copy
import math

import pytest
import torch

from vasolib.mim import build_encoder
from vasolib.ssl import moco
from vasolib.ssl.moco import MoCo, info_nce
from vasolib.ssl.momentum import cosine_momentum
from vasolib.training import normalise, seeded

TRAINED_NOT = {"encoder.pos_embed", "encoder.patch_embed.proj.weight", "encoder.patch_embed.proj.bias"}


def small_model() -> MoCo:
    with seeded(0):
        return MoCo(build_encoder(32, 8, 32, 2, 2), hidden_dim=64, out_dim=16)


def two_views(batch: int = 8) -> torch.Tensor:
    """Two shifts of images that differ in their stripes: (2, B, 3, 32, 32)."""
    place = torch.arange(40)
    waves = 127 + 100 * torch.sin(place * (1 + torch.arange(batch)[:, None]) / 4)
    raw = torch.stack([waves[:, None, None, s : s + 32].expand(-1, 1, 32, -1) for s in (0, 5)])
    return normalise(raw.flatten(0, 1).byte(), torch.device("cpu")).unflatten(0, (2, batch))


def loss_of(model: MoCo, views: torch.Tensor, progress: float = 0.5, seed: int = 0) -> dict[str, torch.Tensor]:
    weights = torch.ones(views.shape[1], 16)
    return model.loss(views, weights, progress, generator=torch.Generator().manual_seed(seed))


def slow_info_nce(queries: torch.Tensor, keys: torch.Tensor) -> float:
    total = 0.0
    for i, query in enumerate(queries):
        scores = [float(query @ key / (query.norm() * key.norm())) / 0.2 for key in keys]
        total -= math.log(math.exp(scores[i]) / sum(math.exp(s) for s in scores))
    return 2 * 0.2 * total / len(queries)


def test_info_nce_equals_a_loop_over_queries_and_keys():
    queries, keys = torch.randn(2, 6, 5)
    loss, hits = info_nce(queries, keys)
    assert loss.item() == pytest.approx(slow_info_nce(queries, keys), rel=1e-5)
    nearest = [int(torch.cosine_similarity(q[None], keys).argmax()) for q in queries]
    assert hits.item() == pytest.approx(sum(n == i for i, n in enumerate(nearest)) / 6)


def test_info_nce_of_perfect_and_of_indistinct_features():
    perfect, hits = info_nce(3 * torch.eye(7), torch.eye(7))
    assert perfect.item() == pytest.approx(0.4 * math.log(1 + 6 * math.exp(-5)), rel=1e-5)
    assert hits == 1
    indistinct, _ = info_nce(torch.ones(7, 4), torch.ones(7, 4))
    assert indistinct.item() == pytest.approx(0.4 * math.log(7), rel=1e-6)


def test_info_nce_is_in_full_precision_under_autocast():
    queries, keys = torch.randn(2, 16, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = info_nce(queries, keys)[0]
    assert torch.equal(mixed, info_nce(queries, keys)[0])


def test_loss_is_the_sum_over_both_directions_view_by_view(monkeypatch):
    monkeypatch.setattr(moco, "global_views", lambda views, generator: views.flatten(0, 1))
    model, views = small_model(), two_views()
    with torch.no_grad():
        for parameter in model.momentum_projector.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # or queries' and keys' projectors are the same
        projected = [model.projector(model.encoder(view)[:, 0]) for view in views]
        queries = [model.predictor(p) for p in projected]
        keys = [model.momentum_projector(model.momentum_encoder(view)[:, 0]) for view in views]
        expected = slow_info_nce(queries[0], keys[1]) + slow_info_nce(queries[1], keys[0])
        assert loss_of(model, views, progress=1.0)["loss"].item() == pytest.approx(expected, rel=1e-4)
        assert loss_of(model, views.flip(0), progress=1.0)["loss"].item() == pytest.approx(expected, rel=1e-4)


def test_mixed_precision_changes_the_loss_a_little():
    model, views = small_model(), two_views()
    full = loss_of(model, views)["loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = loss_of(model, views)["loss"]
    assert mixed.dtype == torch.float32 and abs(mixed - full) < 0.1 * full


def test_gradients_reach_the_query_side_only():
    model = small_model()
    loss_of(model, two_views())["loss"].backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    expected = {n for n, _ in model.named_parameters() if not n.startswith("momentum_")} - TRAINED_NOT
    assert {n for n, p in model.named_parameters() if p.requires_grad} == expected
    assert with_gradient == expected


def test_keys_follow_the_queries_at_the_start_of_a_training_step():
    model, views = small_model(), two_views()
    loss_of(model, views)
    pairs = [(model.momentum_encoder, model.encoder), (model.momentum_projector, model.projector)]
    for teacher, student in pairs:
        assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.add_(torch.randn_like(p))
    before = copy.deepcopy([teacher for teacher, _ in pairs])
    momentum = cosine_momentum(0.3, 0.99)
    model.eval()
    loss_of(model, views, progress=0.3)
    for old, (teacher, _) in zip(before, pairs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(old.parameters(), teacher.parameters(), strict=True))
    model.train()
    loss_of(model, views, progress=0.3)
    for old, (teacher, student) in zip(before, pairs, strict=True):
        for a, b, c in zip(old.parameters(), teacher.parameters(), student.parameters(), strict=True):
            assert torch.allclose(b, momentum * a + (1 - momentum) * c, atol=1e-6)


def test_patch_projection_is_drawn_frozen_and_trained_again_in_a_new_encoder():
    model = small_model()
    projection = model.encoder.patch_embed.proj
    bound = math.sqrt(6 / (3 * 8 * 8 + 32))
    assert 0.98 * bound < projection.weight.abs().max() <= bound
    assert not projection.bias.any()
    before = projection.weight.clone()
    train(model, steps=3)
    assert torch.equal(projection.weight, before)
    fresh = build_encoder(32, 8, 32, 2, 2)
    weights = {k.removeprefix("encoder."): v for k, v in model.state_dict().items() if k.startswith("encoder.")}
    fresh.load_state_dict(weights, strict=True)
    assert fresh.patch_embed.proj.weight.requires_grad and torch.equal(fresh.patch_embed.proj.weight, before)


def test_mlps_are_normalised_throughout_and_scaled_everywhere_but_at_the_end():
    model = small_model()
    shapes = {name: [tuple(p.shape) for p in getattr(model, name).parameters()] for name in ("projector", "predictor")}
    assert shapes["projector"] == [(64, 32), (64,), (64,), (64, 64), (64,), (64,), (16, 64)]
    assert shapes["predictor"] == [(64, 16), (64,), (64,), (16, 64)]
    out = model.predictor(torch.randn(50, 16))
    assert torch.allclose(out.mean(dim=0), torch.zeros(16), atol=1e-5)
    assert torch.allclose(out.var(dim=0, unbiased=False), torch.ones(16), atol=1e-2)


def step(model: MoCo, optimizer: torch.optim.Optimizer, progress: float, seed: int) -> float:
    """Loss of one step on the one batch there is."""
    value = loss_of(model, two_views(), progress, seed)["loss"]
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def train(model: MoCo, steps: int) -> list[float]:
    """Losses of a short training."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    return [step(model, optimizer, (i + 1) / steps, seed=i) for i in range(steps)]


def test_loss_falls_below_that_of_guessing(monkeypatch):
    monkeypatch.setattr(moco, "global_views", lambda views, generator: views.flatten(0, 1))
    losses = train(small_model(), steps=30)
    assert losses[-1] < 0.5 * 2 * 0.4 * math.log(8) < losses[0]


def test_same_seeds_same_losses():
    assert train(small_model(), steps=4) == train(small_model(), steps=4)


def test_an_interrupted_training_goes_on_exactly():
    model = small_model()
    train(model, steps=2)
    resumed = MoCo(build_encoder(32, 8, 32, 2, 2), hidden_dim=64, out_dim=16)
    resumed.load_state_dict(model.state_dict())
    assert loss_of(resumed, two_views())["loss"].item() == loss_of(model, two_views())["loss"].item()
