"""HPM: a masked autoencoder that learns to tell which patches are hard, and hides more and more of these.

Wang, Song, Fan, Wang, Xie and Zhang, "Hard patches mining for masked image modeling", CVPR 2023. Beside the
reconstructor, a second decoder predicts how large each patch's error is, trained only to order the masked patches
rightly; the predictions of a momentum teacher on the whole image choose a share alpha of the masked patches, chance
the others. Kept as released: 75 % masked (an argument), alpha from 0 to 0.5 linearly over training, both losses
weighted alike, the predictor as deep as the reconstructor, behind the same embedding, mask token and positions, and
its gradient reaching the encoder. Scaled: the teacher's momentum, an argument. Simplified: it is constant, where the
released code raises it from 0.999 to 0.9999 over 100 epochs; the predictor ends in one number per patch, not in the
mean of 3 P^2; the pairwise cross-entropy is exact, without 1e-6 inside the logarithms. As released, the predictor is
trained on masked positions only and then asked about an image of which all patches are visible.
"""

__all__ = ["HPM", "hard_masking", "ranking_loss"]

import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.distributed import mean
from vasolib.masking import PatchMask, guidance_schedule, guided_masking
from vasolib.mim import NORM, MaskedAutoencoder, decoder_tokens, masked_errors
from vasolib.ssl.momentum import momentum_copy, update_momentum
from vasolib.ssl.vasomim import vessel_share

ALPHA_START, ALPHA_END = 0.0, 0.5  # share of the masked patches that the teacher chooses


def hard_masking(difficulty: Tensor, mask_ratio: float, alpha: float, *, generator: torch.Generator) -> PatchMask:
    """Hide the hardest share alpha of the masked patches, the rest uniformly among all others.

    L - int(L (1 - mask_ratio)) of L are masked, int(alpha times that) of them by difficulty.

    Args:
        difficulty: (B, L), on the generator's device.
    """
    patches = difficulty.shape[1]
    n_hard = int((patches - int(patches * (1 - mask_ratio))) * alpha)
    hardest = difficulty.topk(n_hard, dim=1).indices
    chosen = torch.zeros_like(difficulty).scatter(1, hardest, 1.0)
    return guided_masking(chosen, mask_ratio, 1.0, generator=generator)  # all with weight, then chance


def ranking_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of which patch of a pair has the larger target, a scalar; chance is log 2.

    Mean over the pairs of patches of one image whose targets differ; with several processes, their number is a mean.

    Args:
        prediction: (B, M), any scale; the probability that i exceeds j is sigmoid(prediction_i - prediction_j).
        target: (B, M).
    """
    sign = (target[:, :, None] - target[:, None]).sign()
    margin = prediction[:, :, None] - prediction[:, None]
    pairs = sign.abs()
    return (F.softplus(-sign * margin) * pairs).sum() / mean(pairs.sum()).clamp_min(1)


class HPM(MaskedAutoencoder):
    """A masked autoencoder with a predictor of its own errors and a teacher that masks by it."""

    VIEWS = 1

    def __init__(
        self, encoder: VisionTransformer, embed_dim: int, depth: int, num_heads: int, mask_ratio: float,
        norm_pix_loss: bool, momentum: float = 0.999,
    ) -> None:  # fmt: skip
        """`embed_dim`, `depth`, `num_heads`: of both decoders.

        `momentum`: the teacher averages the student over the last 1 / (1 - momentum) steps. Published, that is at
        most a twelfth of training (10,000 of 125,000 steps); 0.999 over some thousand steps would average over a
        third of it, and 0.99 over 1,200 steps or 0.996 over 3,000 keep the published proportion.
        """
        super().__init__(encoder, embed_dim, depth, num_heads)
        self.mask_ratio, self.norm_pix_loss, self.momentum = mask_ratio, norm_pix_loss, momentum
        blocks = (Block(embed_dim, num_heads, qkv_bias=True, norm_layer=NORM) for _ in range(depth))
        self.loss_predictor = nn.Sequential(*blocks, NORM(embed_dim), nn.Linear(embed_dim, 1))
        parts = ("encoder", "decoder_embed", "loss_predictor")  # the reconstructor is not needed to choose a mask
        self.teacher = nn.ModuleDict({name: momentum_copy(getattr(self, name)) for name in parts})

    def update_teacher(self) -> None:
        """Move the teacher towards the student as the last step left it."""
        for name, part in self.teacher.items():
            update_momentum(part, getattr(self, name), self.momentum)

    @torch.no_grad()
    def difficulty(self, images: Tensor) -> Tensor:
        """The teacher's prediction of each patch's error from the whole image: (B, 3, H, W) -> (B, L)."""
        tokens = self.teacher["decoder_embed"](self.teacher["encoder"].forward_features(images))
        return self.teacher["loss_predictor"](tokens + self.decoder_pos_embed)[:, 1:, 0].float()

    def loss(self, views: Tensor, weights: Tensor, progress: float, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Reconstruction error and ranking loss, both of the masked patches, and their share that contains vessel.

        Updates the teacher in training mode.

        Args:
            views: (1, B, 3, H, W).
            weights: (B, L), see `vasolib.masking.patch_weights`; logged only.
            progress: (epoch + 1) / epochs.
        """
        if self.training:
            self.update_teacher()
        alpha = guidance_schedule(progress, ALPHA_START, ALPHA_END)
        masked = hard_masking(self.difficulty(views[0]), self.mask_ratio, alpha, generator=generator)
        errors, predicted = self.errors(views[0], masked)
        reconstruction, ranking = errors.mean(), ranking_loss(predicted, errors.detach())
        values = {"reconstruction": reconstruction, "ranking": ranking, "vessel_share": vessel_share(weights, masked)}
        return {"loss": reconstruction + ranking, **values}

    def errors(self, images: Tensor, masked: PatchMask) -> tuple[Tensor, Tensor]:
        """The student's reconstruction error of each masked patch, and its prediction of that: two of (B, L_mask)."""
        tokens = decoder_tokens(self, self.encode(images, masked.idx_keep), masked.idx_keep, masked.idx_mask)
        n_mask = masked.idx_mask.shape[1]
        prediction = self.decoder_pred(self.decoder_norm(self.decoder_blocks(tokens)[:, -n_mask:]))
        predicted = self.loss_predictor(tokens)[:, -n_mask:, 0]
        return masked_errors(prediction, images, masked.idx_mask, self.norm_pix_loss), predicted.float()
