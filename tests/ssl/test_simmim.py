import pytest
import torch

from vasolib.mim import build_encoder, patchify
from vasolib.ssl.simmim import SimMIM, unit_masking
from vasolib.training import seeded

WEIGHTS = torch.zeros(3, 64)


def small_model() -> SimMIM:
    with seeded(1):
        return SimMIM(build_encoder(64, 8, 32, 2, 2)).eval()


def images_of(seed: int) -> torch.Tensor:
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def mixed(hidden: torch.Tensor, inside: torch.Tensor, outside: torch.Tensor) -> torch.Tensor:
    """One image where `hidden` (B, 64), another elsewhere."""
    pixels = hidden.view(-1, 1, 8, 8).repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    return torch.where(pixels.bool(), inside, outside)


@pytest.mark.parametrize(("grid", "ratio", "hidden"), [(8, 0.6, 40), (14, 0.6, 120), (4, 0.5, 8), (5, 0.6, 15)])
def test_units_are_hidden_as_often_as_published(grid, ratio, hidden, generator):
    # 14 x 14 patches are the published 49 units, of which ceil(0.6 * 49) = 30 are hidden.
    masked = unit_masking(4, grid, ratio, generator=generator)
    order = torch.cat(masked, dim=1).sort(dim=1).values
    assert torch.equal(order, torch.arange(grid**2).expand(4, -1))
    assert masked.idx_mask.shape == (4, hidden)


def test_squares_of_two_by_two_patches_are_hidden_together(generator):
    mask = unit_masking(200, 8, 0.6, generator=generator).mask.view(200, 8, 8)
    for row in range(0, 8, 2):
        for column in range(0, 8, 2):
            square = mask[:, row : row + 2, column : column + 2].flatten(1)
            assert torch.equal(square, square[:, :1].expand(-1, 4))
    assert torch.allclose(mask.mean(dim=0), torch.tensor(10 / 16), atol=0.15)


def test_odd_grids_hide_single_patches(generator):
    mask = unit_masking(50, 5, 0.6, generator=generator).mask.view(50, 5, 5)
    assert (mask[:, :-1:2, :] != mask[:, 1::2, :]).any()
    assert (mask[:, :, :-1:2] != mask[:, :, 1::2]).any()


def test_encoder_sees_all_tokens_and_mask_tokens_at_hidden_places(generator):
    model, images = small_model(), images_of(0)
    masked = unit_masking(3, 8, 0.6, generator=generator)
    seen = []
    model.encoder.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(images, masked)
    tokens = seen[0] - model.encoder.pos_embed
    embedded = model.encoder.patch_embed(images)
    assert tokens.shape == (3, 65, 32)
    for image in range(3):
        for patch in range(64):
            hidden = patch in masked.idx_mask[image]
            expected = model.mask_token[0, 0] if hidden else embedded[image, patch]
            assert torch.allclose(tokens[image, 1 + patch], expected, atol=1e-6)


def test_nothing_hidden_is_timms_own_forward():
    model, images = small_model(), images_of(0)
    tokens = model.encode(images, torch.zeros(3, 64, dtype=torch.bool))
    assert torch.allclose(tokens, model.encoder.forward_features(images), atol=1e-5)


def test_each_hidden_patch_is_predicted_from_its_own_token(generator):
    model, images = small_model(), images_of(0)
    masked = unit_masking(3, 8, 0.6, generator=generator)
    prediction, tokens = model(images, masked), model.encode(images, masked.mask.bool())
    for image in range(3):
        for place, patch in enumerate(masked.idx_mask[image].tolist()):
            assert torch.allclose(prediction[image, place], model.head(tokens[image, 1 + patch]), atol=1e-5)


def test_prediction_depends_on_visible_pixels_only(generator):
    model, images, others = small_model(), images_of(0), images_of(1)
    masked = unit_masking(3, 8, 0.6, generator=generator)
    prediction = model(images, masked)
    assert prediction.shape == (3, 40, 192)
    assert torch.allclose(model(mixed(masked.mask, others, images), masked), prediction, atol=1e-6)
    assert not torch.allclose(model(mixed(masked.mask, images, others), masked), prediction, atol=1e-3)


def test_loss_is_the_absolute_error_of_hidden_pixels():
    model, images = small_model(), images_of(0)
    loss = model.loss(images[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))["loss"]
    masked = unit_masking(3, 8, 0.6, generator=torch.Generator().manual_seed(4))
    prediction, total, count = model(images, masked), 0.0, 0
    for image in range(3):
        for place, patch in enumerate(masked.idx_mask[image].tolist()):
            row, column = divmod(patch, 8)
            cut = images[image, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            error = (prediction[image, place].view(8, 8, 3).permute(2, 0, 1) - cut).abs()
            total, count = total + error.sum().item(), count + error.numel()
    assert loss.item() == pytest.approx(total / count, rel=1e-5)


def test_visible_pixels_are_no_target(generator):
    model = small_model()
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    masked = unit_masking(3, 8, 0.6, generator=torch.Generator().manual_seed(4))
    images = mixed(masked.mask, torch.tensor(-2.0), torch.tensor(7.0))
    loss = model.loss(images.expand(-1, 3, -1, -1)[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))
    assert loss["loss"].item() == pytest.approx(2.0)


def test_all_is_trained_but_the_positions(generator):
    model = small_model()
    model.loss(images_of(0)[None], WEIGHTS, 0.5, generator=generator)["loss"].backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == {"encoder.pos_embed"}


def test_loss_is_in_full_precision_under_autocast(generator):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = small_model().loss(images_of(0)[None], WEIGHTS, 0.5, generator=generator)["loss"]
    assert loss.dtype == torch.float32
    assert 0 < loss < patchify(images_of(0), 8).abs().max()
