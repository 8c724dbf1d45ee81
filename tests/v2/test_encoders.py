"""Encoders from files: our own, published ones that timm builds, and those that are not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import yaml
from safetensors.torch import load_file, save_file

from vasolib.errors import UserError
from vasolib.mim import MaskedAutoencoder, build_encoder, sincos_positions
from vasolib.networks import encoder, save_weights
from vasolib.study import ROOT, Study
from vasolib.training import seeded
from vasolib.v2.encoders import encoder_for, external_encoder, external_state, fingerprint, load_encoder
from vasolib.v2.study import Extended

SHIPPED = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]
TINY = {"plain": "vit_tiny_patch16_224", "dino": "vit_small_patch14_dinov2", "rope": "vit_small_patch16_dinov3"}
GUIDE = "not run: weights not present: get dino.safetensors from https://example.org/dino and say WEIGHTS"


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Extended]:
    """The shipped choices at smoke scale, with small published encoders in the folder `weights`."""
    (tmp_path / "weights").mkdir()

    def make(weights: str = str(tmp_path / "weights"), **models: str) -> Extended:
        chosen = {
            name: {"model": model, "file": f"{name}.safetensors", "home": f"https://example.org/{name}"}
            for name, model in (TINY | models).items()
        }
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"scale": "smoke", "run": "smoke"}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        block = {"v2": SHIPPED | {"external": chosen, "weights": weights}}
        (tmp_path / "params_v2.yaml").write_text(yaml.safe_dump(block), encoding="utf-8")
        return Extended.beside(Study.load(tmp_path))

    return make


def published(model: str, path: Path, **options) -> torch.nn.Module:
    """A randomly initialised model of timm in the published size, and its file."""
    with seeded(0):
        network = timm.create_model(model, pretrained=False, **options)
    save_file(network.state_dict(), path)
    return network.eval()


@pytest.mark.parametrize("name", TINY)
def test_a_published_encoder_fits_this_scale(name, study, tmp_path):
    extended = study()
    network = published(TINY[name], tmp_path / "weights" / f"{name}.safetensors")
    ours, image = encoder_for(extended, name, -1).eval(), extended.study.scale.image
    assert ours.patch_embed.patch_size == (image.patch, image.patch) and ours.patch_embed.grid_size == (8, 8)
    tokens = ours.forward_features(torch.zeros(1, 3, image.side, image.side))
    assert tokens.shape == (1, 64 + ours.num_prefix_tokens, network.embed_dim)
    for key in ("blocks.1.attn.qkv.weight", "blocks.3.mlp.fc2.bias", "norm.weight", "cls_token"):
        assert torch.equal(ours.state_dict()[key], network.state_dict()[key]), key


def test_at_the_published_size_nothing_changes(study, tmp_path, monkeypatch):
    network = published("vit_tiny_patch16_224", tmp_path / "weights" / "plain.safetensors", num_classes=0)
    extended = study()
    size = type(extended.study.scale.image)(store_side=224, side=224, patch=16)
    monkeypatch.setattr(Study, "scale", type("S", (), {"image": size}))
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        want, got = (
            network.forward_features(images),
            external_encoder(extended, "plain").eval().forward_features(images),
        )
    assert torch.allclose(got, want, atol=1e-5)


def hugging(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """timm's DINOv2 by the names of the library transformers."""
    top = {
        "cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight", "norm.bias": "layernorm.bias",
    }  # fmt: skip
    found = {"embeddings.mask_token": torch.zeros(1, 384)}
    for name, value in state.items():
        if name in top:
            found[top[name]] = value
        elif ".qkv." in name:
            _, block, _, _, kind = name.split(".")
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[f"encoder.layer.{block}.attention.attention.{part}.{kind}"] = piece.clone()
        else:
            new = name.replace("blocks.", "encoder.layer.").replace("attn.proj", "attention.output.dense")
            found[new.replace("ls1.gamma", "layer_scale1.lambda1").replace("ls2.gamma", "layer_scale2.lambda1")] = value
    return found


def test_transformers_names_are_understood(study, tmp_path):
    path = tmp_path / "weights" / "dino.safetensors"
    published(TINY["dino"], path, num_classes=0)
    want = encoder_for(study(), "dino", -1).state_dict()
    save_file(hugging(load_file(path)), path)
    got = encoder_for(study(), "dino", -1).state_dict()
    assert all(torch.equal(value, got[name]) for name, value in want.items())


@pytest.mark.parametrize("weights", ["", "no/such/folder"])
def test_weights_that_are_missing_are_said(weights, study):
    extended = study(weights=weights)
    assert external_state(extended)["dino"] == f"{GUIDE}=<folder of it>"
    with pytest.raises(UserError, match="dino not run: weights not present"):
        encoder_for(extended, "dino", -1)


def test_encoders_that_take_part_need_no_reason(study):
    extended = study()
    extended = replace(extended, params=replace(extended.params, published=("plain",)))
    assert external_state(extended).keys() == extended.params.external.keys() - {"plain"}


def test_one_of_another_side_has_more_positions(study, tmp_path):
    published(TINY["plain"], tmp_path / "weights" / "plain.safetensors", num_classes=0)
    extended = study()
    image = extended.study.scale.image
    network = encoder_for(extended, "plain", -1, 2 * image.side)
    assert network.pos_embed.shape[1] == 1 + (2 * image.side // image.patch) ** 2
    assert encoder_for(extended, "vit", -1, 2 * image.side).pos_embed.shape[1] == network.pos_embed.shape[1]


def test_a_fingerprint_is_of_the_weights():
    first, same = (torch.nn.Linear(2, 2) for _ in range(2))
    same.load_state_dict(first.state_dict())
    assert fingerprint(first) == fingerprint(same)
    same.bias.data[1] += 1e-6
    assert fingerprint(first) != fingerprint(same)


@pytest.mark.parametrize(
    ("content", "models", "message"),
    [
        (b"\x80\x04pickled", {}, "plain.safetensors cannot be read"),
        ({"a": torch.zeros(1)}, {}, r"does not fit the architecture that v2.external names \('cls_token'\)"),
        (None, {"plain": "vit_small_patch16_224"}, "plain.safetensors does not fit the architecture"),
        (None, {"plain": "no_such_vit"}, "model is 'no_such_vit', which timm cannot build"),
        (None, {"plain": "resnet18"}, "model is 'resnet18', which timm cannot build"),
    ],
)
def test_a_file_or_model_that_cannot_be_is_refused(content, models, message, study, tmp_path):
    extended, path = study(**models), tmp_path / "weights" / "plain.safetensors"
    if content is None:
        published("vit_tiny_patch16_224", path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file(content, path)
    with pytest.raises(UserError, match=message):
        encoder_for(extended, "plain", -1)


def test_arms_get_their_own_weights(study):
    extended = study()
    with seeded(5):
        trained = torch.nn.ModuleDict({"encoder": encoder(extended.scale("model_2")), "rest": torch.nn.Linear(1, 1)})
    save_weights(extended.work("pretrain", "model_2", "seed3", "model.safetensors"), trained)
    ours = encoder_for(extended, "model_2", 3)
    assert ours.embed_dim == extended.scale("model_2").encoder.embed_dim
    assert all(torch.equal(value, ours.state_dict()[n]) for n, value in trained["encoder"].state_dict().items())
    with pytest.raises(UserError, match="v2_40_pretrain first"):
        encoder_for(extended, "model_2", 4)


def test_scratch_is_drawn_by_the_callers_seed(study):
    extended = study()

    def drawn(seed: int) -> torch.Tensor:
        with seeded(seed):
            return encoder_for(extended, "vit", -1).cls_token

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize("name", ["vasomin", "dinov9"])
def test_an_unknown_arm_is_refused_by_name(name, study):
    with pytest.raises(UserError, match=f"no arm '{name}'"):
        encoder_for(study(), name, 0)
    with pytest.raises(UserError, match=f"no external encoder '{name}'"):
        external_encoder(study(), name)


def pretrained(folder: Path, side: int = 32, patch: int = 8, width: int = 48) -> tuple[Path, MaskedAutoencoder]:
    with seeded(1):
        model = MaskedAutoencoder(build_encoder(side, patch, width, 1, 3), 16, 1, 2)
    save_weights(folder / "model.safetensors", model)
    return folder / "model.safetensors", model


@pytest.mark.parametrize("side", [32, 64])
def test_a_stored_encoder_is_loaded_at_any_side_with_its_positions_resampled(tmp_path, side):
    path, model = pretrained(tmp_path)
    with seeded(0):
        encoder = build_encoder(side, 8, 48, 1, 3)
    assert load_encoder(path, encoder) is encoder
    stored, loaded = model.encoder.state_dict(), encoder.state_dict()
    positions, trained = loaded.pop("pos_embed"), stored["pos_embed"]
    if side == 32:
        assert torch.equal(positions, trained)
    else:  # a grid twice as fine: four neighbours on average are where one was
        grid = positions[:, 1:].reshape(1, 8, 8, 48)
        assert torch.equal(positions[:, :1], trained[:, :1]) and not torch.equal(positions, sincos_positions(8, 48))
        middle = grid.reshape(1, 4, 2, 4, 2, 48).mean(dim=(2, 4))[:, 1:3, 1:3]
        assert torch.allclose(middle, trained[:, 1:].reshape(1, 4, 4, 48)[:, 1:3, 1:3], atol=0.1)
    assert all(torch.equal(stored[name], value) for name, value in loaded.items())
    assert encoder(torch.rand(1, 3, side, side)).shape == (1, 1 + (side // 8) ** 2, 48)
    broken = {name: value for name, value in loaded.items() if name != "norm.weight"}
    with pytest.raises(RuntimeError, match="pos_embed"):  # the exception held for one file only
        encoder.load_state_dict(broken)


@pytest.mark.parametrize("change", [{"patch": 4}, {"width": 96}])
def test_a_stored_encoder_of_another_architecture_is_refused(tmp_path, change):
    path, _ = pretrained(tmp_path, **change)
    with pytest.raises(UserError, match="does not fit this scale's network"):
        load_encoder(path, build_encoder(64, 8, 48, 1, 3))


def test_a_file_without_positions_or_of_no_weights_is_refused(tmp_path):
    encoder = build_encoder(64, 8, 48, 1, 3)
    path = tmp_path / "other.safetensors"
    save_weights(path, torch.nn.Linear(2, 2))
    with pytest.raises(UserError, match="does not fit"):
        load_encoder(path, encoder)
    path.write_bytes(b"no weights")
    with pytest.raises(UserError, match="cannot be read"):
        load_encoder(path, encoder)
