"""Does a film give its patient away? How often the nearest film is another one of the same patient.

    python eval/reidentification.py DATA [--patients 400]

DATA: folder with chestxray14-128 and chestxray14-10k. Each film of a patient with several is searched by
among all films of its sample, the patient's own included; of chestxray14-10k, films of `--patients` drawn
patients outside split 'test'. Chance: the patient's other films as a share of all other films. PCA and HOG
are fitted on the searched films, whose labels and patients they do not see. Writes
eval/results/reidentification.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cxrneighbors as cx
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.progress import say
from cxrneighbors.statistics.clusters import cluster_mean
from cxrneighbors.statistics.patients import count_patients, patient_codes

SAMPLES = ("chestxray14-128", "chestxray14-10k")
ENCODERS = ("pixels", "pca-centre", "hog", "efficientnet-lite0")
DEPTH = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "data", "--seed", "--device", "--results")
    parser.add_argument("--patients", type=int, default=400, help="of chestxray14-10k")
    parser.add_argument("--encoders", default=",".join(ENCODERS), help="names with commas between them")
    given = parser.parse_args(arguments)
    rows, about = [], {}
    for sample in SAMPLES:
        films = read_films(given.data / sample, given.patients, given.seed)
        about[sample] = {"n_films": len(films), "n_patients": count_patients(films)}
        for encoder in given.encoders.split(","):
            say(f"{sample}: {encoder}")
            embeddings = cx.encode(films, image=encoder, device=given.device)
            index = cx.NeighborIndex.build(embeddings, films, backend="exact")
            rows.append({"sample": sample, "encoder": encoder, **same_patient(index, films)})
    summary = {"samples": about, "depth": DEPTH, "rows": rows}
    write_results(given.results, "reidentification", summary, markdown(summary), device=given.device)


def read_films(root: Path, patients: int, seed: int) -> pd.DataFrame:
    """All films of a small sample; of a larger one those of so many patients outside split 'test'."""
    films = cx.read_studies("chestxray14", root)
    if films["patient_id"].nunique() > patients:
        films = films[films["split"] != "test"]
        kept = np.random.default_rng(seed).permutation(films["patient_id"].unique())[:patients]
        films = films[films["patient_id"].isin(kept)]
    return films.reset_index(drop=True)


def same_patient(index: cx.NeighborIndex, films: pd.DataFrame) -> dict[str, Any]:
    """Shares of targets whose nearest, or one of `DEPTH` nearest, is of their own patient; and by chance."""
    codes = patient_codes(films)
    own = np.bincount(codes)[codes] - 1
    targets = np.flatnonzero(own > 0)
    found, _ = index.neighbors(targets, DEPTH, include_same_patient=True)
    hit = (codes[found] == codes[targets][:, None]) & (found >= 0)
    first = cluster_mean(hit[:, 0].astype(float), codes[targets])
    others = len(films) - 1
    missed = np.prod([1 - own[targets] / (others - place) for place in range(DEPTH)], axis=0)
    return {
        "n_targets": len(targets),
        "n_patients": len(np.unique(codes[targets])),
        "nearest": first.mean,
        "nearest_ci95": list(first.interval()),
        "nearest_by_chance": float((own[targets] / others).mean()),
        "among_nearest": float(hit.any(axis=1).mean()),
        "among_nearest_by_chance": float(1 - np.clip(missed, 0, 1).mean()),
    }


def markdown(summary: dict[str, Any]) -> str:
    counts = "; ".join(
        f"{name}: {each['n_films']:,} films of {each['n_patients']:,} patients"
        for name, each in summary["samples"].items()
    )
    about = (
        f"How often the nearest film, and one of the {summary['depth']} nearest, is another film of the same "
        f"patient, whose films are not left out here. {counts}. Targets: films of patients with several. "
        "Interval: patients as units."
    )
    columns = {
        "sample": "{sample}",
        "encoder": "{encoder}",
        "targets:": "{n_targets:,}",
        "nearest (95 % CI)": "{nearest:.1%} ({nearest_ci95[0]:.1%} to {nearest_ci95[1]:.1%})",
        "by chance:": "{nearest_by_chance:.1%}",
        f"among {summary['depth']}:": "{among_nearest:.1%}",
        "by chance, among:": "{among_nearest_by_chance:.1%}",
    }
    return document(about, table(columns, summary["rows"]))


if __name__ == "__main__":
    run(main)
