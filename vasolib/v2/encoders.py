"""Encoders that fine-tuning begins with: pre-trained here, published by others, or of random weights.

Published ones are built by timm, without a download, and filled from a safetensors file that the user has got. timm
resamples their positions and patch embedding to this study's images and patches. All see images normalised by
ImageNet's mean and deviation, as every network here; RAD-DINO's own differ from these by a constant shift and factor.
"""

__all__ = [
    "External",
    "encoder_for",
    "external_encoder",
    "external_file",
    "external_network",
    "external_state",
    "fingerprint",
    "load_encoder",
]

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.layers import resample_abs_pos_embed
from timm.models import eva, vision_transformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vasolib.errors import UserError, nearest
from vasolib.networks import encoder, load_weights
from vasolib.v2.study import NAME, Extended, told
from vasolib.v2.weights import weights_file

RENAMED = (  # transformers' DINOv2 (as RAD-DINO is published) -> timm's names, in this order
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
)


@dataclass(frozen=True)
class External:
    """A published encoder: timm's name of its architecture, its file's name, and the page that has the file."""

    model: str
    file: str
    home: str


def encoder_for(extended: Extended, arm: str, pretrain_seed: int, side: int = 0) -> VisionTransformer:
    """The encoder that an arm is fine-tuned from: its own from that pre-training seed, a published one for such a name,
    or one of random weights, drawn from torch's generator, for an arm without pre-training.

    Args:
        side: of the images that it is to see, in pixels; the scale's if 0.

    Raises:
        UserError: no such arm, or the file of its weights is missing, damaged or of another architecture.
    """
    params = extended.params
    if arm in params.external:
        return external_encoder(extended, arm, side)
    if arm not in (*params.scratch, *params.arms):
        raise UserError(f"{NAME} has no arm {arm!r}: {nearest(arm, (*params.scratch, *params.arms, *params.external))}")
    scale = extended.scale(arm)
    network = encoder(replace(scale, image=replace(scale.image, side=side or scale.image.side)))
    if arm in params.scratch:
        return network
    place = "pretrain", arm, f"seed{pretrain_seed}", "model.safetensors"
    return load_encoder(extended.require(*place, made_by="v2_40_pretrain"), network)


def external_state(extended: Extended) -> dict[str, str]:
    """For each published encoder that takes no part, why it was not run and how to get its file."""
    params = extended.params
    return {name: _absent(extended, name) for name in params.external if name not in params.published}


def external_encoder(extended: Extended, name: str, side: int = 0) -> VisionTransformer:
    """A published encoder on this scale's patches, and on its images or those of another side.

    Raises:
        UserError: it is unknown, its file is missing, is no safetensors file, or lacks an entry of the architecture.
    """
    if name not in extended.params.external:
        raise UserError(f"{NAME} has no external encoder {name!r}: {nearest(name, extended.params.external)}")
    if not extended.params.weights or not external_file(extended, name).is_file():
        raise UserError(f"{name} {_absent(extended, name)}")
    return _filled(external_network(extended, name, side), external_file(extended, name))


def external_network(extended: Extended, name: str, side: int = 0) -> VisionTransformer:
    """The architecture of a published encoder, with random weights drawn from torch's generator.

    Args:
        side: as in `encoder_for`.

    Raises:
        UserError: timm has no such architecture, or it is no plain ViT.
    """
    model, image = _external(extended, name).model, extended.study.scale.image
    options = {"img_size": side or image.side, "patch_size": image.patch, "num_classes": 0, "global_pool": ""}
    try:
        return timm.create_model(model, pretrained=False, **options)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"v2.external.{name}.model is {model!r}, which timm cannot build ({error}): name a plain ViT of timm"
        ) from None


def external_file(extended: Extended, name: str) -> Path:
    """Where a published encoder's weights are looked for."""
    chosen = _external(extended, name)
    return weights_file(Path(extended.params.weights).expanduser(), chosen.file, chosen.home)


def _external(extended: Extended, name: str) -> External:
    return told(External, extended.params.external[name], f"v2.external.{name}")


def _absent(extended: Extended, name: str) -> str:
    chosen = _external(extended, name)
    return f"not run: weights not present: get {chosen.file} from {chosen.home} and say WEIGHTS=<folder of it>"


def _filled(network: VisionTransformer, path: Path) -> VisionTransformer:
    """The network with a file's weights; entries that it has no use for, such as a classifier, are left out."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}), expected a safetensors file: get it again") from None
    convert = eva.checkpoint_filter_fn if isinstance(network, eva.Eva) else vision_transformer.checkpoint_filter_fn
    wanted = network.state_dict()
    try:
        found = convert(_timm_names(stored), network)
        network.load_state_dict({name: found[name] for name in wanted})
    except (KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} does not fit the architecture that v2.external names ({reason}): correct its model or its file"
        ) from None
    return network


def _timm_names(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """A file's entries by timm's names; those of a DINOv2 of the library transformers are renamed, queries, keys and
    values joined."""
    if "embeddings.cls_token" not in stored:
        return stored
    renamed = {}
    for name, value in stored.items():
        if match := re.fullmatch(r"encoder\.layer\.(\d+)\.attention\.attention\.query\.(weight|bias)", name):
            parts = [stored[name.replace("query", part)] for part in ("query", "key", "value")]
            renamed[f"blocks.{match[1]}.attn.qkv.{match[2]}"] = torch.cat(parts)
            continue
        for old, new in RENAMED:
            name = re.sub(old, new, name)
        renamed[name] = value
    return renamed


def load_encoder(path: Path, encoder: VisionTransformer, prefix: str = "encoder.") -> VisionTransformer:
    """Fill a ViT with stored weights; positions of another grid are resampled, as timm does those of published ones.

    Args:
        prefix: of the ViT's entries in the file.

    Raises:
        UserError: the file cannot be read, or is of another architecture.
    """
    handle = encoder.register_load_state_dict_pre_hook(resample_positions)
    try:
        return load_weights(path, encoder, prefix)
    finally:
        handle.remove()


def resample_positions(encoder: nn.Module, state: dict, *_: object) -> None:
    """A hook before `load_state_dict`: stored positions on the ViT's own grid."""
    stored, own = state.get("pos_embed"), encoder.pos_embed
    if stored is not None and stored.ndim == 3 and stored.shape[1] != own.shape[1]:
        state["pos_embed"] = resample_abs_pos_embed(stored, list(encoder.patch_embed.grid_size), num_prefix_tokens=1)


def fingerprint(network: nn.Module) -> str:
    """sha256 (hex) of a network's weights, wherever they come from."""
    sha = hashlib.sha256()
    for value in network.state_dict().values():
        sha.update(value.cpu().numpy().tobytes())
    return sha.hexdigest()
