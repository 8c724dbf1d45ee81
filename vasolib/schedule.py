"""Learning rates over a training."""

__all__ = ["learning_rate", "polynomial", "warmup_cosine"]

import math

from vasolib.settings import Recipe


def warmup_cosine(progress: float, warmup: float) -> float:
    """Factor on the learning rate: linear up to 1 at `warmup`, then half a cosine to 0 at 1."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def polynomial(progress: float, epochs: int) -> float:
    """(1 - e / E)^0.9, constant within an epoch."""
    return (1 - math.floor(progress * epochs + 1e-9) / epochs) ** 0.9  # e / E * E may fall just short of e


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Learning rate at a share `progress` in [0, 1) of all steps."""
    if recipe.schedule == "polynomial":
        return recipe.lr * polynomial(progress, recipe.epochs)
    return recipe.lr * warmup_cosine(progress, recipe.warmup)
