import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from vasolib.masking import random_masking
from vasolib.mim import build_encoder
from vasolib.ssl.deblurring import DeblurringMIM, blur
from vasolib.training import normalise, seeded

WEIGHTS = torch.zeros(3, 16)


def small_model() -> DeblurringMIM:
    with seeded(1):
        return DeblurringMIM(build_encoder(128, 32, 32, 2, 2), 24, 1, 2).eval()


def images_of(seed: int) -> torch.Tensor:
    return torch.randn(3, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("side", "sigma", "radius"), [(224, 1.1, 4), (128, 1.1 * 4 / 7, 2), (64, 1.1 * 2 / 7, 1)])
def test_blur_is_gaussian_in_proportion_to_the_side(side, sigma, radius):
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    expected = gaussian_filter(images.double().numpy(), sigma, axes=(2, 3), mode="mirror", radius=radius)
    assert np.allclose(blur(images), expected, atol=1e-5)


def test_blur_keeps_flat_images_and_copies_of_one_channel(generator):
    grey = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8, generator=generator)
    images = normalise(grey, torch.device("cpu"))
    scale = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    red, green, blue = ((blur(images) - blur(torch.zeros_like(images))) * scale).unbind(dim=1)
    assert torch.allclose(green - red, (0.485 - 0.456) * torch.ones(()), atol=1e-5)
    assert torch.allclose(blue - red, (0.485 - 0.406) * torch.ones(()), atol=1e-5)
    assert torch.allclose(blur(torch.full((1, 3, 64, 64), 1.7)), torch.tensor(1.7))


def test_encoder_is_shown_the_blurred_image(generator):
    model, images, shown = small_model(), images_of(0), []
    model.encoder.patch_embed.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    model.loss(images[None], WEIGHTS, 0.5, generator=generator)
    assert len(shown) == 1
    assert torch.equal(shown[0], blur(images))
    assert (shown[0] - images).abs().mean() > 0.1


def test_loss_compares_all_patches_with_the_sharp_image():
    model, images = small_model(), images_of(0)
    values = model.loss(images[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))
    masked = random_masking(3, 16, 0.75, generator=torch.Generator().manual_seed(4))
    prediction, errors = model(blur(images), masked), torch.zeros(3, 16)
    for image in range(3):
        for patch in range(16):
            row, column = divmod(patch, 4)
            cut = images[image, :, 32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
            guess = prediction[image, patch].view(32, 32, 3).permute(2, 0, 1)
            errors[image, patch] = (guess - cut).square().mean()
    assert values["loss"].item() == pytest.approx(errors.mean().item(), rel=1e-5)
    hidden = masked.mask.bool()
    assert values["masked"].item() == pytest.approx(errors[hidden].mean().item(), rel=1e-5)
    assert values["visible"].item() == pytest.approx(errors[~hidden].mean().item(), rel=1e-5)
    assert hidden.float().mean() == 0.75


def test_a_sharp_guess_costs_nothing_and_a_blurred_one_what_blur_took(monkeypatch, generator):
    # A model that returns some image's patches: the target is the sharp image, raw, in visible patches too.
    model, images = small_model(), images_of(0)
    for guess, expected in ((images, 0.0), (blur(images), (blur(images) - images).square().mean().item())):
        cut = guess.unfold(2, 32, 32).unfold(3, 32, 32).permute(0, 2, 3, 4, 5, 1).reshape(3, 16, -1)
        monkeypatch.setattr(model, "forward", lambda *_, cut=cut: cut)
        loss = model.loss(images[None], WEIGHTS, 0.5, generator=generator)["loss"]
        assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_all_is_trained_but_the_positions(generator):
    model = small_model()
    model.loss(images_of(0)[None], WEIGHTS, 0.5, generator=generator)["loss"].backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == {"encoder.pos_embed", "decoder_pos_embed"}


def test_visible_patches_teach_too():
    model, outputs = small_model(), []
    model.decoder_pred.register_forward_hook(lambda *args: outputs.append(args[2]) or args[2].retain_grad())
    values = model.loss(images_of(0)[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))
    values["loss"].backward()
    keep = random_masking(3, 16, 0.75, generator=torch.Generator().manual_seed(4)).idx_keep
    pull = outputs[0].grad[:, 1:].abs().mean(dim=2)  # behind the class token
    assert (pull.gather(1, keep) > 0).all()
    assert not values["masked"].requires_grad and not values["visible"].requires_grad


def test_loss_is_in_full_precision_under_autocast(generator):
    model, images = small_model(), images_of(0)
    exact = model.loss(images[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))["loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.loss(images[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))["loss"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)
