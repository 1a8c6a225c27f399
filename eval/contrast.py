"""Which choices make Contrast-LIME find the lesion? Each choice alone on phantoms of validation patients.

    python eval/contrast.py [--targets 120] [--seeds 3] [--calls 301] [--segmentations slic quickshift]

Generates phantoms, trains small-cnn on the training patients and explains films whose finding it sees (score
>= 0.5), every method with the same number of classifier calls. Choices (who donates, how donors are laid on
the film, borders, how many, the kernel, masks and link) are compared on patients of split 'val'. On patients
of split 'test' follow controls: LIME, LIME's weights laid out by the donors' pixels, and how far a pixel is
from the donors' alone, without a classifier. Its rivals: `explanations.py`. Rows that are done stay in the
work folder. `--only choices` or `--only controls` runs one half. Writes eval/results/contrast.json and .md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.contrast_tables import CHOICE_CELLS, CONTROL_CELLS, against, means
from common.explanation_benchmark import image_index, training_summary
from common.kept import kept, trained_classifier
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.detail import detail_map
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.locality import LatentLocality
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality import localisation, stability
from cxrneighbors.explain.quality.targets import Target, choose_targets, lesion_mask
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.segments import SegmentCache
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say, track

CONTROL = "LIME's weights laid out by donors"
ALONE = "difference to donors alone"


@dataclass(frozen=True)
class Row:
    """A line of the tables: a method, its options, K, and whether its kernel is by latent distance."""

    method: str = "contrast-lime"
    options: dict[str, Any] = field(default_factory=dict)
    k: int = 5
    fill: str = "grey"
    policy: str | None = None
    latent: bool = False


CHOICES = {
    "as it is": Row(),
    "donors: No Finding": Row(options={"donors": "no-finding"}),
    "donors: by the classifier": Row(options={"donors": "classifier"}),
    "donors: diverse": Row(policy="diverse"),
    "1 donor": Row(k=1),
    "2 donors": Row(k=2),
    "10 donors": Row(k=10),
    "20 donors": Row(k=20),
    "a donor for each segment": Row(options={"mixed": True}),
    "10 donors, one for each segment": Row(options={"mixed": True}, k=10),
    "registration: lungs": Row(options={"registration": "lungs"}),
    "registration: affine": Row(options={"registration": "affine"}),
    "intensity: mean-std": Row(options={"intensity": "mean-std"}),
    "intensity: histogram": Row(options={"intensity": "histogram"}),
    "feather 1": Row(options={"feather": 1.0}),
    "feather 2": Row(options={"feather": 2.0}),
    "kernel: latent distance": Row(latent=True),
    "masks: random": Row(options={"design": "random"}),
    "link: identity": Row(options={"link": "identity"}),
    "masks: random, link: identity": Row(options={"design": "random", "link": "identity"}),
}
CONTROLLED = {"Contrast-LIME": Row(), "LIME, grey": Row("lime")}


class Bench:
    """Explains targets by rows: what all rows share."""

    def __init__(
        self, given: argparse.Namespace, model: Any, index: NeighborIndex, regions: pd.DataFrame, work: Path
    ) -> None:
        self.given, self.index, self.regions, self.work = given, index, regions, work
        self.predictor = Predictor(
            model, device=given.device, batch_size=given.batch_size, precision=given.precision
        )
        self.segments = SegmentCache(work / "segments", 4096)
        self.path_of = dict(zip(index.studies["image_id"], index.studies["path"], strict=True))
        self.weights = model.weights_hash()

    def targets(self, split: str) -> list[Target]:
        """The first --targets of a split whose finding the classifier sees."""
        studies, labels = self.index.studies, self.predictor.labels
        allowed = (studies["split"] == split).to_numpy()
        found: list[Target] = []
        reader = METHODS["lime"](self.predictor, self.index).reader
        for target in choose_targets(studies, labels, None, self.regions, allowed, self.given.seed):
            film = MaskedFilms.unmasked(reader.read(target.image_id).pixels)
            if self.predictor.scores(film, target.finding)[0] >= self.given.min_score:
                found.append(target)
            if len(found) == self.given.targets:
                break
        return found

    def explainer(self, row: Row, segmentation: str, seed: int) -> Explainer:
        """A row's explainer with --calls films scored."""
        per_film = 1 if row.method == "lime" else row.k + 1
        n_masks = (self.given.calls - 1) // per_film
        masking = Masking(n_masks, segmentation, row.fill, seed=seed, segments=self.segments)
        neighbourhood = Neighbourhood(self.index, row.k, row.policy)
        more = dict(row.options)
        if row.method == "contrast-lime":
            more["counterfactual"] = False
        explainer = METHODS[row.method](self.predictor, masking=masking, neighbourhood=neighbourhood, **more)
        if row.latent:
            explainer.locality = LatentLocality(self.index.encoders.get("image"))
        return explainer

    def rows(self, name: str, row: Row, split: str, targets: list[Target]) -> list[dict[str, Any]]:
        """Measures of a row on each target in each segmentation, kept in the work folder."""
        asked = {"row": vars(row), "targets": [vars(each) for each in targets], "classifier": self.weights}
        asked |= {
            name: getattr(self.given, name) for name in ("calls", "seeds", "segmentations", "precision")
        }
        path = self.work / f"{split}-{name.replace(' ', '-').replace(',', '')}.json"
        return list(kept(path, asked, lambda: self._measured(name, row, targets)))

    def _measured(self, name: str, row: Row, targets: list[Target]) -> list[dict[str, Any]]:
        return [
            measured
            for target in track(targets, name, total=len(targets))
            for segmentation in self.given.segmentations
            for measured in self._target(name, row, target, segmentation)
        ]

    def _target(self, name: str, row: Row, target: Target, segmentation: str) -> list[dict[str, Any]]:
        explanations, seconds = [], []
        for seed in range(self.given.seeds):
            explainer = self.explainer(row, segmentation, seed)
            started = time.perf_counter()
            explanations.append(explainer.explain(target.image_id, target.finding))
            seconds.append(time.perf_counter() - started)
        size, aspect = self.predictor.image_size, self.predictor.aspect
        lesion = lesion_mask(self.regions, target, self.path_of[target.image_id], size, aspect)
        common = {**vars(target), "segmentation": segmentation}
        weights = [each.weights for each in explanations]
        own = {
            "calls": explanations[0].settings["classifier_calls"],
            "seconds": min(seconds),
            "seed_jaccard": stability.mean_over_pairs(weights, lambda a, b: stability.top_jaccard(a, b, 3)),
            "iou": _mean(localisation.top_iou(each.weights, each.segments, lesion) for each in explanations),
        }
        result = [common | own | {"row": name} | _heat(explanations, lesion)]
        if name == "LIME, grey":
            result += [
                common | {"row": title} | found
                for title, found in self._controls(target, explanations, lesion)
            ]
        return result

    def _controls(
        self, target: Target, explanations: list[Explanation], lesion: np.ndarray
    ) -> list[tuple[str, dict[str, Any]]]:
        """What the donors' pixels tell alone, and what they add to LIME's weights."""
        contrast = self.explainer(Row(), "slic", 0)
        assert isinstance(contrast, ContrastLime)
        film = contrast.reader.read(target.image_id)
        donors = contrast.donors(film, target.finding).films.pixels()
        sources = np.concatenate([film.pixels[None], donors])
        whole = np.zeros(film.pixels.shape[1:], dtype=np.int64)
        alone = detail_map(np.ones(1), whole, sources)
        laid = [detail_map(each.weights, each.segments, sources) for each in explanations]
        return [(CONTROL, _maps(laid, lesion)), (ALONE, _maps([alone], lesion))]


def _heat(explanations: list[Explanation], lesion: np.ndarray) -> dict[str, float]:
    """Measures of heat maps, and of the weights alone, laid out evenly."""
    even = [each.weights[each.segments] for each in explanations]
    return _maps([each.heatmap() for each in explanations], lesion) | {
        f"even_{name}": value for name, value in _maps(even, lesion).items()
    }


def _maps(maps: list[np.ndarray], lesion: np.ndarray) -> dict[str, float]:
    return {
        "pointing": _mean(localisation.pointing_game(each, lesion) for each in maps),
        "energy": _mean(localisation.energy_inside(each, lesion) for each in maps),
    }


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def main(arguments: Sequence[str] | None = None) -> None:
    shared = (
        "--epochs",
        "--image-size",
        "--seed",
        "--device",
        "--batch-size",
        "--name",
        "--work",
        "--results",
    )
    parser = options(__doc__, *shared, epochs=15, image_size=128, name="contrast")
    parser.add_argument("--encoder", default="pca", help="pca, or the folder of a trained VAE")
    parser.add_argument("--patients", type=int, default=1000, help="phantom patients")
    parser.add_argument("--targets", type=int, default=120, help="films explained of each split")
    parser.add_argument("--precision", default="auto", help="see Predictor: auto, float32, bfloat16")
    parser.add_argument("--min-score", type=float, default=0.5)
    parser.add_argument("--calls", type=int, default=301, help="films scored for an explanation")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each method")
    parser.add_argument("--segmentations", nargs="+", default=["slic", "quickshift"])
    parser.add_argument("--only", choices=["choices", "controls"])
    parser.add_argument("--rows", nargs="+", help="choices to compare; all when not given")
    given = parser.parse_args(arguments)
    work = given.work / given.name
    imported = import_dataset(
        "phantom", work / "phantom", n_patients=given.patients, image_size=given.image_size
    )
    studies = imported.studies[imported.studies["view"] != "LATERAL"].reset_index(drop=True)
    model = starting_model("small-cnn", studies, image_size=given.image_size)
    settings = {"epochs": given.epochs, "lr": 2e-3, "schedule": "cosine"}
    metrics = trained_classifier(model, studies, work / "classifier", given.device, **settings)
    bench = Bench(given, model, image_index(studies, given, work), imported.regions, work)
    summary: dict[str, Any] = {"classifier": training_summary(metrics), "calls": given.calls}
    names = ("patients", "image_size", "seeds", "min_score", "encoder")
    summary |= {name: getattr(given, name) for name in names}
    chosen = {name: CHOICES[name] for name in given.rows or CHOICES}
    blocks = [headline(summary)]
    for part, split, rows, cells in (
        ("choices", "val", chosen, CHOICE_CELLS),
        ("controls", "test", CONTROLLED, CONTROL_CELLS),
    ):
        if given.only in (None, part):
            summary[part] = measured(bench, split, rows)
            blocks += [
                f"{TITLES[part]} {summary[part]['n_targets']} targets.",
                table(cells, summary[part]["rows"]),
            ]
    write_results(given.results, given.name, summary, document(*blocks), device=given.device)


TITLES = {
    "choices": "Choices, one at a time, on validation patients; differences are to the first row.",
    "controls": "The classifier or the donors' pixels? On test patients; p of differences to the first row, "
    "by Holm.",
}


def measured(bench: Bench, split: str, rows: dict[str, Row]) -> dict[str, Any]:
    """Means of `rows` on a split's targets, and differences to the first row."""
    targets = bench.targets(split)
    say(f"{len(targets)} targets of split {split}")
    found = [record for name, row in rows.items() for record in bench.rows(name, row, split, targets)]
    records = pd.DataFrame(found)
    lines = against(means(records), records, next(iter(rows)), bench.given.seed)
    return {"n_targets": len(targets), "n_patients": records["patient"].nunique(), "rows": lines}


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how good the classifier is that the methods explain."""
    test = summary["classifier"]["test"]
    return (
        f"{summary['patients']} phantom patients at {summary['image_size']} pixels; small-cnn of mean AUROC "
        f"{test['mean_auroc']:.3f} on {test['n']} test films; {summary['calls']} films scored for an "
        f"explanation, {summary['seeds']} seeds. 'Even' is the pointing game with each segment in one colour."
    )


if __name__ == "__main__":
    run(main)
