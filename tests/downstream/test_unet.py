"""U-Nets: shapes, strides, who reaches whom, and whether they can learn two images by heart."""

import pytest
import torch

from vasolib.downstream.finetune import dice_bce
from vasolib.downstream.unet import DenseGradient, UNet, ViTUNet
from vasolib.metrics import dsc
from vasolib.mim import build_encoder
from vasolib.training import seeded

both = pytest.mark.parametrize("image_skip", [True, False], ids=["image skip", "tokens only"])


def vit_unet(image_skip: bool = False, patch: int = 8, side: int = 64, width: int = 8, depth: int = 2) -> ViTUNet:
    with seeded(0):
        return ViTUNet(build_encoder(side, patch, 48, depth, 3), width, image_skip)


def outputs_of(model, modules, images) -> list[torch.Size]:
    shapes: list[torch.Size] = []
    hooks = [m.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape[1:])) for m in modules]
    model(images)
    for hook in hooks:
        hook.remove()
    return shapes


@both
@pytest.mark.parametrize(("patch", "channels"), [(4, [8, 16]), (8, [8, 16, 32]), (16, [8, 16, 32, 64])])
def test_channels_double_with_each_stride_down_to_the_patch(patch, channels, image_skip):
    model = vit_unet(image_skip, patch)
    images = torch.rand(2, 3, 64, 64)
    assert model(images).shape == (2, 1, 64, 64)
    strides = {2 ** (level + 1): chans for level, chans in enumerate(channels)} | ({1: 4} if image_skip else {})
    want = [(chans, 64 // stride, 64 // stride) for stride, chans in sorted(strides.items())]
    finest = [model.finest] if image_skip else []
    assert sorted(outputs_of(model, [*finest, *model.adapters], images)) == sorted(want)
    assert outputs_of(model, list(model.up.blocks), images) == want[-2::-1]
    assert model.up.head.out_channels == 1


@both
def test_gradients_reach_every_trained_parameter(image_skip):
    model = vit_unet(image_skip)
    model(torch.rand(2, 3, 64, 64)).square().sum().backward()
    idle = [
        name
        for name, p in model.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert idle == []
    assert model.encoder.pos_embed.grad is None


@pytest.mark.parametrize(
    ("image_skip", "part"),
    [
        (True, "encoder.blocks.0.attn.proj"),
        (False, "encoder.blocks.0.attn.proj"),
        (True, "finest.body.0.0"),
        (False, "adapters.0.0.0"),
    ],
)
def test_logits_depend_on_the_first_block_and_on_the_finest_map(image_skip, part):
    images = torch.rand(1, 3, 64, 64)
    model = vit_unet(image_skip).eval()
    before = model(images)
    with torch.no_grad():
        model.get_submodule(part).weight.mul_(3)
    assert not torch.allclose(model(images), before, atol=1e-4)


@both
def test_only_the_image_skip_lets_the_image_past_the_encoder(monkeypatch, image_skip):
    model = vit_unet(image_skip).eval()
    tokens = model.encoder.forward_features
    monkeypatch.setattr(model.encoder, "forward_features", lambda images: tokens(images).detach())
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    model(images).square().sum().backward()
    assert (images.grad is not None) is image_skip
    assert (model.finest is not None) is image_skip


@both
def test_tokens_keep_their_place(image_skip):
    model = vit_unet(image_skip, depth=0).eval()  # without attention, a patch can be seen around its own place only
    if image_skip:
        model.finest.register_forward_hook(lambda _m, _i, out: torch.zeros_like(out))
    images = torch.rand(1, 3, 64, 64)
    changed = images.clone()
    changed[:, :, 8:16, 48:56] = 0
    difference = (model(images) - model(changed)).abs()[0, 0]
    rows, cols = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    mass = difference / difference.sum()
    assert abs((mass * rows).sum() - 11.5) < 5
    assert abs((mass * cols).sum() - 51.5) < 5
    assert mass[40:, :].sum() < 1e-3 and mass[:, :20].sum() < 1e-3


def test_an_image_of_another_size_than_the_encoders_is_refused():
    with pytest.raises(AssertionError, match="64"):
        vit_unet()(torch.rand(1, 3, 96, 96))


@pytest.mark.parametrize("depth", [2, 4])
def test_plain_unet_halves_and_doubles(depth):
    with seeded(0):
        model = UNet(4, depth)
    images = torch.rand(2, 3, 32, 48)
    assert model(images).shape == (2, 1, 32, 48)
    want = [(4 * 2**level, 32 // 2**level, 48 // 2**level) for level in range(depth + 1)]
    assert outputs_of(model, list(model.down), images) == want
    assert outputs_of(model, list(model.up.blocks), images) == want[-2::-1]
    model(images).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("side", [33, 40])
def test_plain_unet_needs_multiples_of_its_deepest_stride(side):
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        UNet(4, depth=4)(torch.rand(1, 3, side, side))


def two_images() -> tuple[torch.Tensor, torch.Tensor]:
    """A dark cross and a dark slope on noise."""
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, 0, 20:25], masks[0, 0, :, 40:44] = 1, 1
    for row in range(64):
        masks[1, 0, row, max(0, row - 3) : row + 3] = 1
    noise = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    return (0.4 * noise - masks).expand(-1, 3, -1, -1), masks


@pytest.mark.parametrize(
    "build",
    [lambda: vit_unet(True), lambda: vit_unet(False), lambda: UNet(8, depth=3)],
    ids=["image skip", "tokens only", "plain"],
)
def test_two_images_are_learnt_by_heart(build):
    images, masks = two_images()
    with seeded(0):
        model = build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        loss = dice_bce(model(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = model.eval()(images)[:, 0] > 0
    assert all(dsc(p.numpy(), t[0].numpy()) > 0.9 for p, t in zip(found, masks, strict=True))


@pytest.mark.parametrize(
    ("layout", "dense"), [(torch.channels_last, (45, 1, 15, 5)), (torch.contiguous_format, (45, 9, 3, 1))]
)
def test_a_skip_gets_its_share_of_the_gradient_without_gaps(layout, dense):
    deep, skip, factor = (torch.rand(2, c, 3, 3).contiguous(memory_format=layout) for c in (4, 5, 9))
    seen, strides = DenseGradient.apply(skip.requires_grad_()), []
    skip.register_hook(lambda gradient: strides.append(gradient.stride()))
    (torch.cat([deep, seen], dim=1) * factor).sum().backward()
    assert torch.equal(seen, skip) and torch.equal(skip.grad, factor[:, 4:])
    assert strides == [dense]
