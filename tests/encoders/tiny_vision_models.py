"""Tiny random models of published architectures, saved as their authors do, made from configurations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

SIZE = 32
TOWER: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
VIT: dict[str, Any] = TOWER | {"image_size": SIZE, "patch_size": 8}
TEXT: dict[str, Any] = TOWER | {"num_hidden_layers": 1, "vocab_size": 99}
TOKENS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
SQUARE = {"height": SIZE, "width": SIZE}
NAMES = (
    "dinov2",
    "dinov3",
    "vit",
    "clip",
    "clip-tower",
    "siglip",
    "biomedclip",
    "convnext",
    "resnet",
    "swin",
)
MAPS: dict[str, Any] = {"hidden_sizes": [4, 8, 12, 16], "depths": [1, 1, 1, 1]}


def make(name: str) -> Any:
    """The random model `name`."""
    import transformers as t

    dual = t.VisionTextDualEncoderConfig.from_vision_text_configs
    clip = {"vision_config": VIT | {"projection_dim": 10}, "text_config": TEXT | TOKENS, "projection_dim": 10}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        match name:
            case "dinov2":
                return t.Dinov2Model(t.Dinov2Config(**VIT))
            case "dinov3":
                return t.DINOv3ViTModel(t.DINOv3ViTConfig(**VIT, num_register_tokens=3))
            case "vit":
                return t.ViTModel(t.ViTConfig(**VIT))
            case "clip":
                return t.CLIPModel(t.CLIPConfig(**clip))
            case "clip-tower":
                return t.CLIPVisionModelWithProjection(t.CLIPConfig(**clip).vision_config)
            case "siglip":
                return t.SiglipModel(t.SiglipConfig(vision_config=VIT, text_config=TEXT | TOKENS))
            case "biomedclip":
                both = dual(t.ViTConfig(**VIT), t.BertConfig(**TEXT), projection_dim=10)
                return t.VisionTextDualEncoderModel(both)
            case "convnext":
                return t.ConvNextModel(t.ConvNextConfig(**MAPS))
            case "resnet":
                return t.ResNetModel(t.ResNetConfig(**MAPS, embedding_size=4, layer_type="basic"))
            case "swin":
                shape = {
                    "image_size": SIZE,
                    "patch_size": 4,
                    "embed_dim": 8,
                    "depths": [1, 1],
                    "num_heads": [1, 2],
                }
                return t.SwinModel(t.SwinConfig(**shape, window_size=4))
    raise ValueError(name)


def processor(name: str) -> Any:
    """The real image processor of such a model, of transformers; DINOv3's needs torchvision: None."""
    import transformers as t

    match name:
        case "dinov2":
            return t.BitImageProcessorPil(size={"shortest_edge": 40}, crop_size=SIZE)
        case "clip" | "clip-tower":
            return t.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=SIZE)
        case "siglip":
            return t.SiglipImageProcessorPil(size=SQUARE)
        case "convnext" | "resnet":
            return t.ConvNextImageProcessorPil(size={"shortest_edge": SIZE}, crop_pct=0.875)
        case "vit" | "biomedclip" | "swin":
            return t.ViTImageProcessorPil(size=SQUARE)
    return None


def write(name: str, folder: Path) -> Path:
    """Save model and image processor `name` into `folder`."""
    make(name).save_pretrained(folder)
    real = processor(name)
    if real is not None:
        real.save_pretrained(folder)
        return folder
    settings = {"image_processor_type": "DINOv3ViTImageProcessorFast", "size": SQUARE, "resample": 2}
    settings |= {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
    settings |= {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
