import pytest
import torch

from vasolib.mim import build_encoder, sincos_positions
from vasolib.ssl.crossmae import CrossMAE
from vasolib.training import seeded

WEIGHTS = torch.zeros(3, 64)


def small_model(depth: int = 2, norm_pix_loss: bool = True) -> CrossMAE:
    with seeded(1):
        return CrossMAE(build_encoder(64, 8, 32, 3, 2), 24, depth, 2, norm_pix_loss=norm_pix_loss).eval()


def images_of(seed: int) -> torch.Tensor:
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def mixed(chosen: torch.Tensor, inside: torch.Tensor, outside: torch.Tensor) -> torch.Tensor:
    """One image in the patches `chosen` (B, N), another elsewhere."""
    mask = torch.zeros(len(chosen), 64).scatter(1, chosen, 1.0).view(-1, 1, 8, 8)
    return torch.where(mask.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3).bool(), inside, outside)


@pytest.mark.parametrize(("img_size", "kept", "predicted"), [(64, 16, 16), (112, 49, 49)])
def test_a_quarter_is_seen_and_another_predicted(img_size, kept, predicted, generator):
    # 14 x 14 patches are the published case: 49 visible, 49 of the 147 hidden ones predicted.
    model = CrossMAE(build_encoder(img_size, 8, 32, 1, 2), 24, 1, 2)
    idx_keep, idx = model.draw(5, generator=generator)
    assert (idx_keep.shape, idx.shape) == ((5, kept), (5, predicted))
    for image in range(5):
        assert len(set(idx_keep[image].tolist()) | set(idx[image].tolist())) == kept + predicted


def test_predicted_patches_are_drawn_evenly(generator):
    idx = small_model().draw(3000, generator=generator)[1]
    assert torch.allclose(torch.bincount(idx.flatten(), minlength=64) / 3000, torch.tensor(0.25), atol=0.04)


def test_all_hidden_patches_may_be_predicted(generator):
    model = CrossMAE(build_encoder(64, 8, 32, 1, 2), 24, 1, 2, mask_ratio=0.25)
    idx_keep, idx = model.draw(1, generator=generator)
    assert idx_keep.shape[1] + idx.shape[1] == 64


def test_fewer_hidden_than_predicted_is_refused():
    with pytest.raises(ValueError, match=r"mask_ratio 0\.2 .* 0\.25"):
        CrossMAE(build_encoder(64, 8, 32, 1, 2), 24, 1, 2, mask_ratio=0.2)


def test_a_query_does_not_see_the_others(generator):
    model = small_model()
    idx_keep, idx = model.draw(3, generator=generator)
    maps = model.encode(images_of(0), idx_keep)
    together = model.decode(maps, idx)
    assert together.shape == (3, 16, 192)
    for place in (0, 7):
        alone = model.decode(maps, idx[:, place : place + 1])
        assert torch.allclose(alone[:, 0], together[:, place], atol=1e-6)
    assert torch.allclose(model.decode(maps, idx.flip(1)), together.flip(1), atol=1e-6)
    assert not torch.allclose(together[:, 0], together[:, 7], atol=1e-4)  # position tells them apart


def test_a_query_is_the_mask_token_at_its_patch(generator):
    model = small_model()
    idx_keep, idx = model.draw(3, generator=generator)
    maps, asked = model.encode(images_of(0), idx_keep), []
    model.decoder_blocks[0].register_forward_pre_hook(lambda _, inputs: asked.append(inputs[0]))
    model.decode(maps, idx)
    positions = sincos_positions(8, 24)[0, 1:]  # behind the class token's
    for image in range(3):
        assert torch.allclose(asked[0][image], model.mask_token[0] + positions[idx[image]], atol=1e-6)


def test_prediction_depends_on_visible_pixels_only(generator):
    model, images, others = small_model(), images_of(0), images_of(1)
    idx_keep, idx = model.draw(3, generator=generator)
    prediction = model.decode(model.encode(images, idx_keep), idx)
    same_seen = model.decode(model.encode(mixed(idx_keep, images, others), idx_keep), idx)
    same_hidden = model.decode(model.encode(mixed(idx_keep, others, images), idx_keep), idx)
    assert torch.allclose(same_seen, prediction, atol=1e-6)
    assert not torch.allclose(same_hidden, prediction, atol=1e-3)


def test_maps_are_the_input_and_every_block_of_the_encoder():
    model, images = small_model(), images_of(0)
    maps = model.encode(images, torch.arange(64).expand(3, -1))
    assert maps.shape == (4, 3, 65, 32)
    assert torch.allclose(maps[0, :, 1:], model.encoder.patch_embed(images) + model.encoder.pos_embed[:, 1:])
    assert torch.allclose(model.encoder.norm(maps[-1]), model.encoder.forward_features(images), atol=1e-5)


def test_each_decoder_block_reads_its_own_sum_of_maps(generator):
    model = small_model()
    idx_keep, idx = model.draw(3, generator=generator)
    maps, read = model.encode(images_of(0), idx_keep), []
    for block in model.decoder_blocks:
        block.register_forward_pre_hook(lambda _, inputs: read.append(inputs[1]))
    model.decode(maps, idx)
    for block, tokens in enumerate(read):
        by_hand = sum(model.map_weights[block, k].item() * maps[k] for k in range(4))
        assert torch.allclose(tokens, by_hand, atol=1e-5)


def test_a_map_without_weight_is_not_read(generator):
    model = small_model()
    idx_keep, idx = model.draw(3, generator=generator)
    maps = model.encode(images_of(0), idx_keep)
    with torch.no_grad():
        model.map_weights[:, 1] = 0
    changed = maps.clone()
    changed[1] = changed[1] + torch.randn(changed[1].shape, generator=generator)
    assert torch.allclose(model.decode(changed, idx), model.decode(maps, idx), atol=1e-6)
    changed[2] = changed[1]
    assert not torch.allclose(model.decode(changed, idx), model.decode(maps, idx), atol=1e-3)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_loss_is_the_squared_error_of_predicted_patches(norm_pix_loss):
    model, images = small_model(norm_pix_loss=norm_pix_loss), images_of(0)
    loss = model.loss(images[None], WEIGHTS, 0.5, generator=torch.Generator().manual_seed(4))["loss"]
    idx_keep, idx = model.draw(3, generator=torch.Generator().manual_seed(4))
    prediction, errors = model.decode(model.encode(images, idx_keep), idx), []
    for image in range(3):
        for place, patch in enumerate(idx[image].tolist()):
            row, column = divmod(patch, 8)
            cut = images[image, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].permute(1, 2, 0).flatten()
            if norm_pix_loss:
                cut = (cut - cut.mean()) / (cut.var() + 1e-6) ** 0.5
            errors.append((prediction[image, place] - cut).square().mean().item())
    assert loss.item() == pytest.approx(sum(errors) / len(errors), rel=1e-5)


def test_blank_prediction_costs_the_mean_square_of_the_pixels(generator):
    model = small_model(norm_pix_loss=False)
    torch.nn.init.zeros_(model.decoder_pred.weight)
    torch.nn.init.zeros_(model.decoder_pred.bias)
    loss = model.loss(torch.full((1, 3, 3, 64, 64), -3.0), WEIGHTS, 0.5, generator=generator)["loss"]
    assert loss.item() == pytest.approx(9.0)


def test_what_is_trained(generator):
    # The decoder reads the blocks' outputs before the encoder's last norm, which pre-training therefore leaves alone.
    model = small_model()
    model.loss(images_of(0)[None], WEIGHTS, 0.5, generator=generator)["loss"].backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == {"encoder.pos_embed", "decoder_pos_embed", "encoder.norm.weight", "encoder.norm.bias"}
    assert (model.map_weights.grad != 0).all()


def test_loss_is_in_full_precision_under_autocast(generator):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = small_model().loss(images_of(0)[None], WEIGHTS, 0.5, generator=generator)["loss"]
    assert loss.dtype == torch.float32
    assert 0.1 < loss < 10
