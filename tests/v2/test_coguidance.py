"""Co-guidance: drawn as the released code draws, v1 where eta is 1, and no further pass of the segmentor."""

import numpy as np
import pytest
import torch
from torch import nn

from vasolib.masking import guidance_schedule, guided_masking, patch_weights
from vasolib.mim import build_encoder
from vasolib.segmentor import UNeXt, freeze
from vasolib.ssl.vasomim import VasoMIM, draw_mask, vessel_share
from vasolib.training import normalise, seeded
from vasolib.v2.coguidance import CoGuidedMIM, co_guidance
from vasolib.v2.targets import vessel_target

GUIDED = (0.0, 0.5)
SIZE = (32, 1, 2, 0.5, True)  # the decoder, mask ratio, norm_pix_loss


class Counted(nn.Module):
    """A frozen segmentor that counts its passes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        return self.inner(images)


def segmentor() -> Counted:
    with seeded(1):
        return Counted(freeze(UNeXt()))


def built(cls: type, *options) -> nn.Module:
    with seeded(0):
        return cls(build_encoder(64, 8, 48, 2, 3), *SIZE, *options)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised noise (1, 3, 3, 64, 64) and an anatomy (3, 1, 64, 64) of two columns of patches."""
    images = torch.randint(0, 256, (3, 1, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    anatomy = torch.zeros(3, 1, 64, 64, dtype=torch.uint8)
    anatomy[..., 24:40] = 1
    return normalise(images, torch.device("cpu"))[None], anatomy


def stepped(model: nn.Module, guide: torch.Tensor, progress: float = 1.0) -> dict[str, torch.Tensor]:
    values = model.loss(batch()[0], guide, progress, generator=torch.Generator().manual_seed(4))
    values["loss"].backward()
    return values


def test_a_mixture_by_hand():
    anatomy = torch.tensor([[[1, 0], [0, 0]]], dtype=torch.uint8)
    probability = torch.tensor([[[0.5, 0.25], [0.0, 1.0]]])
    mixed = co_guidance(anatomy, probability, 0.25)
    assert torch.equal(mixed, torch.tensor([[[0.625, 0.1875], [0.0, 0.75]]]))
    assert torch.equal(patch_weights(mixed, 1), torch.tensor([[0.4, 0.12, 0.0, 0.48]]))


@pytest.mark.parametrize("case", ["r0.01", "r0.25", "r0.5", "r1.0", "beta1"])
def test_frequencies_of_the_released_code(reference, generator, case):
    stored = np.load(reference / "masking.npz")
    anatomy, soft = (torch.from_numpy(stored[name])[None] for name in ("anatomy", "soft"))
    weights = patch_weights(co_guidance(anatomy, soft.float(), 0.5), 16).expand(4000, -1)
    beta = 1.0 if case == "beta1" else guidance_schedule(float(case[1:]), *GUIDED)
    ours = guided_masking(weights, 0.5, beta, generator=generator).mask.mean(dim=0).numpy()
    theirs = stored[f"freq_co_{case}"].ravel()
    error = np.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / 4000)
    assert np.all(np.abs(ours - theirs) <= 4.5 * error + 1e-9)


@pytest.mark.parametrize("progress", [0.1, 1.0])
def test_eta_one_is_the_first_papers_method_bit_for_bit(progress):
    judge, (_, anatomy) = segmentor(), batch()
    first = built(VasoMIM, GUIDED, judge.forward)
    ours = built(CoGuidedMIM, GUIDED, 1.0, judge.forward, vessel_target(judge))
    want = stepped(first, patch_weights(anatomy[:, 0], 8), progress)
    got = stepped(ours, anatomy, progress)
    assert want.keys() == got.keys() and all(torch.equal(value, got[name]) for name, value in want.items())
    gradients = dict(ours.named_parameters())
    assert all(p.grad is None or torch.equal(p.grad, gradients[n].grad) for n, p in first.named_parameters())


def test_eta_zero_ignores_the_anatomy():
    judge, (images, anatomy) = segmentor(), batch()
    losses = [
        stepped(built(CoGuidedMIM, GUIDED, 0.0, judge.forward, vessel_target(judge)), guide)
        for guide in (anatomy, 1 - anatomy)
    ]
    assert torch.equal(losses[0]["loss"], losses[1]["loss"])
    probability = judge(images[0]).sigmoid()
    draws = torch.Generator().manual_seed(4)
    masked = draw_mask(patch_weights(probability[:, 0], 8), 0.5, GUIDED, 1.0, generator=draws)
    want = [vessel_share(patch_weights(guide[:, 0], 8), masked) for guide in (anatomy, 1 - anatomy)]
    assert [values["vessel_share"].item() for values in losses] == [share.item() for share in want]


def test_masks_follow_filter_and_segmentor_alike():
    """A segmentor sure of one column, a filter sure of another: both are hidden at the end of training."""
    images, anatomy = batch()
    logits = torch.full((3, 1, 64, 64), -20.0)
    logits[..., 56:] = 20
    model = built(CoGuidedMIM, (1.0, 1.0), 0.5, lambda _: logits)
    seen = []
    model.encode = lambda images, keep: seen.append(keep) or VasoMIM.encode(model, images, keep)
    model.loss(images, anatomy, 1.0, generator=torch.Generator().manual_seed(0))
    kept = set((seen[0] % 8).flatten().tolist())  # columns of visible patches
    assert kept.isdisjoint({3, 4, 7}) and kept == {0, 1, 2, 5, 6}


@pytest.mark.parametrize(
    ("eta", "betas", "consistent", "passes"),
    [(0.5, GUIDED, True, 2), (1.0, GUIDED, True, 2), (0.5, GUIDED, False, 1)],
)
def test_the_original_is_looked_at_once(eta, betas, consistent, passes):
    judge = segmentor()
    model = built(CoGuidedMIM, betas, eta, judge.forward, vessel_target(judge) if consistent else None)
    values = stepped(model, batch()[1])
    assert judge.passes == passes and ("consistency" in values) == consistent


def test_gradients_reach_the_reconstruction_and_neither_segmentor_nor_guide():
    judge = segmentor()
    model = built(CoGuidedMIM, GUIDED, 0.5, judge.forward, vessel_target(judge))
    model.loss(*batch(), 1.0, generator=torch.Generator().manual_seed(4))["consistency"].backward()
    assert all(p.grad is None for p in judge.parameters())
    assert all(p.grad is not None and p.grad.any() for p in model.parameters() if p.requires_grad)
    assert model.state_dict().keys() == built(CoGuidedMIM).state_dict().keys()  # nor is it saved along


def test_a_guide_that_is_not_given_is_refused():
    with pytest.raises(ValueError, match="eta is"):
        built(CoGuidedMIM, GUIDED, 0.5)
    built(CoGuidedMIM, None, 0.5)  # random masks ask nobody
