"""Neighbours within each view on MIMIC-CXR's shape: a data set written as such a tree, read back, evaluated.

    python eval/mimic_views.py DATASET ROOT [-k 5] [--work build/eval/mimic-views]

Both forms (DICOM with its tables, JPG) are written with the findings that the labeler reads in the reports,
imported, encoded (whitened PCA, MiniLM), indexed, and evaluated with PA, AP and lateral films apart. Writes
eval/results/mimic_views.json; the index of the DICOM form stays in the work folder (for eval/views.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.baselines import make_baselines
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.testing.mimic_tree import write_mimic_tree

FORMS, VIEWS = ("mimic-cxr", "mimic-cxr-jpg"), ("PA", "AP", "LATERAL")
SHOWN = (
    "mean_overlap",
    "random_overlap",
    "lift",
    "lift_ci95",
    "null_mean_lift",
    "p_value",
    "p_value_adjusted",
    "n_targets",
)


def main(arguments: Sequence[str] | None = None) -> None:
    names = ("dataset", "root", "-k", "--device", "--work", "--results")
    given = options(__doc__, *names, work=Path("build/eval/mimic-views")).parse_args(arguments)
    if not (given.work / "tree").is_dir():
        studies = import_dataset(given.dataset, given.root).studies
        write_mimic_tree(studies, given.work / "tree", labels="reports")
    forms = {form: form_views(form, given.work, given.k, given.device) for form in FORMS}
    summary = {
        "what": f"{given.dataset} written in MIMIC-CXR's shape (scripts/make_mimic_tree.py --labels "
        "reports), read back in both forms, encoded (pca-whitened, minilm), indexed, evaluated within each "
        "view; findings are those the labeler reads in the notes, so report lifts are partly the label read "
        "back",
        "k": given.k,
        "forms": forms,
    }
    write_results(given.results, "mimic_views", summary, device=given.device)


def form_views(form: str, work: Path, k: int, device: str) -> dict[str, Any]:
    studies = import_dataset(form, work / "tree" / form).studies
    out = work / form / "embeddings"
    embeddings = encode(studies, image="pca-whitened", report="minilm", out=out, device=device)
    index = NeighborIndex.build(embeddings, studies)
    index.save(work / form / "index")
    found = {}
    for view in VIEWS:
        say(f"{form}: {view}")
        methods = make_baselines(index, ("random",))
        summary = evaluate_overlap(index, k=k, where=f"view == '{view}'", methods=methods).summary
        rows = {name: {key: row[key] for key in SHOWN} for name, row in summary["methods"].items()}
        found[view] = {key: summary[key] for key in ("n_targets", "n_patients")} | {"methods": rows}
    return found


if __name__ == "__main__":
    run(main)
