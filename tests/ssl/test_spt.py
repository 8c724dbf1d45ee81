import pytest
import torch

from vasolib.downstream.unet import ViTUNet
from vasolib.mim import build_encoder
from vasolib.segmentor import segmentor_loss
from vasolib.ssl.spt import SPT
from vasolib.training import seeded


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Four noisy images, each with a dark bar of its own: views (1, 4, 3, 32, 32), masks (4, 1, 32, 32)."""
    masks = torch.zeros(4, 1, 32, 32, dtype=torch.uint8)
    for i in range(4):
        masks[i, :, :, 4 + 7 * i : 8 + 7 * i] = 1
    noise = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    return (0.3 * noise - 2.0 * masks).expand(-1, 3, -1, -1)[None], masks


def small_model(image_skip: bool = False) -> SPT:
    with seeded(0):
        return SPT(build_encoder(32, 8, 32, 2, 2), width=8, image_skip=image_skip)


def loss_of(model: SPT, batch, generator) -> torch.Tensor:
    views, masks = batch
    values = model.loss(views, masks, 0.5, generator=generator)
    assert set(values) == {"loss"}
    return values["loss"]


@pytest.mark.parametrize("image_skip", [False, True])
def test_loss_is_half_cross_entropy_half_dice_of_the_fine_tuning_network(batch, image_skip, generator):
    model = small_model(image_skip).eval()
    twin = ViTUNet(build_encoder(32, 8, 32, 2, 2), 8, image_skip).eval()
    twin.load_state_dict(model.state_dict())
    probability, mask = twin(batch[0][0]).sigmoid(), batch[1].float()
    entropy = -(mask * probability.log() + (1 - mask) * (1 - probability).log()).mean()
    dice = (2 * (probability * mask).sum() + 1e-5) / (probability.sum() + mask.sum() + 1e-5)
    got = loss_of(model, batch, generator)
    assert torch.isclose(got, 0.5 * entropy + 0.5 * (1 - dice), rtol=1e-5)
    assert torch.isclose(got, segmentor_loss(twin(batch[0][0]), batch[1]))


def test_it_asks_for_pixels_and_keeps_the_encoder_under_its_own_name():
    model = small_model()
    assert SPT.PIXELS and SPT.VIEWS == 1
    stored = {k.removeprefix("encoder."): v for k, v in model.state_dict().items() if k.startswith("encoder.")}
    build_encoder(32, 8, 32, 2, 2).load_state_dict(stored, strict=True)
    pointers = [value.data_ptr() for value in model.state_dict().values() if value.numel()]
    assert len(set(pointers)) == len(pointers)  # nothing stored twice


def test_gradients_reach_every_trained_weight(batch, generator):
    model = small_model().train()
    loss_of(model, batch, generator).backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert not [name for name, p in trained.items() if p.grad is None]
    assert {name.split(".")[0] for name, p in trained.items() if p.grad.abs().sum() > 0} == {
        "encoder",
        "adapters",
        "up",
    }
    assert model.encoder.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


def test_four_images_are_learnt_by_heart(batch, generator):
    model = small_model().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = loss_of(model, batch, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    assert ((model(batch[0][0]) > 0) == batch[1].bool()).float().mean() > 0.97
