"""How many parameters a network has, in Keras' convention and in torch's."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterCounts:
    """`keras`: what Keras' `count_params` says of the same network, the convention of the LIME-RAY paper.

    `torch`: what torch calls parameters. They differ by two things: Keras counts the running mean and
    variance of a batch normalisation as (non-trainable) parameters, `running`; torch's LSTM has a second bias
    vector a gate, `second_bias`, which Keras' has not. keras = torch + running - second_bias.
    """

    torch: int
    running: int
    second_bias: int

    @property
    def keras(self) -> int:
        """Parameters in Keras' convention."""
        return self.torch + self.running - self.second_bias

    def sentence(self) -> str:
        """Both counts in one line.

        >>> ParameterCounts(torch=55_407_812, running=0, second_bias=512).sentence()
        "55,407,300 parameters in Keras' convention (torch: 55,407,812, with 512 of a second LSTM bias)"
        """
        apart = []
        if self.second_bias:
            apart.append(f"with {self.second_bias:,} of a second LSTM bias")
        if self.running:
            apart.append(f"without {self.running:,} running means and variances")
        detail = "".join(f", {text}" for text in apart)
        return f"{self.keras:,} parameters in Keras' convention (torch: {self.torch:,}{detail})"


def count_parameters(module: nn.Module) -> ParameterCounts:
    """Count the parameters of `module`, trained or not."""
    running = second_bias = 0
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats:
            running += part.running_mean.numel() + part.running_var.numel()  # type: ignore[union-attr]
        if isinstance(part, nn.LSTM):
            second_bias += sum(
                value.numel() for name, value in part.named_parameters() if name.startswith("bias_hh")
            )
    return ParameterCounts(sum(value.numel() for value in module.parameters()), running, second_bias)
