"""Do the encoder's patch features separate vessel from background? (Table 4)"""

__all__ = ["cluster_scores", "embed", "patch_features", "sample_patches"]

import warnings

import numpy as np
import torch
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vasolib.training import normalise


@torch.no_grad()
def patch_features(encoder: VisionTransformer, images: Tensor, batch_size: int = 16) -> np.ndarray:
    """Last-block features of all patches, nothing masked: (N, 1, H, W) uint8 -> (N, L, D) float32."""
    device = next(encoder.parameters()).device
    encoder.eval()
    maps = [encoder.forward_features(normalise(batch, device)) for batch in images.split(batch_size)]
    return torch.cat(maps)[:, encoder.num_prefix_tokens :].float().cpu().numpy()


def sample_patches(patches: int, count: int, *, rng: np.random.Generator) -> np.ndarray:
    """Sorted indices of `count` of M patches (all, if fewer), uniformly drawn."""
    return np.sort(rng.permutation(patches)[:count])


def embed(features: np.ndarray, seed: int) -> np.ndarray:
    """UMAP to the plane: (M, D) -> (M, 2). The same for the same seed on the same kind of processor only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value")  # a seed makes UMAP single-threaded: wanted
        from umap import UMAP

        return UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(features)


def cluster_scores(points: np.ndarray, vessel: np.ndarray) -> dict[str, float]:
    """How well two given groups separate: (M, d) points, (M,) bool.

    SS: silhouette in per cent (-100 to 100, higher is better); CHI: Calinski-Harabasz (higher); DBI: Davies-Bouldin
    (lower).
    """
    return {
        "SS": 100 * silhouette_score(points, vessel),
        "CHI": calinski_harabasz_score(points, vessel),
        "DBI": davies_bouldin_score(points, vessel),
    }
