"""LIME of one film: ours against the `lime` package and captum's `Lime`.

The same segments, as many masks, the same classifier: once one that costs nothing (the mean of a corner), so
that only the perturbation is timed, once a network.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.quickshift import first_film
from benchmarks.turns import installed, ratio, settings, spread, summary, take_turns
from common.markdown import document, table
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.devices import resolve_device
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.segments import segment

SIZE = 224
LABELS = ("well", "sick")
RIVALS = {"lime": "the lime package", "captum": "captum's Lime"}
LIMIT = (
    "Before: maps of which film is shown at each pixel, gathered by torch; then a question at each pixel. "
    "Now, with a classifier that costs nothing: copying runs of one segment, and the classifier itself."
)


class Corner(nn.Module):
    """The mean of a corner, as a logit."""

    def forward(self, images: Tensor) -> Tensor:
        return 8 * images[:, 0, :32, :32].mean((1, 2))[:, None] - 4


def measure(given: Namespace) -> dict[str, Any]:
    """A row a classifier."""
    device = resolve_device(given.device)
    film = resize(read_pixels(first_film(given.data)), SIZE)[None]
    segments = segment(film, "quickshift")
    networks: dict[str, tuple[nn.Module, int]] = {"the mean of a corner": (Corner(), 600)}
    if not given.small:
        networks["DenseNet-121"] = (build("chexnet", labels=["sick"], image_size=SIZE), 60)
    rows = []
    for name, (network, n_masks) in networks.items():
        network = network.to(device).eval()
        ways = ways_of(network, film, segments, n_masks, device)
        seconds = take_turns(ways, given.rounds, least=0.2)
        row: dict[str, Any] = {"classifier": name, "masks": n_masks}
        row |= {way: summary(each) for way, each in seconds.items()}
        row |= {f"ratio, {way}": ratio(seconds, way, "ours") for way in seconds if way != "ours"}
        rows.append(row)
    return settings(given, rows=rows, size=SIZE, rivals=installed(*RIVALS), limit=LIMIT)


def ways_of(
    network: nn.Module, film: np.ndarray, segments: np.ndarray, n_masks: int, device: str
) -> dict[str, Callable[[], object]]:
    """The same explanation by each library."""
    predictor = Predictor(network, labels=LABELS, device=device, precision="float32")
    explainer = Lime(predictor, n_masks=n_masks, segmentation=lambda _: segments)
    ways: dict[str, Callable[[], object]] = {"ours": lambda: explainer.explain(film, "sick")}
    there = installed(*RIVALS)
    if "lime" in there:
        ways["lime"] = lambda: by_lime(network, film, segments, n_masks, device)
    if "captum" in there:
        ways["captum"] = lambda: by_captum(network, film, segments, n_masks, device)
    return ways


def by_lime(network: nn.Module, film: np.ndarray, segments: np.ndarray, n_masks: int, device: str) -> object:
    """As the package's own examples do it, in batches of ours."""
    from lime.lime_image import LimeImageExplainer

    def scores(images: np.ndarray) -> np.ndarray:
        grey = torch.from_numpy(np.ascontiguousarray(images[..., :1].transpose(0, 3, 1, 2), np.float32))
        with torch.inference_mode():
            sick = torch.sigmoid(network(grey.to(device)))[:, 0].cpu().numpy()
        return np.stack([1 - sick, sick], axis=1)

    return LimeImageExplainer(random_state=0).explain_instance(
        np.repeat(film[0][..., None], 3, axis=2).astype(np.float64),
        scores,
        labels=(1,),
        top_labels=None,
        hide_color=0.5,
        num_samples=n_masks + 1,
        num_features=100_000,
        batch_size=32,
        segmentation_fn=lambda _: segments,
    )


def by_captum(
    network: nn.Module, film: np.ndarray, segments: np.ndarray, n_masks: int, device: str
) -> object:
    """captum's, in batches of ours."""
    from captum.attr import Lime as Captum

    images = torch.from_numpy(film)[None].to(device)
    mask = torch.from_numpy(segments.astype(np.int64))[None, None].to(device)
    with torch.no_grad():
        return Captum(lambda batch: torch.sigmoid(network(batch))[:, 0]).attribute(
            images,
            baselines=0.5,
            feature_mask=mask,
            n_samples=n_masks + 1,
            perturbations_per_eval=32,
            return_input_shape=False,
        )


def markdown(found: dict[str, Any]) -> str:
    """A row a classifier."""
    columns = {"classifier": "{classifier}", "masks:": "{masks}", "ours, s": "{ours}"}
    columns |= {f"{title}, times as long": f"{{{name}}}" for name, title in RIVALS.items()}
    rows = [
        {"classifier": row["classifier"], "masks": row["masks"], "ours": spread(row["ours"], 3)}
        | {name: spread(row.get(f"ratio, {name}")) or "not installed" for name in RIVALS}
        for row in found["rows"]
    ]
    return document(
        f"LIME of one real film at {found['size']} × {found['size']}, segments given; {found['rounds']} "
        "rounds, median (lowest to highest).",
        table(columns, rows),
        found["limit"],
    )
