import pytest
import torch

from vasolib import mim
from vasolib.masking import PatchMask, random_masking
from vasolib.ssl import amt
from vasolib.training import seeded


def small_model(depth: int = 2) -> amt.AMT:
    with seeded(0):
        encoder = mim.build_encoder(32, 8, 32, depth, 2)
        model = amt.AMT(encoder, 16, 1, 2, mask_ratio=0.45, norm_pix_loss=True)
    encoder.blocks[-1].attn.qkv.weight.data *= 20  # a head that looks everywhere alike is all rounding once stretched
    return model


def small_batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    return torch.rand(1, 3, 3, 32, 32, generator=draw), torch.rand(3, 16, generator=draw)


def attention_of_last_block(encoder, images: torch.Tensor) -> torch.Tensor:
    """Class token to patches as a hook on timm's own unfused attention sees it: (B, heads, L)."""
    seen = []
    attn = encoder.blocks[-1].attn
    attn.fused_attn = False
    handle = attn.attn_drop.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    encoder.forward_features(images)
    handle.remove()
    return seen[0][:, :, 0, 1:]


def stretched(heads: torch.Tensor) -> torch.Tensor:
    """Each head to [0, 1], mean over heads, one number at a time."""
    out = torch.zeros(heads.shape[0], heads.shape[2])
    for b in range(heads.shape[0]):
        for h in range(heads.shape[1]):
            low, high = heads[b, h].min(), heads[b, h].max()
            for i in range(heads.shape[2]):
                out[b, i] += (heads[b, h, i] - low) / (high - low) / heads.shape[1]
    return out


@pytest.mark.parametrize("depth", [1, 3])
def test_class_attention_is_what_a_hook_on_timm_sees(depth):
    encoder, images = small_model(depth).encoder, small_batch()[0][0]
    weights = amt.class_attention(encoder, images)
    assert weights.shape == (3, 16) and not weights.requires_grad
    assert torch.allclose(weights, stretched(attention_of_last_block(encoder, images)), atol=1e-4)


def test_class_attention_of_one_block_is_a_softmax_of_products():
    encoder, images = small_model(1).encoder, small_batch()[0][0]
    patches = encoder.patch_embed(images) + encoder.pos_embed[:, 1:]
    tokens = torch.cat([encoder.cls_token.expand(3, -1, -1), patches], dim=1)
    tokens = encoder.blocks[0].norm1(tokens)
    weight, bias = encoder.blocks[0].attn.qkv.weight, encoder.blocks[0].attn.qkv.bias
    heads = torch.zeros(3, 2, 16)
    for h in range(2):
        rows = slice(16 * h, 16 * (h + 1))
        query = tokens[:, 0] @ weight[:32][rows].T + bias[:32][rows]
        keys = tokens[:, 1:] @ weight[32:64][rows].T + bias[32:64][rows]
        heads[:, h] = ((keys * query[:, None]).sum(dim=-1) / 16**0.5).softmax(dim=-1)
    assert torch.allclose(amt.class_attention(encoder, images), stretched(heads.detach()), atol=1e-4)


def test_a_head_that_looks_everywhere_alike_gives_finite_weights():
    model = small_model()
    torch.nn.init.zeros_(model.encoder.blocks[-1].attn.qkv.weight)
    torch.nn.init.zeros_(model.encoder.blocks[-1].attn.qkv.bias)
    assert torch.equal(amt.class_attention(model.encoder, small_batch()[0][0]), torch.zeros(3, 16))


@pytest.mark.parametrize(("patches", "counts"), [(196, (88, 78, 30)), (64, (28, 26, 10)), (16, (7, 6, 3))])
def test_the_shares_are_exact_and_the_parts_a_partition(patches, counts, generator):
    masked = amt.attention_masking(torch.rand(5, patches), 0.45, 0.4, generator=generator)
    assert (masked.idx_mask.shape[1], masked.idx_throw.shape[1], masked.idx_keep.shape[1]) == counts
    order = torch.cat(masked, dim=1).sort(dim=1).values
    assert torch.equal(order, torch.arange(patches).expand(5, -1))


def test_masking_equals_a_slow_race():
    # Sampling without replacement by weight: each patch arrives after -log(u) / weight, the first to arrive is drawn.
    attention = torch.tensor([[0.9, 0.1, 0.4, 0.0, 0.7, 0.2, 0.3, 0.05], [0.0, 0.0, 1.0, 0.2, 0.0, 0.1, 0.0, 0.6]])
    masked = amt.attention_masking(attention, 0.25, 0.5, generator=torch.Generator().manual_seed(9))
    noise = torch.rand(2, 8, generator=torch.Generator().manual_seed(9))
    for b in range(2):
        arrival = {i: -noise[b, i].log().item() / max(attention[b, i].item(), 1e-30) for i in range(8)}
        order = sorted(range(8), key=arrival.get)
        assert masked.idx_mask[b].tolist() == order[:2]
        assert masked.idx_throw[b].tolist() == order[2:6]
        assert masked.idx_keep[b].tolist() == order[6:]


def test_the_most_attended_patches_are_masked_and_the_least_attended_shown(generator):
    attention = torch.logspace(0, -30, 16)[None].expand(50, -1)[:, torch.randperm(16, generator=generator)]
    masked = amt.attention_masking(attention, 0.45, 0.4, generator=generator)
    of = {name: attention.gather(1, idx) for name, idx in masked._asdict().items()}
    rank = {name: weights.log().mean() for name, weights in of.items()}
    assert rank["idx_mask"] > rank["idx_throw"] > rank["idx_keep"]
    assert of["idx_mask"].min(dim=1).values.median() > of["idx_throw"].max(dim=1).values.median()


def test_without_attention_chance_decides(generator):
    masked = amt.attention_masking(torch.zeros(4000, 16), 0.45, 0.4, generator=generator)
    hidden = torch.zeros(4000, 16).scatter(1, masked.idx_mask, 1.0).mean(dim=0)
    assert torch.allclose(hidden, torch.tensor(7 / 16), atol=0.04)


def test_same_generator_same_mask_and_loss():
    model, (views, weights) = small_model(), small_batch()
    for progress in (0.05, 0.9):
        ours, again = (
            model.loss(views, weights, progress, generator=torch.Generator().manual_seed(3)) for _ in range(2)
        )
        other = model.loss(views, weights, progress, generator=torch.Generator().manual_seed(4))
        assert torch.equal(ours["loss"], again["loss"]) and not torch.equal(ours["loss"], other["loss"])


def test_the_first_tenth_of_training_is_maes(generator):
    model, (views, weights) = small_model(), small_batch()
    masked = random_masking(3, 16, 0.75, generator=torch.Generator().manual_seed(2))
    expected = mim.reconstruction_loss(model(views[0], masked), views[0], masked.mask, norm_pix_loss=True)
    values = model.loss(views, weights, 0.1, generator=torch.Generator().manual_seed(2))
    assert torch.isclose(values["loss"], expected, rtol=1e-5)
    assert isinstance(model.draw_mask(views[0], 0.1, generator=generator), PatchMask)
    assert isinstance(model.draw_mask(views[0], 0.11, generator=generator), amt.ThrowingMask)


def test_thrown_patches_touch_neither_prediction_nor_loss(monkeypatch, generator):
    model, (views, weights) = small_model(), small_batch()
    masked = amt.attention_masking(torch.rand(3, 16), 0.45, 0.4, generator=generator)
    monkeypatch.setattr(model, "draw_mask", lambda *_, **__: masked)
    losses = {name: model.loss(views, weights, 0.9, generator=generator)["loss"] for name in ["as it is"]}
    for name, idx in masked._asdict().items():
        where = mim.unpatchify(torch.zeros(3, 16).scatter(1, idx, 1.0)[:, :, None].expand(-1, -1, 192), 8)
        changed = torch.where(where.bool(), torch.rand(3, 3, 32, 32, generator=generator), views[0])
        losses[name] = model.loss(changed[None], weights, 0.9, generator=generator)["loss"]
    assert torch.equal(losses["as it is"], losses["idx_throw"])
    assert losses["as it is"] != losses["idx_mask"] and losses["as it is"] != losses["idx_keep"]


def test_vessel_share_is_logged_of_the_masked_patches(monkeypatch, generator):
    model, (views, _) = small_model(), small_batch()
    masked = amt.attention_masking(torch.rand(3, 16), 0.45, 0.4, generator=generator)
    monkeypatch.setattr(model, "draw_mask", lambda *_, **__: masked)
    weights = torch.zeros(3, 16).scatter(1, masked.idx_mask[:, :2], 0.5)
    assert torch.isclose(model.loss(views, weights, 0.9, generator=generator)["vessel_share"], torch.tensor(2 / 7))


@pytest.mark.parametrize("enabled", [False, True])
def test_every_weight_learns_also_under_autocast(enabled, generator):
    # The forward pass for the attention runs without gradients on the same weights, and must not cut theirs.
    model, (views, weights) = small_model(), small_batch()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
        values = model.loss(views, weights, 0.9, generator=generator)
    values["loss"].backward()
    silent = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert silent == [] and values["loss"].dtype == torch.float32


def test_ratios_that_leave_nothing_are_refused_at_once():
    with pytest.raises(ValueError, match=r"0\.75 .* 0\.4 mask 12 and keep -2 of 16"):
        amt.AMT(mim.build_encoder(32, 8, 32, 1, 2), 16, 1, 2, mask_ratio=0.75, norm_pix_loss=True)
