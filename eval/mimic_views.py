"""Neighbours within each view on MIMIC-CXR's shape: a data set written as such a tree, read back, evaluated.

    python eval/mimic_views.py DATASET ROOT [-k 5] [--work build/eval/mimic-views]

Both forms (DICOM with its tables, JPG) are written with the findings that the labeler reads in the reports,
imported, encoded (whitened PCA, MiniLM), indexed, and evaluated with PA, AP and lateral films apart. Writes
eval/results/mimic_views.json; the index of the DICOM form stays in the work folder (for eval/views.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.files import write_json_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.testing.mimic_tree import write_mimic_tree

RESULTS = Path(__file__).parent / "results"
FORMS, VIEWS = ("mimic-cxr", "mimic-cxr-jpg"), ("PA", "AP", "LATERAL")
SHOWN = (
    "mean_overlap",
    "random_overlap",
    "lift",
    "lift_ci95",
    "null_mean_lift",
    "p_value",
    "p_value_adjusted",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("root")
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--work", default="build/eval/mimic-views")
    arguments = parser.parse_args()
    work = Path(arguments.work)
    studies = import_dataset(arguments.dataset, arguments.root).studies
    if not (work / "tree").is_dir():
        write_mimic_tree(studies, work / "tree", labels="reports")
    forms = {form: form_views(form, work, arguments.k) for form in FORMS}
    summary = {
        "what": f"{arguments.dataset} written in MIMIC-CXR's shape (scripts/make_mimic_tree.py --labels "
        "reports), read back in both forms, encoded (pca-whitened, minilm), indexed, evaluated within each "
        "view; findings are those the labeler reads in the notes, so report lifts are partly the label read "
        "back",
        "k": arguments.k,
        "forms": forms,
    }
    write_json_atomic(RESULTS / "mimic_views.json", summary)


def form_views(form: str, work: Path, k: int) -> dict[str, Any]:
    studies = import_dataset(form, work / "tree" / form).studies
    embeddings = encode(studies, image="pca-whitened", report="minilm", out=work / form / "embeddings")
    index = NeighborIndex.build(embeddings, studies)
    index.save(work / form / "index")
    found = {}
    for view in VIEWS:
        say(f"{form}: {view}")
        result = evaluate_overlap(index, k=k, where=f"view == '{view}'", baselines=("random",))
        summary = result.summary
        methods = {
            name: {key: row[key] for key in (*SHOWN, "n_targets")} for name, row in summary["methods"].items()
        }
        found[view] = {key: summary[key] for key in ("n_targets", "n_patients")} | {"methods": methods}
    return found


if __name__ == "__main__":
    main()
