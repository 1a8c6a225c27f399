"""What networks do to an image before their first layer: channels, size, crop, mean and deviation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Mean and standard deviation of ImageNet's colour channels, which every published DenseNet-121 expects.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def check_batch(images: Tensor) -> Tensor:
    """Return `images`; raise ValueError unless they are floating point (B, 1 or 3, H, W)."""
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.is_floating_point():
        raise ValueError(
            f"images must be float (B, 1 or 3, H, W) in [0, 1], got {images.dtype} {tuple(images.shape)}"
        )
    return images


def to_colour(images: Tensor) -> Tensor:
    """Grey (B, 1, H, W) to three equal channels (B, 3, H, W), a view; three channels stay."""
    return images.expand(-1, 3, -1, -1)


def to_grey(images: Tensor) -> Tensor:
    """Three channels to their mean (B, 1, H, W); one channel stays."""
    return images if images.shape[1] == 1 else images.mean(1, keepdim=True)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Bilinear resize with an anti-aliasing filter, as Pillow's; images of that size pass untouched."""
    if images.shape[-2:] == (height, width):
        return images
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True, align_corners=False)


def resize_shorter(images: Tensor, size: int) -> Tensor:
    """Resize so that the shorter side has `size` pixels; the aspect is kept."""
    height, width = images.shape[-2:]
    shorter = min(height, width)
    return resize(images, max(size, round(height * size / shorter)), max(size, round(width * size / shorter)))


def center_crop(images: Tensor, size: int) -> Tensor:
    """The central (size, size) of images at least that large."""
    top, left = (images.shape[-2] - size) // 2, (images.shape[-1] - size) // 2
    return images[..., top : top + size, left : left + size]


def ten_crops(images: Tensor, size: int) -> Tensor:
    """Four corners and the centre, and the mirror image of each: (B, C, H, W) to (10, B, C, size, size)."""
    bottom, right = images.shape[-2] - size, images.shape[-1] - size
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    crops = [images[..., top : top + size, left : left + size] for top, left in corners]
    crops.append(center_crop(images, size))
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)])


def standardise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """(images - mean) / std per channel; `mean` and `std` have one entry per channel."""
    shape = (1, -1, 1, 1)
    return (images - images.new_tensor(mean).view(shape)) / images.new_tensor(std).view(shape)
