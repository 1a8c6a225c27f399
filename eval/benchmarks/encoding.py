"""Films a second from 1024 × 1024 PNG to the embedding store, against the network's bare forward passes.

The real films of chestxray14-1024, a few over and over. `encode` reads the next batch while the network
works; bare passes go over images that lie on the device already, in the same batches, precision and layout;
bare reading is `load_images` with every core. Weights are drawn: they cost what trained ones do.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.turns import ratio, settings, spread, summary, take_turns
from common.markdown import document, table
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.pixels import load_images
from cxrneighbors.devices import autocast, resolve_device
from cxrneighbors.encoders.base import ImageEncoder
from cxrneighbors.encoders.classifier import ClassifierEncoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.forward import placed
from cxrneighbors.encoders.vae import VAE

# Films, by the kind of device: enough for some seconds on each.
FILMS, FEW = {"cpu": 128, "cuda": 2048}, 4
SIZE, BATCH = 224, 64
LIMIT = (
    "On a CPU reading and the network share the cores, and encode takes about the sum of both. On a GPU the "
    "slower of both should remain; it has not been measured."
)
Network = Callable[[Tensor], Tensor]


def measure(given: Namespace) -> dict[str, Any]:
    """A row an encoder."""
    device = resolve_device(given.device)
    pngs = sorted((given.data / "chestxray14-1024").rglob("*.png"))
    n_films = FEW if given.small else FILMS[torch.device(device).type]
    paths = [str(path) for path in islice(cycle(pngs), n_films)]
    images, _ = load_images(paths, SIZE)
    rows = []
    for name, (encoder, network) in encoders(device).items():
        ways: dict[str, Callable[[], object]] = {
            "encode": partial(to_a_store, encoder, paths),
            "passes": partial(bare_passes, network, torch.from_numpy(images).to(device)),
            "reading": partial(load_images, paths, SIZE),
        }
        seconds = take_turns(ways, given.rounds)
        row: dict[str, Any] = {way: summary(each) for way, each in seconds.items()}
        row |= {f"ratio, {way}": ratio(seconds, "encode", way) for way in ("passes", "reading")}
        rows.append({"encoder": name, "films": n_films} | row)
    return settings(
        given, rows=rows, kind=torch.device(device).type, threads=torch.get_num_threads(), limit=LIMIT
    )


def encoders(device: str) -> dict[str, tuple[ImageEncoder, Network]]:
    """Encoders of 224 × 224 pixels, and what of each maps a batch to vectors."""
    vae = VAE(image_size=SIZE, device=device)
    vae.fitted = True
    classifier = build("efficientnet-lite0", n_classes=14, image_size=SIZE).eval()
    placed(vae.network, device)
    placed(classifier, device)
    features = ClassifierEncoder(classifier, device=device)
    return {"VAE": (vae, vae.network.means), "EfficientNet-lite0": (features, classifier.features)}


def to_a_store(encoder: ImageEncoder, paths: list[str]) -> None:
    """From files to the embedding store."""
    ids = [f"i{place}" for place in range(len(paths))]
    studies = pd.DataFrame({"image_id": ids, "path": paths, "patient_id": ids})
    studies["findings"] = [[] for _ in ids]
    with tempfile.TemporaryDirectory() as folder:
        encode(studies, image=encoder, out=Path(folder) / "embeddings", batch_size=BATCH)


def bare_passes(network: Network, images: Tensor) -> np.ndarray:
    """Vectors of images float32 (N, 1, H, W) on the device."""
    with torch.inference_mode(), autocast(images.device.type, "auto"):
        found: np.ndarray = torch.cat([network(batch) for batch in torch.split(images, BATCH)]).cpu().numpy()
    return found


def markdown(found: dict[str, Any]) -> str:
    """A row an encoder."""
    columns = {
        "encoder": "{encoder}",
        "films:": "{films:,}",
        "encode, films/s:": "{encode_rate:.1f}",
        "bare passes, films/s:": "{passes_rate:.1f}",
        "bare reading, films/s:": "{reading_rate:.1f}",
        "encode takes, times the passes": "{passes_times}",
        "times the reading": "{reading_times}",
    }
    rows = []
    for row in found["rows"]:
        rates = {f"{way}_rate": row["films"] / row[way]["seconds"] for way in ("encode", "passes", "reading")}
        times = {f"{way}_times": spread(row[f"ratio, {way}"], 2) for way in ("passes", "reading")}
        rows.append(row | rates | times)
    return document(
        f"Real films of 1024 × 1024 to {SIZE} × {SIZE} and to vectors, batches of {BATCH}; {found['kind']} "
        f"(torch with {found['threads']} threads); {found['rounds']} rounds, median (lowest to highest).",
        table(columns, rows),
        found["limit"],
    )
