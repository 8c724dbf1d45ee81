"""CheXWorld: predict, in feature space, what is hidden, what lies elsewhere, and what another exposure would show.

Yue et al., "CheXWorld: Exploring image world modeling for radiograph representation learning", CVPR 2025, on I-JEPA's
scheme (Assran et al., CVPR 2023). Two crops of equal size are cut from an image; of each, the moving-average encoder
sees all, the context encoder the patches that block masks leave of an altered copy. From either context, one predictor
tells the features of the masked patches of its own crop (local anatomy) and of the other (layout: mask tokens sit at
the other crop's fractional places), both times undoing the alteration (domain: mask tokens carry its parameters).
Kept as published: crops of 30 to 100 %, the alterations and how often they happen, squared error to layer-normalised
features, equal weights, momentum 0.996 to 1 along a cosine, and the moving-average encoder as the one that is
fine-tuned. After N steps exp(-0.002 N) of that one is still its random start: 0.2 % at 3,000 steps, 14 % at 1,000.
The paper predicts all patches of the other crop; the released code, followed here, the masked ones alone. Scaled: the
predictor (published: 6 blocks of 384). Simplified: crops are cut from the loader's view, itself a crop and maybe
mirrored, so they are finer than published and never mirrored to one another; gradients are not clipped (published: 1);
a class token runs with the patches, since fine-tuning has one, but neither feeds the predictor nor is predicted.
"""

__all__ = ["CheXWorld", "Pairs", "Predictor", "draw_pairs"]

import math
from typing import NamedTuple

import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.data.crops import RATIO
from vasolib.distributed import batch_rand
from vasolib.mim import NORM
from vasolib.ssl.augment import to_grey
from vasolib.ssl.blocks import Blocks, draw_blocks
from vasolib.ssl.momentum import cosine_momentum, momentum_copy, update_momentum
from vasolib.training import normalise

MOMENTUM = 0.996  # of the moving average, at the start
CROP_SCALE = (0.3, 1.0)  # share of the view's area
JITTER = (0.6, 1.4)  # factors on brightness and on contrast
GAMMA = 2.0  # largest, and the inverse of the smallest
JITTER_SHARE = 0.8  # of images whose brightness, contrast and gamma are altered
BLUR = (0.1, 2.0)  # standard deviation in pixels of an image of BLUR_SIDE
BLUR_SIDE = 224
BLUR_SHARE = 0.2


class Pairs(NamedTuple):
    """Two crops of B images: entries 0 to B - 1 are the first crops, B to 2B - 1 the second of the same images.

    targets: (2B, 3, H, W), the crops; contexts: (2B, 3, H, W), their altered copies; appearance: (2B, 4), the
    alteration (brightness, contrast, gamma factors, blur in pixels); places: (2B, 2), top and left in crop heights
    and widths.
    """

    targets: Tensor
    contexts: Tensor
    appearance: Tensor
    places: Tensor


@torch.no_grad()
def draw_pairs(images: Tensor, *, generator: torch.Generator) -> Pairs:
    """Crops and alterations of normalised grey images (B, 3, H, W)."""
    batch, device = len(images), images.device
    with torch.autocast(device.type, enabled=False):  # coordinates and grey levels want more than eight bits
        grey = jitter(to_grey(images), draw_appearance(batch, generator=generator))
        area = batch_rand(batch, bounds=CROP_SCALE, generator=generator)
        aspect = RATIO[1] ** batch_rand(batch, bounds=(-1, 1), generator=generator)
        sizes = torch.stack([area / aspect, area * aspect], dim=1).sqrt().clamp(max=1)  # (B, 2), parts of the view
        sizes = sizes.repeat(2, 1)
        corners = batch_rand(2 * batch, 2, views=2, generator=generator) * (1 - sizes)
        crops = crop(grey.repeat(2, 1, 1, 1), corners, sizes)
        appearance = draw_appearance(2 * batch, 2, generator=generator)
        altered = blur(jitter(crops, appearance) ** appearance[:, 2].view(-1, 1, 1, 1), appearance[:, 3])
        targets, contexts = (normalise(255 * x, device) for x in (crops, altered))
    return Pairs(targets, contexts, appearance, corners / sizes)


def draw_appearance(batch: int, views: int = 1, *, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and gamma factors and blur of each image, (B, 4); 1, 1, 1, 0 leaves it as it is.

    `batch` counts all `views` of an image, which lie view after view.
    """
    brightness, contrast = batch_rand(2, batch, dim=1, views=views, bounds=JITTER, generator=generator)
    gamma = GAMMA ** batch_rand(batch, views=views, bounds=(-1, 1), generator=generator)
    sigma = batch_rand(batch, views=views, bounds=BLUR, generator=generator)
    jittered, blurred = batch_rand(2, batch, dim=1, views=views, generator=generator)
    factors = torch.where(jittered < JITTER_SHARE, torch.stack([brightness, contrast, gamma]), 1.0)
    return torch.cat([factors, torch.where(blurred < BLUR_SHARE, sigma, 0.0)[None]]).T


def jitter(grey: Tensor, appearance: Tensor) -> Tensor:
    """Brightness, then contrast about the image's mean, clipped: (B, 1, H, W) in [0, 1], (B, 4) -> the same."""
    brightness, contrast = appearance[:, :2].T.reshape(2, -1, 1, 1, 1)
    grey = (grey * brightness).clamp(0, 1)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    return (mean + (grey - mean) * contrast).clamp(0, 1)


def blur(grey: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian blur of each image's own width: (B, 1, H, W), (B,) in pixels of an image of 224 -> the same."""
    side = grey.shape[-1]
    reach = math.ceil(3 * BLUR[1] * side / BLUR_SIDE)
    offsets = torch.arange(-reach, reach + 1, device=grey.device)
    kernel = torch.exp(-0.5 * (offsets / (sigma[:, None] * side / BLUR_SIDE).clamp_min(1e-3)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True))[:, None, None]  # (B, 1, 1, K)
    out = F.pad(grey.transpose(0, 1), (reach,) * 4, mode="replicate")
    out = F.conv2d(F.conv2d(out, kernel, groups=len(grey)), kernel.mT, groups=len(grey))
    return out.transpose(0, 1)


def crop(images: Tensor, corners: Tensor, sizes: Tensor) -> Tensor:
    """Bilinear crops at full size: (B, 1, H, W), top-left corners and sizes (B, 2) in parts of the image."""
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 1, 1] = sizes[:, 1], sizes[:, 0]  # affine_grid counts columns first, from -1 to 1
    theta[:, :, 2] = (2 * corners + sizes - 1).flip(1)
    where = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, where, padding_mode="border", align_corners=False)


def positions(places: Tensor, dim: int) -> Tensor:
    """Sine-cosine codes of rows and columns, whole or not: (..., 2) -> (..., dim); MAE's codes at whole numbers."""
    omega = 10000 ** -(torch.arange(dim // 4, device=places.device) / (dim // 4))
    angles = places.flip(-1)[..., None] * omega  # (..., 2, dim / 4)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class Predictor(nn.Module):
    """Features at given places from a context's features, and the change of appearance on the way there."""

    def __init__(self, in_dim: int, embed_dim: int, depth: int, num_heads: int) -> None:
        """`in_dim`: D, of the features; `embed_dim`: a multiple of 4, `depth`, `num_heads`: of the blocks within."""
        super().__init__()
        self.embed = nn.Linear(in_dim, embed_dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.policy = nn.Sequential(
            nn.Linear(embed_dim + 4, embed_dim), nn.ReLU(),
            nn.Linear(embed_dim, embed_dim), nn.ReLU(), nn.Linear(embed_dim, embed_dim),
        )  # fmt: skip
        self.blocks = nn.Sequential(
            *(Block(embed_dim, num_heads, qkv_bias=True, norm_layer=NORM) for _ in range(depth))
        )
        self.norm = NORM(embed_dim)
        self.head = nn.Linear(embed_dim, in_dim)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, context: Tensor, seen: Tensor, wanted: Tensor, appearance: Tensor) -> Tensor:
        """(B, L_context, D), places (B, L_context, 2) and (B, L_target, 2), (B, 4) -> (B, L_target, D)."""
        dim = self.mask_token.shape[2]
        known = self.embed(context) + positions(seen, dim)
        queries = self.mask_token + positions(wanted, dim)
        queries = self.policy(torch.cat([queries, appearance[:, None].expand(-1, wanted.shape[1], -1)], dim=2))
        x = self.norm(self.blocks(torch.cat([known, queries], dim=1)))
        return self.head(x[:, context.shape[1] :])


class CheXWorld(nn.Module):
    """A context encoder and a predictor that learn; `encoder`, the former's moving average, teaches and is kept."""

    VIEWS = 1

    def __init__(self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int) -> None:
        """`embed_dim`, `depth`, `num_heads`: the predictor's."""
        super().__init__()
        self.context_encoder, self.encoder = encoder, momentum_copy(encoder)
        self.predictor = Predictor(encoder.embed_dim, embed_dim, depth, num_heads)
        self.grid = encoder.patch_embed.grid_size[0]
        line = torch.arange(self.grid, dtype=torch.float32)
        self.register_buffer("coordinates", torch.cartesian_prod(line, line), persistent=False)  # (L, 2): row, column

    def encode(self, images: Tensor, idx_context: Tensor) -> Tensor:
        """Features of the visible patches: (B, 3, H, W), (B, L_context) -> (B, L_context, D)."""
        vit = self.context_encoder
        x = vit.patch_embed(images) + vit.pos_embed[:, 1:]
        x = x.gather(1, idx_context[:, :, None].expand(-1, -1, x.shape[2]))
        cls = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1)
        return vit.norm(vit.blocks(torch.cat([cls, x], dim=1)))[:, 1:]

    @torch.no_grad()
    def targets(self, images: Tensor) -> Tensor:
        """Layer-normalised features of all patches by the moving average: (B, 3, H, W) -> (B, L, D) float32."""
        features = self.encoder.forward_features(images)[:, 1:].float()
        return F.layer_norm(features, features.shape[2:])

    def error(self, context: Tensor, targets: Tensor, pairs: Pairs, blocks: Blocks, shift: int) -> Tensor:
        """Mean squared error at the masked patches of the crop itself (`shift` 0, eq. 10) or the other (B, eq. 11).

        Args:
            context: (2B, L_context, D) of `encode`; targets: (2B, L, D) of `targets`.
        """
        idx_target = blocks.idx_target.roll(shift, 0)
        displacement = pairs.places.roll(shift, 0) - pairs.places  # (2B, 2), eq. 4
        wanted = self.coordinates[idx_target] + self.grid * displacement[:, None]  # eq. 5
        prediction = self.predictor(context, self.coordinates[blocks.idx_context], wanted, pairs.appearance)
        aim = targets.roll(shift, 0).gather(1, idx_target[:, :, None].expand(-1, -1, targets.shape[2]))
        return F.mse_loss(prediction.float(), aim)

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean of the errors within and across crops, eq. 12: views (1, B, 3, H, W).

        `spread`, the deviation of a target feature over all patches (of this process), falls to 0 where the encoders
        collapse.
        """
        if self.training:
            update_momentum(self.encoder, self.context_encoder, cosine_momentum(progress, MOMENTUM))
        pairs = draw_pairs(views[0], generator=generator)
        blocks = draw_blocks(len(pairs.contexts), self.grid, 2, generator=generator)
        context, targets = self.encode(pairs.contexts, blocks.idx_context), self.targets(pairs.targets)
        local, layout = (self.error(context, targets, pairs, blocks, shift) for shift in (0, views.shape[1]))
        spread_of_targets = targets.flatten(0, 1).std(dim=0).mean()
        return {"loss": (local + layout) / 2, "local": local, "layout": layout, "spread": spread_of_targets}
