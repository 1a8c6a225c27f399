"""The main job end to end on the embedded phantom data: from films and reports to Figure 5 and a panel."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrneighbors.errors import UserError
from cxrneighbors.progress import say

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cxrneighbors.data.imports import ImportResult
    from cxrneighbors.explain.predictor import Predictor
    from cxrneighbors.explain.quality.targets import Target
    from cxrneighbors.index.neighbor_index import NeighborIndex

CLASSIFIER_SIZE = 128  # pixels a side
LOCAL = 0.1  # share of a film, at most, that a finding covers whose place can be told
SEEN = 0.5  # score at which a finding is one that the classifier sees
# Quick; phantoms differ enough without being shifted or turned.
TRAINING: dict[str, Any] = {
    "epochs": 8,
    "schedule": "one-cycle",
    "lr": 3e-3,
    "augment": "none",
    "patience": 0,
}


def run_demo(
    out: str | Path = "demo-output",
    *,
    patients: int = 480,
    epochs: int = 12,
    image_size: int = 224,
    seed: int = 0,
) -> dict[str, Any]:
    """Generate phantoms, train the VAE on the training patients, encode, index, and score the test patients;
    then train a small classifier and explain what it sees in one test film.

    Writes `phantom/`, `vae/`, `embeddings/`, `index/`, `evaluation/`, `classifier/` and `explanation/` below
    `out`; what an earlier run with the same settings left is used again. Returns the `overlap.json`
    dictionary.
    """
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.vae import VAE
    from cxrneighbors.evaluation.baselines import make_baselines
    from cxrneighbors.evaluation.disagreement import reason_lines
    from cxrneighbors.evaluation.evaluate import evaluate_overlap
    from cxrneighbors.evaluation.wording import neighbours_line, summary_lines
    from cxrneighbors.evaluation.write import write_evaluation
    from cxrneighbors.index.neighbor_index import NeighborIndex

    out, started = Path(out), time.perf_counter()
    # Among phantoms what shows most in the picture is the disease, and it is large: the picture metric has a
    # say, and the picture is coarse. An image size that the encoder does not take fails here, before phantoms
    # of that size are written.
    vae = VAE(latent_dim=60, image_size=image_size, metric="balanced", stride=8, local=False)
    say(f"1/6 phantoms: {patients} patients at {image_size} x {image_size}")
    phantoms = import_dataset(
        "phantom", out / "phantom", n_patients=patients, image_size=image_size, seed=seed
    )
    studies = phantoms.studies
    say(f"2/6 image encoder: VAE on the {(studies['split'] == 'train').sum()} training images")
    vae.fit(studies, out=out / "vae", epochs=epochs, seed=seed)
    vae.save(out / "vae")
    say(f"3/6 embeddings: {len(studies)} images and their reports")
    embeddings = encode(studies, image=vae, report="minilm", out=out / "embeddings")
    say("4/6 index")
    index = NeighborIndex.build(embeddings, studies)
    index.save(out / "index")
    say("5/6 evaluation: patients of the test split, who trained nothing")
    baselines = make_baselines(index, seed=seed)
    result = evaluate_overlap(index, k=5, targets="split == 'test'", methods=baselines, seed=seed)
    say(neighbours_line(result.summary))
    say(summary_lines(result.summary))
    for line in reason_lines(result.summary):
        say(line)
    write_evaluation(result, out / "evaluation")
    say("6/6 explanation: a small classifier, and what it sees in a film of a test patient")
    panel = explain_one(phantoms, index, out, min(image_size, CLASSIFIER_SIZE), seed)
    say(f"done in {time.perf_counter() - started:.0f} s; open {out / 'evaluation' / 'report.html'}")
    say(f"pictures: {out / 'evaluation' / 'figure5.png'}, {out / 'evaluation' / 'figure4.png'}")
    if panel is not None:
        say(f"why the classifier says so: {panel}")
    return result.summary


def explain_one(phantoms: ImportResult, index: NeighborIndex, out: Path, size: int, seed: int) -> Path | None:
    """Train small-cnn on frontal phantoms at `size` pixels; the file of Contrast-LIME's panel of one film.

    The film is chosen by a rule that does not know its panel: of the frontal films of test patients with one
    finding alone, on at most a tenth of the film, in chance order, the first whose finding the classifier
    sees (score at least 0.5). None, and why, where there is no such film or it has fewer than five donors, as
    among few phantoms.
    """
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.classifiers.training import train_classifier
    from cxrneighbors.data.schema import NO_FINDING
    from cxrneighbors.explain.contrast_lime import ContrastLime
    from cxrneighbors.explain.full_size import full_size
    from cxrneighbors.explain.pictures import save_with_panel
    from cxrneighbors.explain.predictor import Predictor

    frontal = phantoms.studies[phantoms.studies["view"] != "LATERAL"]
    labels = sorted({name for names in frontal["findings"] for name in names} - {NO_FINDING})
    model = build("small-cnn", labels=labels, image_size=size, seed=seed)
    train_classifier(model, frontal, out / "classifier", seed=seed, **TRAINING)
    explainer = ContrastLime(Predictor(model), index, segmentation="slic", seed=seed)
    try:
        target, lesion = _seen_target(phantoms, frontal, explainer.predictor, seed)
        film = explainer.reader.read(target.image_id)
        explanation = explainer.explain_film(film, target.finding)
    except UserError as error:
        say(f"no explanation: {error}")
        return None
    full = full_size(explanation, film, explainer.reader)
    save_with_panel(explanation, out / "explanation", full, lesion)
    say(explanation.answer())
    return out / "explanation" / "panel.png"


def _seen_target(
    phantoms: ImportResult, frontal: pd.DataFrame, predictor: Predictor, seed: int
) -> tuple[Target, np.ndarray]:
    """The film that the rule of `explain_one` chooses, its finding, and where that is: bool (H, W)."""
    from cxrneighbors.explain.classifier_errors import score_films
    from cxrneighbors.explain.quality.targets import choose_targets, lesion_mask

    allowed = ((frontal["split"] == "test") & (frontal["findings"].map(len) == 1)).to_numpy()
    path_of = frontal.set_index("image_id")["path"]
    for target in choose_targets(frontal, predictor.labels, None, phantoms.regions, allowed, seed):
        path, size = str(path_of[target.image_id]), predictor.image_size
        lesion = lesion_mask(phantoms.regions, target, path, size, predictor.aspect or "pad")
        if lesion.mean() > LOCAL:
            continue
        if score_films(predictor, path_of[[target.image_id]], target.finding).iloc[0] >= SEEN:
            return target, lesion
    raise UserError("the classifier sees no finding of a test film; ask for more patients")
