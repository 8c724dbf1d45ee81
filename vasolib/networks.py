"""The networks of a scale, with weights drawn from a seed or read from a file."""

__all__ = ["encoder", "load_weights", "save_weights", "segmentation_network"]

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vasolib.downstream.unet import UNet, ViTUNet
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.mim import build_encoder
from vasolib.settings import Scale
from vasolib.training import place, seeded


def encoder(scale: Scale) -> VisionTransformer:
    """The scale's ViT."""
    vit = scale.encoder
    return build_encoder(scale.image.side, scale.image.patch, vit.embed_dim, vit.depth, vit.num_heads)


def segmentation_network(arm: str, scale: Scale, seed: int) -> nn.Module:
    """`unet`, the plain U-Net, or a ViT under the U-Net decoder for any other arm; weights drawn from the seed."""
    with seeded(seed):
        network = (
            UNet(scale.unet_width) if arm == "unet" else ViTUNet(encoder(scale), scale.decoder_width, scale.image_skip)
        )
        return place(network)


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's state as safetensors: no code inside, equal weights give equal bytes."""
    with atomic(path) as temporary:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, temporary)


def load_weights(path: Path, model: nn.Module, prefix: str = "") -> nn.Module:
    """Fill a model with the entries of a file that begin with `prefix`, all of its own and no other.

    Raises:
        UserError: the file cannot be read or is of another architecture.
    """
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read ({error}), expected a whole safetensors file: run the stage that makes it again"
        ) from None
    try:
        model.load_state_dict({k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} does not fit this scale's network ({reason}): run the stage that makes it again"
        ) from None
    return model
