"""A published vision model cut to what an encoder needs: its image tower, and one vector from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cxrneighbors.errors import UserError, choose
from cxrneighbors.hub import may_fetch

POOLINGS = ("projection", "pooler", "class", "mean")
_CLASS_TOKENS = ("cls_token", "class_embedding")


class VisionNetwork(nn.Module):
    """Images float (B, 3, S, S), standardised, to one vector each, float (B, D).

    `pooling`:

    - 'projection': into the space that images share with texts (CLIP and its kin);
    - 'pooler': what the model itself offers as the picture's vector: the attention head of SigLIP, the mean
      map of ConvNeXt, ResNet and Swin, the normalised class token of DINOv2, DINOv3 and CLIP's tower;
    - 'class': the class token of the last layer; 'mean': the mean of all patch tokens (class and register
      tokens left out) or of the last map.

    'auto' takes the first that the model has, but no pooler with a dense layer: that of ViT, DeiT and the
    like comes from another training, where it was trained at all, so 'auto' is 'class' for them.
    """

    def __init__(self, model: Any, pooling: str, image_size: int, untrained: list[str], what: str) -> None:
        super().__init__()
        self.tower: nn.Module = getattr(model, "vision_model", model)
        self.projection: nn.Module | None = getattr(model, "visual_projection", None)
        names = {name.rpartition(".")[2]: value for name, value in self.tower.named_parameters()}
        self.has_class = any(name in names for name in _CLASS_TOKENS)
        self.n_prefix = sum(name in names for name in (*_CLASS_TOKENS, "distillation_token"))
        self.n_prefix += names["register_tokens"].shape[-2] if "register_tokens" in names else 0
        self.pooling = self._choose(pooling, image_size, what)
        self._check_weights(untrained, what)

    def forward(self, images: Tensor) -> Tensor:
        """One vector an image."""
        output = self.tower(pixel_values=images)
        if self.pooling in ("projection", "pooler"):
            pooled: Tensor = output.pooler_output.flatten(1)
            if self.pooling == "projection" and self.projection is not None:
                pooled = self.projection(pooled)
            return pooled
        states: Tensor = output.last_hidden_state
        if states.ndim == 4:
            return states.mean((2, 3))
        return states[:, 0] if self.pooling == "class" else states[:, self.n_prefix :].mean(1)

    @torch.inference_mode()
    def _choose(self, pooling: str, image_size: int, what: str) -> str:
        """The pooling that is taken, of those that the tower's answer to a blank image allows."""
        output = self.tower.eval()(pixel_values=torch.zeros(1, 3, image_size, image_size))
        pools = getattr(output, "pooler_output", None) is not None
        has = {"projection": pools and self.projection is not None, "pooler": pools, "class": self.has_class}
        offered = [name for name in POOLINGS if has.get(name, True)]
        if pooling != "auto":
            return choose(f"pooling of {what}", pooling, ["auto", *offered])
        dense = hasattr(getattr(self.tower, "pooler", None), "dense")
        return next(name for name in offered if name != "pooler" or not dense)

    def _check_weights(self, untrained: list[str], what: str) -> None:
        """Refuse tensors that the model's files lack: they are drawn at random."""
        ignored = ("mask_token",) if self.pooling == "pooler" else ("mask_token", "pooler.")
        lacking = [name for name in untrained if not any(part in name for part in ignored)]
        lacking = [name for name in lacking if not name.startswith(("text_", "logit_"))]
        if lacking:
            raise UserError(
                f"{what}: its files lack {len(lacking)} weights ({lacking[0]}, ...); give another pooling "
                "or model"
            )


def load_vision_network(
    source: str | Path, what: str, pooling: str, image_size: int, revision: str | None = None
) -> VisionNetwork:
    """Load a transformers model's image tower in float32; `what` names the encoder in messages.

    `image_size`: pixels a side of what the model's image processor makes.

    Code that comes with a model is never run. Raises `UserError` for a model without an image tower, of
    other than three channels, or that hides patches at random, for a pooling that it does not have, and for
    files that lack weights.
    """
    import transformers

    config = transformers.AutoConfig.from_pretrained(
        str(source), revision=revision, local_files_only=not may_fetch(), trust_remote_code=False
    )
    vision = getattr(config, "vision_config", config)
    if hasattr(vision, "mask_ratio"):
        raise UserError(
            f"{what}: a masked autoencoder hides patches at random; give its encoder saved as ViT"
        )
    if getattr(vision, "num_channels", 3) != 3:
        raise UserError(f"{what}: takes {vision.num_channels} channels; give a model of three")
    # AutoModel would leave the projection of such a model out.
    named = [name for name in config.architectures or [] if name.endswith("VisionModelWithProjection")]
    loader: Any = getattr(transformers, named[0]) if named else transformers.AutoModel
    model, info = loader.from_pretrained(
        str(source),
        revision=revision,
        output_loading_info=True,
        local_files_only=not may_fetch(),
        trust_remote_code=False,
    )
    if not (hasattr(model, "vision_model") or model.main_input_name == "pixel_values"):
        raise UserError(f"{what}: {type(model).__name__} has no image tower; give a vision model")
    return VisionNetwork(model.float(), pooling, image_size, sorted(info["missing_keys"]), what).eval()
