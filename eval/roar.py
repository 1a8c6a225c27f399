"""ROAR: which explanation names what a classifier needs? What it names is removed, and a new one is trained.

    python eval/roar.py [--films 300] [--methods random lime contrast-lime kp-lime] [--calls 301] [--seeds 2]

Hooker et al. (2019), "A Benchmark for Interpretability Methods in Deep Neural Networks", on phantoms. A
classifier is trained, and explained on --films training films, a third as many validation films and two
thirds as many test films: of each the finding it scores highest or, on a film without findings, the label it
scores highest (if only films with a finding were changed, the change would tell). The segments that support
it most, 10, 30 and 50 % of the area, are filled with the film's mean, or with the same place of a healthy
training film that the explanation has not used. Small-cnn is trained anew on the changed films, labels as
they were, and its AUROC on equally changed test films says what is left: the lower, the better the
explanation; random segments are the measure. Without retraining a low score may only mean that the changed
film looks like no film.

Explanations and trainings that are done stay in the work folder. Writes eval/results/roar.json and roar.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from common.explanation_benchmark import image_index, training_summary
from common.kept import kept, trained_classifier
from common.options import options, run
from common.results import write_results
from common.roar_tables import FILLS, against_random, report
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import CachingReader
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality.donor_films import DonorPool
from cxrneighbors.explain.quality.faithfulness import removed_share, top_by_area
from cxrneighbors.explain.quality.method_spec import MethodSpec, parse_method, title_of
from cxrneighbors.explain.segments import SegmentCache
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import track

METHODS = ("random", "lime", "contrast-lime", "kp-lime")
SPLITS = {"train": 1.0, "val": 1 / 3, "test": 2 / 3}  # films of each, as shares of --films


class Roar:
    """Explains, removes and trains anew; what all methods share."""

    def __init__(
        self, given: argparse.Namespace, model: Classifier, index: NeighborIndex, work: Path
    ) -> None:
        self.given, self.model, self.index, self.work = given, model, index, work
        self.predictor = Predictor(model, device=given.device, batch_size=given.batch_size)
        self.reader = CachingReader(index.studies, model.image_size, model.aspect)
        self.segments = SegmentCache(work / "segments", 4096)
        self.films = chosen_films(index.studies, given.films, given.seed)
        names = ("seed", "segmentation", "calls", "encoder", "k")
        self.asked = {name: getattr(given, name) for name in names}
        self.asked |= {"classifier": model.weights_hash(), "films": list(self.films["image_id"])}

    def explanations(self, spec: MethodSpec) -> list[dict[str, Any]]:
        """Of each film image_id, target, weights, and the donor that may stand in; kept."""
        path = self.work / "explanations" / f"{file_name(spec.text)}.json"
        return list(kept(path, {**self.asked, "method": spec.text}, lambda: self._explained(spec)))

    def _explained(self, spec: MethodSpec) -> list[dict[str, Any]]:
        masking = Masking(segmentation=self.given.segmentation, seed=self.given.seed, segments=self.segments)
        explainer = spec.build(self.predictor, masking, Neighbourhood(self.index, self.given.k))
        healthy = np.array([NO_FINDING in findings for findings in self.index.studies["findings"]])
        healthy &= (self.index.studies["split"] == "train").to_numpy(dtype=bool)
        found, rows = [], zip(self.films["image_id"], self.films["findings"], strict=True)
        for image_id, findings in track(list(rows), title_of(spec.text), total=len(self.films)):
            target = self.target(image_id, findings)
            explanation = explainer.explain(image_id, target)
            pool = DonorPool.of(self.index, image_id, target, self.given.seed, healthy)
            donors = pool.unused(explanation, 1)
            if not donors:
                raise UserError(f"{image_id}: no healthy training film is left to stand in; more --patients")
            weights = [float(f"{weight:.6g}") for weight in explanation.weights]
            found.append({"image_id": image_id, "target": target, "weights": weights, "donor": donors[0]})
        return found

    def target(self, image_id: str, findings: Sequence[str]) -> str:
        """The film's finding that the classifier scores highest; of a film without, the label."""
        labels = [label for label in self.predictor.labels if label in findings]
        film = MaskedFilms.unmasked(self.reader.read(image_id).pixels)
        return max(
            labels or self.predictor.labels, key=lambda label: float(self.predictor.scores(film, label)[0])
        )

    def changed(self, record: dict[str, Any], share: float, fill: str) -> tuple[np.ndarray, float]:
        """The film float32 (H, W) without its first segments, and the share of its area that is gone."""
        film = self.reader.read(record["image_id"]).pixels
        segments = self.segments(film, self.given.segmentation)
        mask = top_by_area(np.array(record["weights"]), segments, share)[None]
        if fill == "mean":
            films = MaskedFilms.of_one(film, segments, mask, float(film.mean()))
        else:
            sources = np.stack([film, self.reader.read(record["donor"]).pixels])
            films = MaskedFilms(sources, segments, mask, np.array([1]), "neighbour")
        shown = next(self.predictor.batches.of(films))[0, 0].cpu().numpy()
        return shown, float(removed_share(mask, segments)[0])

    def row(self, spec: MethodSpec, records: list[dict[str, Any]], fill: str, share: float) -> dict[str, Any]:
        """What a classifier still learns without the first `share` of the segments of a method's records."""
        name = f"{file_name(spec.text)}-{fill}-{round(100 * share)}"
        asked = {"records": records, "share": share, "fill": fill, "segmentation": self.given.segmentation}
        found = self.by_seed(name, asked, lambda seed: self._changed_row(records, fill, share, name, seed))
        return {"method": spec.text, "title": title_of(spec.text), "fill": fill, "share": share, **found}

    def _changed_row(
        self, records: list[dict[str, Any]], fill: str, share: float, name: str, seed: int
    ) -> dict[str, float]:
        folder, removed, paths = self.work / "films" / name, [], []
        folder.mkdir(parents=True, exist_ok=True)
        for number, record in enumerate(records):
            shown, gone = self.changed(record, share, fill)
            paths.append(str(folder / f"{number}.png"))
            Image.fromarray(np.round(255 * shown).astype(np.uint8)).save(paths[-1])
            removed.append(gone)
        return {"removed": float(np.mean(removed)), "auroc": self.retrained(paths, name, seed)}

    def unchanged(self) -> dict[str, Any]:
        """What it learns from the same films as they are."""
        paths, asked = list(self.films["path"]), {"films": self.asked["films"]}
        return self.by_seed(
            "unchanged", asked, lambda seed: {"auroc": self.retrained(paths, "unchanged", seed)}
        )

    def by_seed(
        self, name: str, asked: dict[str, Any], train: Callable[[int], dict[str, float]]
    ) -> dict[str, Any]:
        """Means over trainings, one a seed, each kept; `auroc_by_seed` of the single ones."""
        asked = {**asked, **settings_of(self.given), "labels": list(self.model.labels)}
        rows = [
            kept(
                self.work / "retrained" / f"{name}-{seed}.json", {**asked, "seed": seed}, partial(train, seed)
            )
            for seed in range(self.given.seeds)
        ]
        means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return {**means, "auroc_by_seed": [row["auroc"] for row in rows]}

    def retrained(self, paths: list[str], name: str, seed: int) -> float:
        """Mean AUROC on the test films of a network trained with `seed`; `paths`: where all the films lie."""
        folder = self.work / "classifiers" / f"{name}-{seed}"
        labels, size = self.model.labels, self.model.image_size
        studies = self.films.assign(path=paths)
        model = starting_model("small-cnn", studies, labels, seed=seed, image_size=size)
        settings = {**settings_of(self.given), "seed": seed, "resume": False}
        metrics = trained_classifier(model, studies, folder, self.given.device, **settings)
        return float(metrics["test"]["mean_auroc"])


def chosen_films(studies: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Films of each split drawn at random: `SPLITS` of n, or all there are."""
    rng, parts = np.random.default_rng(seed), []
    for split, share in SPLITS.items():
        part = studies[studies["split"] == split]
        parts.append(part.iloc[np.sort(rng.permutation(len(part))[: max(1, round(n * share))])])
    return pd.concat(parts, ignore_index=True)


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Of all trainings."""
    return {"epochs": given.epochs, "lr": 2e-3, "schedule": "cosine"}


def file_name(text: str) -> str:
    """A method's text as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-=." else "_" for letter in text)


def at_calls(text: str, calls: int) -> MethodSpec:
    """The method with so many films scored, unless its text says otherwise."""
    spec = parse_method(text)
    given = dict(spec.options)
    if spec.name == "random" or given.keys() & {"calls", "n_masks"}:
        return spec
    return MethodSpec(spec.name, tuple(sorted({**given, "calls": calls - 1}.items())))


def main(arguments: Sequence[str] | None = None) -> None:
    shared = ("-k", "--epochs", "--image-size", "--seed", "--device", "--batch-size")
    parser = options(__doc__, *shared, "--name", "--work", "--results", epochs=15, image_size=64, name="roar")
    parser.add_argument("--encoder", default="pca", help="pca, or the folder of a trained VAE")
    parser.add_argument("--patients", type=int, default=600, help="phantom patients")
    parser.add_argument("--films", type=int, default=300, help="training films that are changed")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help="as in evaluate-explanations")
    parser.add_argument("--calls", type=int, default=301, help="films scored for an explanation")
    parser.add_argument("--segmentation", default="slic")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.3, 0.5], help="of the area")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each set of films")
    given = parser.parse_args(arguments)
    specs = [at_calls(text, given.calls) for text in dict.fromkeys(given.methods)]
    work, size = given.work / given.name, given.image_size
    imported = import_dataset("phantom", work / "phantom", n_patients=given.patients, image_size=size)
    studies = imported.studies[imported.studies["view"] != "LATERAL"].reset_index(drop=True)
    model = starting_model("small-cnn", studies, image_size=size)
    metrics = trained_classifier(model, studies, work / "classifier", given.device, **settings_of(given))
    roar = Roar(given, model, image_index(studies, given, work), work)
    found = [(spec, roar.explanations(spec)) for spec in specs]
    cells = [(fill, share) for fill in FILLS for share in given.shares]
    rows = [roar.row(spec, records, *cell) for spec, records in found for cell in cells]
    summary: dict[str, Any] = {"classifier": training_summary(metrics), "unchanged": roar.unchanged()}
    names = ("patients", "image_size", "calls", "segmentation", "seeds", "epochs", "encoder", "k")
    summary |= {name: getattr(given, name) for name in names}
    summary |= {"films": roar.films["split"].value_counts().to_dict(), "rows": against_random(rows)}
    write_results(given.results, given.name, summary, report(summary), device=given.device)


if __name__ == "__main__":
    run(main)
