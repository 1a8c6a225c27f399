"""The segmentation network: a residual U-Net from a grey film to its two lungs."""

from __future__ import annotations

from torch import Tensor, nn

from cxrneighbors.training.exposure import standardise

LEVELS = 5
STRIDE = 2 ** (LEVELS - 1)  # the side of a film must be a multiple of it


class LungNetwork(nn.Module):
    """MONAI's U-Net with residual units (Kerfoot et al. 2018), two output channels: right and left lung.

    `width`: channels at full size; each of the four levels below has twice as many.
    """

    def __init__(self, width: int) -> None:
        from monai.networks.nets.unet import UNet  # takes seconds

        super().__init__()
        channels = [width * 2**level for level in range(LEVELS)]
        self.unet = UNet(2, 1, 2, channels, [2] * (LEVELS - 1), num_res_units=2)

    def forward(self, films: Tensor) -> Tensor:
        """Logits float (N, 2, S, S) of films float (N, 1, S, S); exposure is standardised here."""
        logits: Tensor = self.unet(standardise(films))
        return logits
