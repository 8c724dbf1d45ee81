"""DnCNN (Zhang et al., "Beyond a Gaussian Denoiser", IEEE TIP 2017): the convolutional denoiser trained from scratch.

A plain stack of 3 x 3 convolutions, batch-normalised between the first and the last, sees a noisy image and predicts
the noise in it (residual learning). Published for a known noise level: depth 17, width 64, hence a receptive field of
35 pixels; both are arguments here. Kept from the released PyTorch code: orthogonal weights at the start, no bias but
the first layer's. Not kept: its batch normalisation follows the last batch nearly alone (momentum 0.95); torch's usual
momentum averages over some ten, which large crops need less and single frames at the test profit from.
"""

__all__ = ["DnCNN"]

from torch import Tensor, nn

from vasolib.batchnorm import BatchNorm2d


class DnCNN(nn.Module):
    """The noise seen in a grey image: (B, 3, H, W) -> (B, 1, H, W), for any H and W."""

    def __init__(self, depth: int = 17, width: int = 64) -> None:
        """`depth`: number of convolutions, at least 2; the receptive field is 2 depth + 1. `width`: their channels."""
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth is {depth}: DnCNN has a first and a last convolution, so choose 2 or more")
        layers: list[nn.Module] = [conv(1, width, bias=True), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [conv(width, width), BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, conv(width, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.mean(dim=1, keepdim=True))  # the three channels are copies of one


def conv(in_chans: int, out_chans: int, bias: bool = False) -> nn.Conv2d:
    """3 x 3 convolution that keeps the size, with orthogonal weights."""
    layer = nn.Conv2d(in_chans, out_chans, 3, padding=1, bias=bias)
    nn.init.orthogonal_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
