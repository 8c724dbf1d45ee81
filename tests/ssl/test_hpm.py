import math

import pytest
import torch

from vasolib import mim
from vasolib.ssl import hpm
from vasolib.training import seeded


def small_model(momentum: float = 0.999) -> hpm.HPM:
    with seeded(0):
        return hpm.HPM(mim.build_encoder(32, 8, 32, 2, 2), 16, 1, 2, 0.75, True, momentum)


def small_batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    return torch.rand(1, 3, 3, 32, 32, generator=draw), torch.rand(3, 16, generator=draw)


def weights_of(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize(("patches", "alpha", "hard"), [(196, 0.5, 73), (64, 0.5, 24), (16, 0.3, 3), (16, 1.0, 12)])
def test_masking_equals_a_slow_loop(patches, alpha, hard):
    difficulty = torch.rand(4, patches, generator=torch.Generator().manual_seed(1))
    masked = hpm.hard_masking(difficulty, 0.75, alpha, generator=torch.Generator().manual_seed(2))
    noise = torch.rand(2, 4, patches, generator=torch.Generator().manual_seed(2))[1]
    kept = int(patches * 0.25)
    for b in range(4):
        hardest = sorted(range(patches), key=lambda i: difficulty[b, i].item())[patches - hard :]
        others = sorted(set(range(patches)) - set(hardest), key=lambda i: noise[b, i].item())
        assert set(masked.idx_keep[b].tolist()) == set(others[:kept])
        assert set(masked.idx_mask[b].tolist()) == set(others[kept:]) | set(hardest)


def test_the_hardest_are_hidden_and_all_others_alike(generator):
    difficulty = torch.arange(16.0).expand(4000, -1)
    masked = hpm.hard_masking(difficulty, 0.75, 0.5, generator=generator)
    assert masked.mask[:, 10:].all()
    assert torch.allclose(masked.mask[:, :10].mean(dim=0), torch.tensor(0.6), atol=0.04)


def test_masks_are_a_partition_and_start_at_random(generator):
    difficulty = torch.arange(16.0).expand(4000, -1)
    masked = hpm.hard_masking(difficulty, 0.75, 0.0, generator=generator)
    order = torch.cat(masked, dim=1).sort(dim=1).values
    assert torch.equal(order, torch.arange(16).expand(4000, -1)) and masked.idx_keep.shape == (4000, 4)
    assert torch.allclose(masked.mask.mean(dim=0), torch.tensor(0.75), atol=0.04)


def test_masks_grow_harder_over_training(monkeypatch, generator):
    model, (views, weights) = small_model(), small_batch()
    alphas = []

    def spy(difficulty, mask_ratio, alpha, *, generator):
        alphas.append(alpha)
        return hpm.guided_masking(torch.zeros_like(difficulty), mask_ratio, 0.0, generator=generator)

    monkeypatch.setattr(hpm, "hard_masking", spy)
    for epoch in range(5):
        model.loss(views, weights, (epoch + 1) / 5, generator=generator)
    assert alphas == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_ranking_equals_a_slow_double_loop():
    draw = torch.Generator().manual_seed(3)
    prediction, target = torch.randn(2, 6, generator=draw), torch.rand(2, 6, generator=draw)
    target[0, 1] = target[0, 4]  # a tie is no pair
    total, pairs = 0.0, 0
    for b in range(2):
        for i in range(6):
            for j in range(6):
                if target[b, i] == target[b, j]:
                    continue
                probability = 1 / (1 + math.exp(-(prediction[b, i] - prediction[b, j]).item()))
                total -= math.log(probability if target[b, i] > target[b, j] else 1 - probability)
                pairs += 1
    assert pairs == 2 * 30 - 2
    assert hpm.ranking_loss(prediction, target).item() == pytest.approx(total / pairs, rel=1e-5)


def test_ranking_sees_the_order_only():
    target = torch.tensor([[0.1, 0.5, 0.2, 3.0]])
    guess = torch.tensor([[1.0, 3.0, 2.0, 9.0]])
    assert torch.equal(hpm.ranking_loss(guess, target), hpm.ranking_loss(guess + 7, target.exp()))
    assert torch.isclose(hpm.ranking_loss(torch.zeros(1, 4), target), torch.tensor(2.0).log())
    assert hpm.ranking_loss(100 * guess, target) < 1e-6 < hpm.ranking_loss(-guess, target)
    assert hpm.ranking_loss(guess, torch.ones(1, 4)) == 0
    assert torch.isfinite(hpm.ranking_loss(-1e4 * guess, target))


def test_errors_are_those_of_the_masked_autoencoder():
    model, (views, _) = small_model(), small_batch()
    masked = hpm.hard_masking(torch.rand(3, 16), 0.75, 0.5, generator=torch.Generator().manual_seed(1))
    errors, predicted = model.errors(views[0], masked)
    expected = mim.reconstruction_loss(model(views[0], masked), views[0], masked.mask, norm_pix_loss=True)
    assert errors.shape == predicted.shape == (3, 12)
    assert torch.isclose(errors.mean(), expected, rtol=1e-5)


def test_the_teacher_sees_the_whole_image_and_starts_as_the_student():
    model, (views, _) = small_model(), small_batch()
    everything = torch.arange(16).expand(3, -1)
    tokens = model.decoder_embed(model.encode(views[0], everything)) + model.decoder_pos_embed
    expected = model.loss_predictor(tokens)[:, 1:, 0]
    assert torch.allclose(model.difficulty(views[0]), expected, atol=1e-5)


def test_the_mask_follows_the_teacher(monkeypatch):
    model, (views, weights) = small_model(), small_batch()
    difficulty = torch.rand(3, 16, generator=torch.Generator().manual_seed(8))
    monkeypatch.setattr(model, "difficulty", lambda images: difficulty)
    seen = []
    monkeypatch.setattr(model, "errors", lambda images, masked: seen.append(masked) or (torch.rand(3, 12),) * 2)
    model.loss(views, weights, 1.0, generator=torch.Generator().manual_seed(1))
    assert seen[0].mask.gather(1, difficulty.topk(6, dim=1).indices).all()


def test_each_loss_reaches_its_own_decoder_and_both_the_encoder():
    model, (views, _) = small_model(), small_batch()
    masked = hpm.hard_masking(torch.rand(3, 16), 0.75, 0.5, generator=torch.Generator().manual_seed(1))

    def touched(name: str) -> set[str]:
        model.zero_grad()
        errors, predicted = model.errors(views[0], masked)
        (errors.mean() if name == "reconstruction" else hpm.ranking_loss(predicted, errors.detach())).backward()
        return {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}

    shared = {"encoder", "decoder_embed", "mask_token"}
    assert touched("reconstruction") == shared | {"decoder_blocks", "decoder_norm", "decoder_pred"}
    assert touched("ranking") == shared | {"loss_predictor"}


@pytest.mark.parametrize("enabled", [False, True])
def test_every_weight_but_the_teachers_learns(enabled, generator):
    model, (views, weights) = small_model(), small_batch()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
        values = model.loss(views, weights, 0.9, generator=generator)
    values["loss"].backward()
    for name, p in model.named_parameters():
        assert (p.grad is not None and p.grad.any().item()) == p.requires_grad, name
        assert not (name.startswith("teacher.") and p.requires_grad)
    assert all(value.dtype == torch.float32 for value in values.values())


def test_the_reconstructor_gets_no_gradient_from_the_ranking(generator):
    # With the sum of both losses, the reconstructor's gradient is that of the reconstruction alone.
    model, (views, weights) = small_model(), small_batch()
    values = model.loss(views, weights, 0.9, generator=generator)
    parameters = list(model.decoder_pred.parameters())
    both = torch.autograd.grad(values["loss"], parameters, retain_graph=True)
    alone = torch.autograd.grad(values["reconstruction"], parameters)
    assert all(torch.equal(a, b) for a, b in zip(both, alone, strict=True))
    assert torch.isclose(values["loss"], values["reconstruction"] + values["ranking"])


def test_the_teacher_follows_in_training_only(generator):
    model, (views, weights) = small_model(momentum=0.9), small_batch()
    before = weights_of(model.teacher)
    model.loss(views, weights, 0.5, generator=generator)
    assert torch.allclose(weights_of(model.teacher), before)  # student and teacher are equal at the first step
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.add_(1.0)
    model.eval().loss(views, weights, 0.5, generator=generator)
    assert torch.allclose(weights_of(model.teacher), before)
    model.train().loss(views, weights, 0.5, generator=generator)
    fixed = model.encoder.pos_embed.numel()  # positions are not trained
    moved = weights_of(model.teacher) - before
    assert torch.isclose(moved.sum(), torch.tensor(0.1 * (len(moved) - fixed)), rtol=1e-3)
    assert moved.max() <= 0.1 + 1e-5


def test_same_generator_same_loss():
    model, (views, weights) = small_model(), small_batch()
    ours, again, other = (
        model.loss(views, weights, 0.9, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(ours["loss"], again["loss"]) and not torch.equal(ours["loss"], other["loss"])


def test_an_interrupted_model_goes_on_with_its_teacher(generator):
    model, (views, weights) = small_model(momentum=0.5), small_batch()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model.loss(views, weights, 0.9, generator=generator)["loss"].backward()
        optimiser.step()
    again = small_model(momentum=0.5)
    again.load_state_dict(model.state_dict(), strict=True)
    assert not torch.equal(weights_of(model.teacher["encoder"]), weights_of(model.encoder))
    losses = [m.loss(views, weights, 0.9, generator=torch.Generator().manual_seed(1))["loss"] for m in (model, again)]
    assert torch.equal(*losses)


def test_the_predictor_learns_to_order_the_errors(generator):
    # Half of each image is flat: its normalised patches are zero and easy, the others noise and hard.
    model = small_model()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)
    for _ in range(30):
        images = torch.rand(4, 3, 32, 32, generator=generator)
        images[:, :, :16] = 0.5
        values = model.loss(images[None], torch.ones(4, 16), 0.5, generator=generator)
        optimiser.zero_grad()
        values["loss"].backward()
        optimiser.step()
    assert values["ranking"] < 0.6 < math.log(2)


def test_a_ratio_that_leaves_nothing_is_refused(generator):
    with pytest.raises(ValueError, match="mask_ratio"):
        hpm.hard_masking(torch.rand(2, 16), 1.0, 0.5, generator=generator)
