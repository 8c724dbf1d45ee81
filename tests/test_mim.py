import json

import numpy as np
import pytest
import torch

from tests.reference_names import load_unext, mae_name
from vasolib import masking, mim
from vasolib.segmentor import UNeXt, freeze


def small_model() -> mim.MaskedAutoencoder:
    return mim.MaskedAutoencoder(mim.build_encoder(64, 8, 48, 2, 3), 32, 1, 2)


def test_patchify_equals_slicing():
    images = torch.rand(2, 3, 6, 6)
    patches = mim.patchify(images, 3)
    for row in range(2):
        for col in range(2):
            cut = images[:, :, 3 * row : 3 * row + 3, 3 * col : 3 * col + 3].permute(0, 2, 3, 1).flatten(1)
            assert torch.equal(patches[:, 2 * row + col], cut)
    assert torch.equal(mim.unpatchify(patches, 3), images)


def segmentor_as_released(path):
    """The segmentor inside the released autoencoder: its constructor re-draws every linear layer it can reach.

    MAE's weight initialisation runs over all sub-modules after the segmentor was loaded, so the eight linear layers
    of its shifted MLPs are random again. The stored model was made from seed 1, and 621,881 numbers are drawn before
    these layers' turn. Our own study keeps the trained weights.
    """
    segmentor = load_unext(UNeXt(), path)
    generator = torch.Generator().manual_seed(1)
    torch.rand(621_881, generator=generator)
    for block in [*segmentor.mix, *segmentor.up_mix]:
        for layer in (block.fc1, block.fc2):
            torch.nn.init.xavier_uniform_(layer.weight, generator=generator)
    return freeze(segmentor)


@pytest.mark.parametrize("norm_pix", [True, False])
def test_prediction_losses_and_gradients_of_the_released_code(reference, norm_pix):
    stored = np.load(reference / f"mim_norm_pix_{str(norm_pix).lower()}.npz")
    model = small_model()
    weights = {mae_name(k[2:]): torch.from_numpy(stored[k]) for k in stored if k.startswith("w:")}
    assert torch.allclose(model.encoder.pos_embed, weights["encoder.pos_embed"], atol=1e-6)
    model.load_state_dict(weights, strict=True)
    segmentor = segmentor_as_released(reference / "unext.npz")
    images, mask = torch.from_numpy(stored["images"]), torch.from_numpy(stored["mask"])
    order = torch.from_numpy(stored["ids_restore"]).argsort(dim=1)
    n_keep = int((mask[0] == 0).sum())
    masked = masking.PatchMask(order[:, :n_keep], order[:, n_keep:])
    assert torch.equal(masked.mask, mask.float())

    prediction = model(images, masked)
    rec = mim.reconstruction_loss(prediction, images, masked.mask, norm_pix)
    cons = mim.consistency_loss(segmentor, mim.reconstruct(prediction, images, norm_pix), images)
    (rec + cons).backward()

    assert torch.allclose(prediction, torch.from_numpy(stored["pred"]), rtol=1e-4, atol=1e-5)
    assert np.isclose(rec.item(), stored["loss_rec"], rtol=1e-4)
    assert np.isclose(cons.item(), stored["loss_cons"], rtol=1e-4)
    assert np.isclose((rec + cons).item(), stored["loss"], rtol=1e-4)
    ours = {name: p.grad.norm().item() for name, p in model.named_parameters() if p.grad is not None}
    theirs = {mae_name(k): v for k, v in json.loads(str(stored["grad_norms"])).items()}
    assert ours.keys() == theirs.keys()
    for name, norm in theirs.items():
        assert np.isclose(ours[name], norm, rtol=1e-4, atol=1e-7), name


def test_encoder_sees_only_visible_patches(generator):
    model = small_model().eval()
    images = torch.rand(2, 3, 64, 64)
    masked = masking.random_masking(2, 64, 0.75, generator=generator)
    hidden = mim.unpatchify(masked.mask[:, :, None].expand(-1, -1, 192), 8)
    changed = torch.where(hidden.bool(), torch.rand_like(images), images)
    assert torch.allclose(model(images, masked), model(changed, masked), atol=1e-6)


def test_full_token_set_equals_timms_own_forward():
    model = small_model().eval()
    images = torch.rand(2, 3, 64, 64)
    everything = torch.arange(64).expand(2, -1)
    assert torch.allclose(model.encode(images, everything), model.encoder.forward_features(images), atol=1e-5)


def test_reconstruction_loss_counts_masked_patches_only():
    images = torch.rand(1, 3, 16, 16)
    prediction = mim.patchify(images, 8).clone()
    prediction[0, 0] += 1
    prediction[0, 1] += 5
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert torch.isclose(mim.reconstruction_loss(prediction, images, mask, False), torch.tensor(0.5))


def test_perfect_normalised_prediction_reconstructs_the_image():
    images = torch.rand(2, 3, 32, 32)
    patches = mim.patchify(images, 8)
    mean, std = mim.patch_statistics(patches)
    again = mim.reconstruct((patches - mean) / std, images, norm_pix_loss=True)
    assert torch.allclose(again, images, atol=1e-5)


def test_decoder_gets_class_token_kept_and_masked_patches_each_at_its_place():
    model, draw = small_model(), torch.Generator().manual_seed(5)
    tokens = torch.rand(3, 1 + 5, 48, generator=draw)
    order = torch.rand(3, 64, generator=draw).argsort(dim=1)
    idx_keep, idx_mask = order[:, :5], order[:, 5:12]  # the other 52 patches are in neither
    given, embedded = mim.decoder_tokens(model, tokens, idx_keep, idx_mask), model.decoder_embed(tokens)
    places = model.decoder_pos_embed[0]
    assert given.shape == (3, 1 + 5 + 7, 32)
    for b in range(3):
        assert torch.allclose(given[b, 0], embedded[b, 0] + places[0])
        for j, i in enumerate(idx_keep[b].tolist()):
            assert torch.allclose(given[b, 1 + j], embedded[b, 1 + j] + places[1 + i])
        for j, i in enumerate(idx_mask[b].tolist()):
            assert torch.allclose(given[b, 6 + j], model.mask_token[0, 0] + places[1 + i])


@pytest.mark.parametrize("norm_pix", [True, False])
def test_errors_are_those_of_the_masked_patches(norm_pix):
    draw = torch.Generator().manual_seed(1)
    images, prediction = torch.rand(3, 3, 32, 32, generator=draw), torch.rand(3, 2, 192, generator=draw)
    idx_mask = torch.tensor([[3, 1], [0, 15], [7, 8]])
    errors = mim.masked_errors(prediction, images, idx_mask, norm_pix)
    for b in range(3):
        for j, i in enumerate(idx_mask[b].tolist()):
            row, col = 8 * (i // 4), 8 * (i % 4)
            target = images[b, :, row : row + 8, col : col + 8].permute(1, 2, 0).flatten()
            if norm_pix:
                target = (target - target.mean()) / (target.var() + 1e-6).sqrt()
            assert torch.isclose(errors[b, j], (prediction[b, j] - target).square().mean(), rtol=1e-4)
