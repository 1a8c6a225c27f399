from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors import progress
from cxrneighbors.errors import UserError
from cxrneighbors.explain import classifier_errors as module
from cxrneighbors.explain.classifier_errors import films_among, find_errors, outcome, score_films
from cxrneighbors.explain.predictor import Predictor


@pytest.fixture
def labelled(world, tmp_path):
    """Eight films of known brightness (the score of 'Mass'), three with it, one without labels."""
    from cxrneighbors.data.schema import validate_studies
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.index.neighbor_index import NeighborIndex

    brightness = [0.9, 0.7, 0.3, 0.8, 0.6, 0.55, 0.1, 0.95]
    findings = [
        ["Mass"],
        ["No Finding"],
        ["Mass"],
        [],
        ["Hernia"],
        ["Mass", "Hernia"],
        ["Hernia"],
        ["Hernia"],
    ]
    rows = []
    for number, (level, found) in enumerate(zip(brightness, findings, strict=True)):
        path = tmp_path / f"q{number}.png"
        Image.fromarray(np.full((20, 20), round(level * 255), np.uint8)).save(path)
        rows.append(
            {"image_id": f"q{number}", "path": str(path), "patient_id": f"{number % 4}", "findings": found}
        )
    import pandas as pd

    studies = validate_studies(pd.DataFrame(rows).assign(sex=["F", "M"] * 4))
    vectors = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    embeddings = Embeddings.from_arrays(list(studies["image_id"]), image=vectors)
    return NeighborIndex.build(embeddings, studies, backend="exact")


@pytest.fixture
def predictor():
    return Predictor(
        lambda images: np.stack([1 - images.mean((1, 2, 3)), images.mean((1, 2, 3))], 1),
        ["none", "Mass"],
        "cpu",
        image_size=16,
        batch_size=3,
    )


def test_false_positives_are_labelled_films_without_the_finding_highest_first(predictor, labelled):
    found = find_errors(predictor, labelled, "Mass", "false-positive")
    assert found["image_id"].tolist() == ["q7", "q1", "q4"]  # q3 has no labels, q6 scores 0.1
    assert found["score"].tolist() == pytest.approx([0.95, 0.7, 0.6], abs=0.003)
    assert find_errors(predictor, labelled, "Mass", "false-positive", 0.65)["image_id"].tolist() == [
        "q7",
        "q1",
    ]
    among = find_errors(predictor, labelled, "Mass", "false-positive", where="sex == 'M'")
    assert among["image_id"].tolist() == ["q7", "q1"]


def test_false_negatives_hold_the_finding_lowest_first(predictor, labelled):
    assert find_errors(predictor, labelled, "Mass", "false-negative")["image_id"].tolist() == ["q2"]
    found = find_errors(predictor, labelled, "Mass", "false-negative", 0.6)
    assert found["image_id"].tolist() == ["q2", "q5"]


def test_scores_are_those_of_the_explanation_whatever_the_chunk(predictor, labelled, monkeypatch):
    from cxrneighbors.explain.registry import build_explainer

    monkeypatch.setattr(module, "CHUNK", 3)
    scores = score_films(predictor, labelled.studies["path"], "Mass")
    lime = build_explainer("lime", predictor, labelled, segmentation=lambda film: np.eye(16), n_masks=4)
    for row, image_id in enumerate(labelled.studies["image_id"]):
        assert lime.explain(image_id, "Mass").prediction == pytest.approx(scores[row], abs=1e-6)


def test_an_unreadable_film_is_left_out_and_said(predictor, labelled, capsys):
    progress.quiet(False)
    with open(labelled.studies["path"][7], "wb") as stream:
        stream.write(b"no film")
    found = find_errors(predictor, labelled, "Mass", "false-positive")
    assert found["image_id"].tolist() == ["q1", "q4"]
    said = capsys.readouterr().err
    assert "not scored: 1 skipped" in said and "2 of 3 films labelled without Mass score 0.5 or more" in said


def test_films_among(labelled):
    assert films_among(labelled, "findings.has('Mass') and sex == 'F'") == ["q0", "q2"]
    assert len(films_among(labelled, None)) == 8
    with pytest.raises(UserError, match=r"among .*: no film"):
        films_among(labelled, "sex == 'F' and sex == 'M'")
    with pytest.raises(UserError, match=r"^among: unknown column 'nope'"):
        films_among(labelled, "nope == 1")


def test_outcomes():
    found = [outcome(score, label, 0.5) for label in ("present", "absent", "unknown") for score in (0.5, 0.4)]
    assert found == ["true-positive", "false-negative", "false-positive", "true-negative", "", ""]


def test_what_is_wrong_is_said(predictor, labelled):
    for arguments, message in (
        (("Mass", "wrong"), "kind of error 'wrong'; choose one of: false-positive, false-negative"),
        (("Nodule", "false-positive"), "target 'Nodule'"),
        (("Mass", "false-positive", 0.0), "threshold 0: not a score"),
        (("Mass", "false-positive", 0.99), r"false-positives of Mass: 0 of 4 films labelled without it"),
        (("Mass", "false-negative", 0.05), r"false-negatives of Mass: 0 of 3 films labelled with it"),
    ):
        with pytest.raises(UserError, match=message):
            find_errors(predictor, labelled, *arguments)
    free = Predictor(lambda images: images.mean((2, 3)), ["a"], "cpu")
    with pytest.raises(UserError, match="give image_size"):
        score_films(free, labelled.studies["path"], "a")
