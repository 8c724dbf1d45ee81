"""The networks of a scale: drawn from a seed, and through a file and back."""

from pathlib import Path

import pytest
import torch
from torch import nn

from vasolib.errors import UserError
from vasolib.networks import encoder, load_weights, save_weights, segmentation_network
from vasolib.pretrain import build_method
from vasolib.settings import Arm, Scale
from vasolib.ssl.vasomim import VasoMIM
from vasolib.study import ROOT, Study

SCALE: Scale = Study.load(ROOT).scale_named("smoke")
LAPTOP: Scale = Study.load(ROOT).scale_named("laptop")


def small(scale: Scale, seed: int) -> VasoMIM:
    """A masked autoencoder of the scale."""
    return build_method(Arm(), scale, True, seed)


def equal(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks have the same entries with the same values."""
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def test_the_seed_decides_and_the_callers_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = small(SCALE, 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert equal(small(SCALE, 0), first)
    assert not equal(small(SCALE, 1), first)


def test_the_encoder_is_as_the_scale_says():
    vit = encoder(SCALE)
    assert vit.embed_dim == SCALE.encoder.embed_dim and len(vit.blocks) == SCALE.encoder.depth
    assert vit.blocks[0].attn.num_heads == SCALE.encoder.num_heads
    assert vit.patch_embed.num_patches == (SCALE.image.side // SCALE.image.patch) ** 2


@pytest.mark.parametrize("arm", ["unet", "vit", "vasomim"])
def test_segmentation_networks_give_one_map_per_image(arm: str):
    network = segmentation_network(arm, SCALE, 0).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 64, 64)
    assert hasattr(network, "encoder") == (arm != "unet")
    assert equal(segmentation_network(arm, SCALE, 0), network)
    assert not equal(segmentation_network(arm, SCALE, 1), network)


def test_weights_come_back_and_equal_weights_are_equal_files(tmp_path: Path):
    model = small(SCALE, 0)
    for name in "ab":
        save_weights(tmp_path / name, small(SCALE, 0))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = small(SCALE, 1)
    assert load_weights(tmp_path / "a", other) is other
    assert equal(other, model)
    save_weights(tmp_path / "b", small(SCALE, 1))
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("arm", [None, "vit"])
def test_a_prefix_picks_the_encoder_alone(tmp_path: Path, arm: str | None):
    model = small(SCALE, 0)
    save_weights(tmp_path / "w", model)
    target = encoder(SCALE) if arm is None else segmentation_network(arm, SCALE, 7).encoder
    assert equal(load_weights(tmp_path / "w", target, prefix="encoder."), model.encoder)


@pytest.mark.parametrize(
    ("network", "prefix"),
    [
        (lambda: small(LAPTOP, 0), ""),  # of other widths
        (lambda: encoder(SCALE), ""),  # entries that it does not have
        (lambda: encoder(SCALE), "nowhere."),  # entries that the file does not have
        (lambda: segmentation_network("unet", SCALE, 0), "encoder."),
    ],
)
def test_another_architecture_is_refused_by_the_files_name(tmp_path: Path, network, prefix: str):
    save_weights(tmp_path / "model.safetensors", small(SCALE, 0))
    with pytest.raises(UserError, match=r"model\.safetensors does not fit this scale's network") as caught:
        load_weights(tmp_path / "model.safetensors", network(), prefix)
    assert "\n" not in str(caught.value)


def stored(path: Path) -> bytes:
    """The bytes of a good file."""
    save_weights(path, encoder(SCALE))
    return path.read_bytes()


def pickled(path: Path) -> None:
    """A file as torch writes it: a zip of pickles, which may hold code."""
    torch.save(encoder(SCALE).state_dict(), path)


def flipped(path: Path) -> None:
    """A file whose table of contents is damaged."""
    data = bytearray(stored(path))
    data[20] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: None,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not weights"),
        lambda path: path.write_bytes(b"\xff" * 64),
        lambda path: path.write_bytes((2**62).to_bytes(8, "little") + b"{}"),
        lambda path: path.write_bytes(stored(path)[:4]),
        lambda path: path.write_bytes(stored(path)[:100]),
        lambda path: path.write_bytes(stored(path)[:-1]),
        lambda path: path.write_bytes(stored(path) + b"more"),
        flipped,
        pickled,
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
    ],
    ids=["absent", "empty", "text", "ones", "bomb", "cut in its length", "cut in its head", "cut by a byte", "too long",
         "flipped", "pickle", "folder", "dangling", "looping"],
)  # fmt: skip
def test_a_file_that_is_none_is_named(tmp_path: Path, spoil):
    path = tmp_path / "model.safetensors"
    spoil(path)
    with pytest.raises(
        UserError, match=r"model\.safetensors cannot be read .*expected a whole safetensors file: run the"
    ):
        load_weights(path, encoder(SCALE))


def test_a_failed_write_leaves_the_older_file(tmp_path: Path):
    save_weights(tmp_path / "w", small(SCALE, 0))
    before = (tmp_path / "w").read_bytes()

    class Broken(nn.Module):
        def state_dict(self):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        save_weights(tmp_path / "w", Broken())
    assert (tmp_path / "w").read_bytes() == before
