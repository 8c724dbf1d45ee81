import math

import pytest
import torch
from torch.nn import functional as F

from vasolib.mim import build_encoder
from vasolib.ssl import dino
from vasolib.ssl.dino import DINO, Head, class_token, dino_loss
from vasolib.ssl.momentum import cosine_momentum
from vasolib.training import normalise, seeded


def small_model(**changes) -> DINO:
    options = {"hidden_dim": 64, "bottleneck_dim": 16, "out_dim": 48, "local_crops": 2, **changes}
    with seeded(0):
        return DINO(build_encoder(32, 8, 32, 2, 2), **options)


def two_views(batch: int = 8) -> torch.Tensor:
    """Two shifts of images that differ in their stripes: (2, B, 3, 32, 32)."""
    place = torch.arange(40)
    waves = 127 + 100 * torch.sin(place * (1 + torch.arange(batch)[:, None]) / 4)
    raw = torch.stack([waves[:, None, None, s : s + 32].expand(-1, 1, 32, -1) for s in (0, 5)])
    return normalise(raw.flatten(0, 1).byte(), torch.device("cpu")).unflatten(0, (2, batch))


def loss_of(model: DINO, views: torch.Tensor, progress: float = 0.5, seed: int = 0) -> dict[str, torch.Tensor]:
    weights = torch.ones(views.shape[1], 16)
    return model.loss(views, weights, progress, generator=torch.Generator().manual_seed(seed))


def slow_loss(student: torch.Tensor, target: torch.Tensor) -> float:
    """Both arguments are what `dino_loss` takes."""
    terms = []
    for t, teacher in enumerate(target):
        for s, scores in enumerate(student):
            if s == t:
                continue
            for q, z in zip(teacher, scores, strict=True):
                weights = (z / 0.1 - (z / 0.1).max()).exp()
                terms.append(-float((q * (weights / weights.sum()).log()).sum()))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("crops", [2, 3, 6])
def test_loss_equals_a_loop_over_pairs_of_different_crops(crops: int):
    student, target = torch.randn(crops, 4, 9), torch.randn(2, 4, 9).softmax(dim=-1)
    assert dino_loss(student, target).item() == pytest.approx(slow_loss(student, target), rel=1e-5)


def test_loss_of_indistinct_and_of_agreeing_crops():
    uniform = torch.full((2, 4, 9), 1 / 9)
    assert dino_loss(torch.zeros(4, 4, 9), uniform).item() == pytest.approx(math.log(9), rel=1e-6)
    scores = torch.randn(1, 4, 9)
    agreed = (scores / 0.1).softmax(dim=-1).expand(2, -1, -1)
    entropy = -(agreed * agreed.log()).sum(dim=-1).mean()
    assert dino_loss(scores.expand(5, -1, -1), agreed).item() == pytest.approx(entropy.item(), rel=1e-4)


def identity_crops(monkeypatch, local: torch.Tensor) -> None:
    monkeypatch.setattr(dino, "global_views", lambda views, generator: views.flatten(0, 1))
    monkeypatch.setattr(dino, "local_views", lambda views, count, side, generator: local)


def test_teacher_is_centred_and_sharpened_and_sees_global_views_only(monkeypatch):
    local = torch.randn(16, 3, 16, 16)
    identity_crops(monkeypatch, local)
    model, views = small_model(), two_views()
    model.centre.copy_(0.1 * torch.randn(48))
    centre = model.centre.clone()
    with torch.no_grad():
        for p in model.head.parameters():
            p.add_(0.1 * torch.randn_like(p))  # or teacher and student are the same
        teacher = torch.stack([model.head(model.encoder(view)[:, 0]) for view in views])
        target = ((teacher - centre) / 0.04).softmax(dim=-1)
        student = [model.student_head(model.student(view)[:, 0]) for view in views]
        small = class_token(model.student, local, model.local_positions)
        student = torch.stack([*student, *model.student_head(small).chunk(2)])
        values = loss_of(model, views, progress=1.0)
    assert values["loss"].item() == pytest.approx(slow_loss(student, target), rel=1e-4)
    entropy = -(target * target.log()).nan_to_num().sum(dim=-1).mean()
    assert values["teacher_entropy"].item() == pytest.approx(entropy.item(), rel=1e-3)
    assert torch.allclose(model.centre, 0.9 * centre + 0.1 * teacher.mean(dim=(0, 1)), atol=1e-6)


def test_entropy_of_a_uniform_teacher_is_the_logarithm_of_the_prototypes():
    model = small_model()
    with torch.no_grad():
        for head in (model.head, model.student_head):
            head.prototypes.weight.copy_(torch.ones(48, 16))
    values = loss_of(model, two_views())
    assert values["teacher_entropy"].item() == pytest.approx(math.log(48), rel=1e-5)
    assert values["loss"].item() == pytest.approx(math.log(48), rel=1e-5)


def test_a_crop_of_full_side_passes_as_timm_passes_it():
    encoder, images = build_encoder(32, 8, 32, 2, 2), torch.randn(3, 3, 32, 32)
    ours = class_token(encoder, images, encoder.pos_embed)
    assert torch.allclose(ours, encoder.forward_features(images)[:, 0], atol=1e-5)


def test_positions_of_local_crops_are_interpolated():
    model = small_model()
    assert model.local_side == 16 and model.local_positions.shape == (1, 5, 32)
    assert torch.equal(model.local_positions[:, :1], model.encoder.pos_embed[:, :1])
    grid = model.encoder.pos_embed[0, 1:].T.reshape(1, 32, 4, 4)
    expected = F.interpolate(grid, size=(2, 2), mode="bicubic", align_corners=False)
    assert torch.allclose(model.local_positions[0, 1:].T.reshape(1, 32, 2, 2), expected, atol=1e-5)
    assert "local_positions" not in model.state_dict()


def test_head_scores_are_cosines():
    head, x = Head(32, 64, 16, 48), torch.randn(5, 32)
    scores = head(x)
    for i in range(5):
        expected = torch.cosine_similarity(head.mlp(x[i])[None], head.prototypes.weight)
        assert torch.allclose(scores[i], expected, atol=1e-5)
    with torch.no_grad():
        head.prototypes.weight.mul_(torch.rand(48, 1) + 0.5)
    assert torch.allclose(head(x), scores, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert head(x).dtype == torch.float32


def test_mixed_precision_changes_the_loss_a_little():
    views = two_views()
    full = loss_of(small_model(), views)["loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = loss_of(small_model(), views)["loss"]
    assert mixed.dtype == torch.float32 and abs(mixed - full) < 0.1 * full


def test_gradients_reach_the_student_only():
    model = small_model()
    loss_of(model, two_views())["loss"].backward()
    with_gradient = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    trained = {n for n, p in model.named_parameters() if n.startswith("student")} - {"student.pos_embed"}
    assert {n for n, p in model.named_parameters() if p.requires_grad} == trained == with_gradient
    assert not model.centre.requires_grad


def test_encoder_is_the_teachers_and_the_one_that_was_given():
    encoder = build_encoder(32, 8, 32, 2, 2)
    model = DINO(encoder, 64, 16, 48)
    assert model.encoder is encoder
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), model.student.parameters(), strict=True))
    fresh = build_encoder(32, 8, 32, 2, 2)
    weights = {k.removeprefix("encoder."): v for k, v in model.state_dict().items() if k.startswith("encoder.")}
    fresh.load_state_dict(weights, strict=True)


def test_teacher_follows_the_student_at_the_start_of_a_training_step():
    model, views = small_model(), two_views()
    with torch.no_grad():
        for p in [*model.student.parameters(), *model.student_head.parameters()]:
            p.add_(0.1 * torch.randn_like(p))
    pairs = [(model.encoder, model.student), (model.head, model.student_head)]
    before = [[p.clone() for p in teacher.parameters()] for teacher, _ in pairs]
    centre = model.centre.clone()
    model.eval()
    loss_of(model, views, progress=0.3)
    for old, (teacher, _) in zip(before, pairs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(old, teacher.parameters(), strict=True))
    assert torch.equal(model.centre, centre)
    model.train()
    loss_of(model, views, progress=0.3)
    momentum = cosine_momentum(0.3, 0.996)
    for old, (teacher, student) in zip(before, pairs, strict=True):
        for a, b, c in zip(old, teacher.parameters(), student.parameters(), strict=True):
            assert torch.allclose(b, momentum * a + (1 - momentum) * c, atol=1e-6)
    assert not torch.equal(model.centre, centre)


def test_prototypes_hold_still_at_first():
    model = small_model(frozen_share=0.1)
    loss_of(model, two_views(), progress=0.1)["loss"].backward()
    assert model.student_head.prototypes.weight.grad is None  # so that the optimiser passes it over, decay included
    assert model.student_head.mlp[0].weight.grad.abs().sum() > 0
    loss_of(model, two_views(), progress=0.2)["loss"].backward()
    assert model.student_head.prototypes.weight.grad.abs().sum() > 0


def test_at_least_one_local_crop_is_asked_for():
    with pytest.raises(ValueError, match="local_crops is 0"):
        small_model(local_crops=0)


def step(model: DINO, optimizer: torch.optim.Optimizer, progress: float, seed: int) -> float:
    """Loss of one step on the one batch there is."""
    value = loss_of(model, two_views(), progress, seed)["loss"]
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def train(model: DINO, steps: int) -> list[float]:
    """Losses of a short training."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    return [step(model, optimizer, (i + 1) / steps, seed=i) for i in range(steps)]


def test_loss_falls_under_a_teacher_that_keeps_still():
    model, views = small_model(), two_views()
    with torch.no_grad():
        for seed in range(30):  # the centre settles first: until then the loss rises while the teacher gets less sure
            loss_of(model, views, progress=1.0, seed=seed)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    losses = [step(model, optimizer, progress=1.0, seed=seed) for seed in range(30)]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_same_seeds_same_losses():
    assert train(small_model(), steps=4) == train(small_model(), steps=4)


def test_an_interrupted_training_goes_on_exactly():
    model = small_model()
    train(model, steps=2)
    resumed = DINO(build_encoder(32, 8, 32, 2, 2), 64, 16, 48)
    resumed.load_state_dict(model.state_dict())
    assert loss_of(resumed, two_views())["loss"].item() == loss_of(model, two_views())["loss"].item()
