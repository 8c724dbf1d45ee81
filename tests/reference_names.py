"""The released code's parameter names in ours."""

import re

import numpy as np
import torch

UNEXT = {
    **{f"encoder{i + 1}.": f"down.{i}.0." for i in range(3)},
    **{f"ebn{i + 1}.": f"down.{i}.1." for i in range(3)},
    **{f"patch_embed{i + 3}.proj.": f"embed.{i}." for i in range(2)},
    **{f"patch_embed{i + 3}.norm.": f"embed_norm.{i}." for i in range(2)},
    **{f"block{i + 1}.0.": f"mix.{i}." for i in range(2)},
    **{f"dblock{i + 1}.0.": f"up_mix.{i}." for i in range(2)},
    **{f"norm{i + 3}.": f"mix_norm.{i}." for i in range(2)},
    **{f"dnorm{i + 3}.": f"up_mix_norm.{i}." for i in range(2)},
    **{f"decoder{i + 1}.": f"up.{i}.0." for i in range(4)},
    **{f"dbn{i + 1}.": f"up.{i}.1." for i in range(4)},
    "decoder5.": "last.",
    "final.": "head.",
}


def unext_name(name: str) -> str:
    prefix = max((p for p in UNEXT if name.startswith(p)), key=len)
    name = UNEXT[prefix] + name.removeprefix(prefix)
    return name.replace("norm2.", "norm.").replace("mlp.", "").replace("dwconv.dwconv.", "depthwise.")


def mae_name(name: str) -> str:
    return name if re.match("decoder|mask_token", name) else f"encoder.{name}"


def load_unext(model: torch.nn.Module, path) -> torch.nn.Module:
    """Our UNeXt with the weights of reference/unext.npz."""
    stored = np.load(path)
    state = {unext_name(k[2:]): torch.from_numpy(stored[k]) for k in stored if k.startswith("w:")}
    model.load_state_dict(state, strict=True)
    return model
