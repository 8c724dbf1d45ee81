"""`python -m benchmarks.scores`: clDice and DSC of several epochs' predictions, ours beside one mask after another.

The plain way makes both skeletons of each pair anew. Scores are compared number by number.
"""

__all__ = ["main", "plain_scores", "row"]

import argparse

import numpy as np
from skimage.morphology import skeletonize

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style
from vasolib.metrics import Labels

SIDE, EPOCHS = 224, 4


def plain_dsc(prediction: np.ndarray, label: np.ndarray) -> float:
    """Twice what both share over their sizes."""
    return 2 * (prediction & label).sum() / (prediction.sum() + label.sum())


def plain_cldice(prediction: np.ndarray, label: np.ndarray) -> float:
    """Harmonic mean of the shares of each skeleton inside the other mask."""
    precision, sensitivity = label[skeletonize(prediction)].mean(), prediction[skeletonize(label)].mean()
    return 2 * precision * sensitivity / (precision + sensitivity)


def plain_scores(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, 2): DSC and clDice in per cent, image by image; no mask may be empty."""
    return np.array(
        [(100 * plain_dsc(p, t), 100 * plain_cldice(p, t)) for p, t in zip(predictions, labels, strict=True)]
    )


def our_scores(epochs: list[np.ndarray], labels: np.ndarray) -> list[np.ndarray]:
    """The same of each epoch, the labels' skeletons made once."""
    truth = Labels.of(labels, [str(i) for i in range(len(labels))])
    return [truth.score(predictions)[["dsc", "cldice"]].to_numpy() for predictions in epochs]


def masks(images: int, epochs: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels (N, 224, 224) of synthetic frames, and predictions that miss and add patches, fewer in each epoch."""
    frames = make_frames(0, range(images), named_style("a"), SIDE, workers=-1)
    labels = np.stack([frame.labels.mask for frame in frames]).astype(bool)
    rng, predictions = np.random.default_rng(0), []
    for epoch in range(epochs):
        wrong = rng.random((images, SIDE // 8, SIDE // 8)) < 0.2 / (epoch + 1)
        predictions.append(np.where(wrong.repeat(8, axis=1).repeat(8, axis=2), np.roll(labels, 3, axis=1), labels))
    return labels, predictions


def row(images: int, turns: int) -> Row:
    """Time and compare."""
    labels, epochs = masks(images, EPOCHS)
    pairs = zip(our_scores(epochs, labels), (plain_scores(seen, labels) for seen in epochs), strict=True)
    if not all(np.array_equal(ours, plain) for ours, plain in pairs):
        raise AssertionError("scores of both ways differ")
    return compare(
        f"clDice and DSC of {images} images at {SIDE} x {SIDE}, {EPOCHS} epochs",
        lambda: [plain_scores(seen, labels) for seen in epochs],
        lambda: our_scores(epochs, labels),
        aim=4,
        same=f"all {2 * EPOCHS * images} scores equal",
        turns=turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """The benchmark's one row."""
    return [row(given.images, given.turns)]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("scores", "Scores of vessel masks, ours beside the plain way.")
    options.add_argument("--images", type=int, default=300, help="labelled images (default: 300)")
    return told_rows(options.parse_args(arguments), "scores", rows)


if __name__ == "__main__":
    raise SystemExit(main())
