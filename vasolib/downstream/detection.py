"""Faster R-CNN for one class of boxes, on a plain ViT under a simple feature pyramid or on a ResNet from scratch.

The parts are torchvision's. Departures from its defaults: images come normalised and at their size, so nothing is
resized or normalised again; anchors are small, as lesions are; and only the backbone runs in mixed precision, for in
bfloat16 the coordinates of boxes beyond the 256th pixel would be multiples of two.
"""

__all__ = ["BoxDetector", "Detector", "detect", "detection_losses", "resnet_detector", "vit_detector"]

from dataclasses import dataclass

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from vasolib.batchnorm import BatchNorm2d
from vasolib.downstream.pyramid import STRIDES, SimplePyramid
from vasolib.errors import UserError
from vasolib.parsing import positive, within
from vasolib.training import autocast, normalise

POOLED = 7  # side of the map that is cut out for a proposal
STAGES = {4: ("layer1", 64), 8: ("layer2", 128), 16: ("layer3", 256), 32: ("layer4", 512)}  # of a ResNet-18


@dataclass(frozen=True)
class Detector:
    """The settings of a Faster R-CNN.

    width: channels of the pyramid's maps. hidden: neurons of the box head. strides: of the maps, from fine to coarse.
    anchors: side of an anchor at each stride, in pixels. ratios: height over width of anchors. pre_nms: proposals of a
    map before those that overlap are dropped, post_nms: of an image after that. foreground, background: least overlap
    (IoU) of an anchor with a lesion, and largest without one. rpn_samples, box_samples: anchors and proposals of an
    image that a loss is taken over. positives: largest share of lesions among them. least_score: of a box.
    most_boxes: of an image.
    """

    width: int = 64
    hidden: int = 256
    strides: tuple[int, ...] = STRIDES
    anchors: tuple[float, ...] = (12.0, 24.0, 48.0, 96.0)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    pre_nms: int = 500
    post_nms: int = 200
    foreground: float = 0.5
    background: float = 0.3
    rpn_samples: int = 64
    box_samples: int = 64
    positives: float = 0.5
    least_score: float = 0.01
    most_boxes: int = 100

    def __post_init__(self) -> None:
        positive(self, "width", "hidden", "pre_nms", "post_nms", "rpn_samples", "box_samples", "most_boxes")
        for name in ("foreground", "background", "positives"):
            within(name, getattr(self, name), 0.0, 1.0)
        within("least_score", self.least_score, -1e-9, 1.0)
        if self.background > self.foreground:
            raise UserError(f"background {self.background} exceeds foreground {self.foreground}: choose it lower")
        if not self.strides or set(self.strides) - set(STRIDES) or list(self.strides) != sorted(set(self.strides)):
            raise UserError(f"strides is {list(self.strides)}: choose some of {list(STRIDES)}, rising")
        if len(self.anchors) != len(self.strides) or min(self.anchors) <= 0:
            raise UserError(
                f"anchors is {list(self.anchors)}: give a side above 0 for each stride {list(self.strides)}"
            )
        if not self.ratios or min(self.ratios) <= 0:
            raise UserError(f"ratios is {list(self.ratios)}: give at least one, all above 0")


class Untouched(nn.Module):
    """In the place of torchvision's GeneralizedRCNNTransform: (B, 3, H, W) and targets as they are."""

    def forward(self, images: Tensor, targets: list[dict] | None = None) -> tuple[ImageList, list[dict] | None]:
        return ImageList(images, [tuple(images.shape[-2:])] * len(images)), targets

    def postprocess(self, result: list[dict], *_: object) -> list[dict]:
        """The boxes as they are."""
        return result


class Mixed(nn.Module):
    """A backbone in mixed precision, whose maps are 32-bit floats."""

    def __init__(self, backbone: nn.Module, out_channels: int) -> None:
        super().__init__()
        self.backbone, self.out_channels = backbone, out_channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        with autocast(images.device):
            return {name: found.float() for name, found in self.backbone(images).items()}


class BoxDetector(FasterRCNN):
    """Faster R-CNN on any backbone: (B, 3, H, W) normalised images -> losses in training, else boxes and scores.

    In training it wants a list of dicts with boxes (k, 4), x0, y0, x1, y1 in pixels, half-open, and labels (k,), 1.
    """

    def __init__(self, backbone: nn.Module, settings: Detector) -> None:
        """`backbone`: (B, 3, H, W) -> {"0": map, "1": ...} of `settings.width` channels at `settings.strides`."""
        names = [str(number) for number in range(len(settings.strides))]
        sizes = tuple((side,) for side in settings.anchors)
        super().__init__(
            Mixed(backbone, settings.width),
            rpn_anchor_generator=AnchorGenerator(sizes, (settings.ratios,) * len(sizes)),
            rpn_pre_nms_top_n_train=settings.pre_nms,
            rpn_pre_nms_top_n_test=settings.pre_nms,
            rpn_post_nms_top_n_train=settings.post_nms,
            rpn_post_nms_top_n_test=settings.post_nms,
            rpn_fg_iou_thresh=settings.foreground,
            rpn_bg_iou_thresh=settings.background,
            rpn_batch_size_per_image=settings.rpn_samples,
            rpn_positive_fraction=settings.positives,
            box_roi_pool=MultiScaleRoIAlign(names, output_size=POOLED, sampling_ratio=2),
            box_head=TwoMLPHead(settings.width * POOLED**2, settings.hidden),
            box_predictor=FastRCNNPredictor(settings.hidden, num_classes=2),  # nothing, lesion
            box_batch_size_per_image=settings.box_samples,
            box_positive_fraction=settings.positives,
            box_score_thresh=settings.least_score,
            box_detections_per_img=settings.most_boxes,
        )
        self.transform = Untouched()

    def forward(self, images: Tensor, targets: list[dict] | None = None) -> dict[str, Tensor] | list[dict]:
        with torch.autocast(images.device.type, enabled=False):
            return super().forward(images, targets)


def vit_detector(encoder: VisionTransformer, settings: Detector) -> BoxDetector:
    """Faster R-CNN on a plain ViT under the simple feature pyramid."""
    return BoxDetector(SimplePyramid(encoder, settings.width, settings.strides), settings)


def resnet_detector(settings: Detector) -> BoxDetector:
    """Faster R-CNN on a ResNet-18 under a feature pyramid, all of it from scratch, batch normalisation trained."""
    body = resnet18(weights=None, norm_layer=BatchNorm2d)
    stages = [STAGES[stride] for stride in settings.strides]
    taken = IntermediateLayerGetter(body, {stage: str(number) for number, (stage, _) in enumerate(stages)})
    return BoxDetector(
        nn.Sequential(taken, FeaturePyramidNetwork([chans for _, chans in stages], settings.width)), settings
    )


def detection_losses(model: BoxDetector, images: Tensor, boxes: list[Tensor]) -> dict[str, Tensor]:
    """torchvision's four losses and their sum, `loss`, for normalised images (B, 3, H, W) and their boxes (k, 4).

    Which anchors and proposals they are taken over is drawn by torch's global generator, which
    `vasolib.training.fit` seeds; so several processes do not draw the same as one.
    """
    device = images.device
    targets = [{"boxes": b.to(device), "labels": torch.ones(len(b), dtype=torch.long, device=device)} for b in boxes]
    losses = model(images, targets)
    return {"loss": sum(losses.values()), **losses}


@torch.no_grad()
def detect(model: BoxDetector, images: Tensor, batch_size: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes (k, 4) and their scores (k,), falling, in each of (N, 1, H, W) uint8 frames, in their pixels."""
    device = next(model.parameters()).device
    model.eval()
    found = [each for batch in images.split(batch_size) for each in model(normalise(batch, device))]
    return [(each["boxes"].cpu().numpy(), each["scores"].cpu().numpy()) for each in found]
