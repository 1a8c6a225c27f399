"""Encoders by name or folder: what the command line's --image-encoder and --report-encoder take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrneighbors import encoders
from cxrneighbors.arguments import a_thing
from cxrneighbors.encoders.base import NOUN, Fittable, ImageEncoder, TextEncoder, is_image_encoder
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import read_json
from cxrneighbors.hub import is_hub_name, looks_like_path
from cxrneighbors.models import CONFIG, read_config

SIDE_BY_SIDE = "+"
_DESCRIPTORS: dict[str, Callable[[], ImageEncoder]] = {
    "pca": lambda: encoders.PCAEncoder(),
    "pca-whitened": lambda: encoders.PCAEncoder(whiten=1.0),
    "pca-half": lambda: encoders.PCAEncoder(whiten=0.5),
    "pca-centre": lambda: encoders.PCAEncoder(whiten=0.5, crop=0.75),
    "hog": lambda: encoders.HOGEncoder(),
    "pixels": lambda: encoders.PixelEncoder(),
}
_IMAGE_REMEDY = (
    "give a folder that an encoder was saved to, classifier:DIR, torch:FILE, a vision model's folder or hub "
    "name, or one of: pca, pca-half, pca-whitened, pca-centre, hog, pixels, efficientnet-lite0, "
    "efficientnet-lite2, none (several with '+' between them)"
)
# The public class behind a kind in config.json, imported when it is used.
KINDS = {
    "vae": "VAE",
    "pca": "PCAEncoder",
    "hog": "HOGEncoder",
    "side-by-side": "SideBySide",
    "side-by-side-reports": "ReportsSideBySide",
    "findings": "FindingsEncoder",
    "pixels": "PixelEncoder",
    "tfidf": "TfidfEncoder",
    "report": "ReportEncoder",
    "classifier": "ClassifierEncoder",
    "contrastive": "ContrastiveEncoder",
    "foundation": "FoundationEncoder",
    "torch": "TorchEncoder",
    "lung-framed": "LungFramed",
    "projected-image": "ProjectedImageEncoder",
    "projected-report": "ProjectedReportEncoder",
}


def load_image_encoder(
    spec: ImageEncoder | str | Path | None, device: str = "auto", lungs: str | Path | None = None
) -> ImageEncoder | None:
    """The image encoder named by `spec` (an encoder is returned as it is).

    'pca', 'pca-half', 'pca-whitened', 'pca-centre' (central three quarters, half-whitened) and 'hog' (not
    fitted), 'pixels', 'none'; 'efficientnet-lite0' and 'efficientnet-lite2' with their ImageNet weights;
    'classifier:DIR' or 'classifier:DIR:LAYER' (`encoders.classifier`); 'torch:FILE'
    (`encoders.torch_encoder`); a folder that an encoder was saved to; a folder with a vision model of
    transformers, or the name of one on the Hugging Face hub (`encoders.foundation`); several of these with
    '+' between them: side by side.

    `lungs`: folder of a lung segmenter; films are then bent to their lungs (`encoders.lung_framed`), for
    encoders that are fitted afterwards or learn nothing.
    """
    if lungs is not None:
        return _in_lung_frames(load_image_encoder(spec, device), lungs, device)
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str | Path):
        checked: ImageEncoder = _checked(spec, "image")
        return checked
    found = _image_encoder_by_name(str(spec), device)
    if found is not None:
        return found
    encoder = load_encoder_folder(spec, device)
    if not is_image_encoder(encoder):
        raise UserError(
            f"image encoder {str(spec)!r}: holds report encoder {encoder.name!r}; give an image encoder"
        )
    return encoder


def _in_lung_frames(encoder: ImageEncoder | None, lungs: str | Path, device: str) -> ImageEncoder:
    from cxrneighbors.lungs import LungSegmenter

    if encoder is None or encoder.aspect == "own" or (isinstance(encoder, Fittable) and encoder.fitted):
        what = "none" if encoder is None else encoder.name
        raise UserError(
            f"lungs {str(lungs)!r}: image encoder {what!r} cannot be put behind a lung frame (it has learned "
            "from other films, or cuts films itself); leave lungs out, or train it with them"
        )
    return encoders.LungFramed(encoder, LungSegmenter.load(lungs, device))


def _image_encoder_by_name(spec: str, device: str) -> ImageEncoder | None:
    """What `spec` names; None where it is a folder that this package saved an encoder to."""
    if spec in _DESCRIPTORS:
        return _DESCRIPTORS[spec]()
    if SIDE_BY_SIDE in spec and not Path(spec).exists():
        parts = [load_image_encoder(name, device) for name in spec.split(SIDE_BY_SIDE)]
        return encoders.SideBySide([part for part in parts if part is not None])
    from cxrneighbors.classifiers.base import NOUN as CLASSIFIER  # like the next ones it imports torch
    from cxrneighbors.encoders import classifier, foundation, torch_encoder

    if spec in classifier.IMAGENET_BACKBONES:
        return classifier.imagenet_encoder(spec, device)
    if spec.startswith(classifier.PREFIX):
        return classifier.encoder_of_classifier(spec, device)
    if spec.startswith(torch_encoder.PREFIX):
        return torch_encoder.encoder_of_file(spec, device)
    folder = Path(spec)
    if folder.is_dir():
        settings = read_json(folder / CONFIG, remedy=f"give a folder that holds an encoder; {_IMAGE_REMEDY}")
        if isinstance(settings, dict) and "model_type" in settings:
            return foundation.FoundationEncoder(spec, device=device)
        if isinstance(settings, dict) and CLASSIFIER in settings:
            raise UserError(f"image encoder {spec!r}: holds a classifier; give {classifier.PREFIX}{spec}")
        return None
    if spec not in foundation.ALIASES and (looks_like_path(spec) or not is_hub_name(spec)):
        raise UserError(f"image encoder {spec!r}: no such folder; {_IMAGE_REMEDY}")
    return foundation.FoundationEncoder(spec, device=device)


def load_report_encoder(spec: TextEncoder | str | Path | None, device: str = "auto") -> TextEncoder | None:
    """The report encoder named by `spec`: 'tfidf' (not fitted), 'findings', 'minilm', a hub name, a folder,
    'none'; several of these with '+' between them: side by side.

    A folder holds either an encoder saved by this package or a sentence-transformers or transformers model.
    An encoder is returned as it is.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str | Path):
        given: TextEncoder = _checked(spec, "report")
        return given
    if spec == "tfidf":
        return encoders.TfidfEncoder()
    if spec == "findings":
        return encoders.FindingsEncoder()
    if SIDE_BY_SIDE in str(spec) and not Path(spec).exists():
        parts = [load_report_encoder(name, device) for name in str(spec).split(SIDE_BY_SIDE)]
        return encoders.ReportsSideBySide([part for part in parts if part is not None])
    try:
        read_config(spec, NOUN)
    except UserError:  # a language model's own folder, or the name of one
        return encoders.ReportEncoder(str(spec), device=device)
    encoder = load_encoder_folder(spec, device)
    if is_image_encoder(encoder):
        raise UserError(
            f"report encoder {str(spec)!r}: holds image encoder {encoder.name!r}; give a report encoder"
        )
    return encoder


def _checked(encoder: Any, modality: str) -> Any:
    """An encoder that was given as an object: an instance, and of films or of texts as asked."""
    if isinstance(encoder, type):
        raise UserError(f"{modality} encoder: {a_thing(encoder)}; give an encoder, {encoder.__name__}()")
    if not all(hasattr(encoder, name) for name in ("encode", "config", "weights_hash")):
        raise UserError(f"{modality} encoder: {a_thing(encoder)}; give an encoder, its name or its folder")
    if is_image_encoder(encoder) != (modality == "image"):
        other = "report" if modality == "image" else "image"
        raise UserError(f"{modality} encoder {encoder.name!r}: is one of {other}s; give it as {other}=")
    return encoder


def load_encoder_folder(folder: str | Path, device: str = "auto") -> ImageEncoder | TextEncoder:
    """Read any encoder that its `save` wrote, by the kind in config.json."""
    kind = choose("encoder kind", str(read_config(folder, NOUN)[NOUN]), list(KINDS))
    encoder: ImageEncoder | TextEncoder = getattr(encoders, KINDS[kind]).load(folder, device)
    return encoder
