from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation import embedding_method, evaluate_overlap, make_baselines
from cxrneighbors.evaluation.baselines import BASELINES
from cxrneighbors.index.neighbor_index import NeighborIndex

from .fake_index import FakeIndex, make_studies, random_findings

N = 24
QUICK = {"k": 3, "n_permutations": 49}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Tiny pictures and reports that name their findings, image vectors of noise, TF-IDF reports."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    findings = random_findings(rng, N)
    paths = []
    for row in range(N):
        paths.append(str(folder / f"{row}.png"))
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(paths[-1])
    reports = [
        f"Film {row % 3} shows {', '.join(names).lower()} today." for row, names in enumerate(findings)
    ]
    studies = make_studies(findings, path=paths, report=reports)
    embeddings = encode(studies, image="pca", report=TfidfEncoder())
    return NeighborIndex.build(embeddings, studies, backend="exact")


def test_all_that_can_be_computed(index):
    summary = evaluate_overlap(index, methods=make_baselines(index), **QUICK).summary
    assert set(summary["methods"]) == {"image", "report", "fused", *BASELINES} - {"pca", "tfidf"}
    assert summary["baselines_left_out"] == {
        "pca": "the index's own image encoder is pca",
        "tfidf": "the index's own report encoder is tfidf",
    }
    pairs = {(row["first"], row["second"]) for row in summary["comparisons"]}
    assert {("image", "pixels"), ("image", "pca-whitened"), ("report", "report-masked")} <= pairs
    kinds = {name: row["kind"] for name, row in summary["methods"].items()}
    assert kinds["image"] == "index" and kinds["pixels"] == "encoder" and kinds["random-view"] == "random"


def test_masking_the_label_words_takes_the_lift(index):
    methods = evaluate_overlap(index, methods=make_baselines(index, ("report-masked",)), **QUICK).summary[
        "methods"
    ]
    assert set(methods) == {"image", "report", "fused", "report-masked"}
    assert methods["report"]["lift"] > 0.3 > methods["report-masked"]["lift"]


def test_pixels_are_the_nearest_pictures(index):
    from cxrneighbors.encoders.registry import load_image_encoder

    result = evaluate_overlap(index, methods=make_baselines(index, ("pixels",)), **QUICK)
    vectors = encode(index.studies, image=load_image_encoder("pixels")).vectors["image"]
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    table = result.neighbors[(result.neighbors["method"] == "pixels") & (result.neighbors["rank"] == 1)]
    nearest = index.studies["image_id"].to_numpy()[apart.argmin(axis=1)]
    assert table["neighbor_id"].tolist() == nearest.tolist()


def test_random_draws_respect_their_strata(index):
    n = 60
    rng = np.random.default_rng(1)
    studies = make_studies(
        random_findings(rng, n),
        views=rng.choice(["PA", "AP"], n),
        sex=rng.choice(["F", "M"], n),
        age=rng.choice([30.0, 60.0], n),
    )
    fake = FakeIndex(studies, image=rng.normal(size=(n, 2)))
    result = evaluate_overlap(fake, methods=make_baselines(fake), **QUICK)
    assert result.summary["baselines_left_out"]["pixels"] == "no image files on disk"
    assert result.summary["baselines_left_out"]["tfidf"] == "no reports"
    facts = studies.set_index("image_id")
    for method, columns in (("random-view", ["view"]), ("random-view-sex-age", ["view", "sex", "age"])):
        drawn = result.neighbors[result.neighbors["method"] == method]
        for column in columns:
            values = facts[column]
            assert values[drawn["query_id"]].tolist() == values[drawn["neighbor_id"]].tolist()


def test_choice_of_baselines(index):
    assert [method.name for method in make_baselines(index)] == list(BASELINES)
    assert make_baselines(index, ()) == []
    assert [method.name for method in make_baselines(index, ("random", "pixels", "random"))] == [
        "random",
        "pixels",
    ]


def test_evaluating_trains_nothing(index, monkeypatch):
    """Everything that learns or encodes has happened when the methods are ready."""
    from cxrneighbors.encoders import encode as encode_module
    from cxrneighbors.encoders.pca import PCAEncoder

    methods = make_baselines(index)
    for owner, name in ((PCAEncoder, "fit"), (PCAEncoder, "encode"), (encode_module, "encode")):
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("trained or encoded"))
    evaluate_overlap(index, methods=methods, **QUICK)


def test_an_asked_for_baseline_that_cannot_be_computed():
    studies = make_studies([["Mass"]] * 8, report=["mass"] * 8)
    index = FakeIndex(studies, image=np.random.default_rng(0).normal(size=(8, 2)))
    with pytest.raises(UserError, match="baseline 'report-masked': the index has no report vectors; leave"):
        evaluate_overlap(index, methods=make_baselines(index, ("report-masked",)), **QUICK)


def test_masked_reports_without_their_encoder_are_left_out():
    rng = np.random.default_rng(0)
    studies = make_studies(random_findings(rng, 12), report=["mass today", "edema here"] * 6)
    from cxrneighbors.encoders.store import Embeddings

    embeddings = Embeddings.from_arrays(list(studies["image_id"]), report=rng.normal(size=(12, 2)))
    index = NeighborIndex.build(embeddings, studies, backend="exact")
    left_out = evaluate_overlap(index, methods=make_baselines(index), **QUICK).summary["baselines_left_out"]
    assert "without an encoder" in left_out["report-masked"]


def test_pca_is_fitted_on_the_table_it_is_given(index):
    """The whitened baseline fitted on six given films finds the neighbours of those six films' components."""
    from cxrneighbors.encoders.pca import PCAEncoder

    given = index.studies.iloc[:6].assign(split="train").reset_index(drop=True)
    result = evaluate_overlap(
        index, methods=make_baselines(index, ("pca-whitened",), train_studies=given), **QUICK
    )
    vectors = encode(index.studies, image=PCAEncoder(whiten=1).fit(given)).vectors["image"]
    assert vectors.shape[1] < 6
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    table = result.neighbors[(result.neighbors["method"] == "pca-whitened") & (result.neighbors["rank"] == 1)]
    nearest = index.studies["image_id"].to_numpy()[apart.argmin(axis=1)]
    assert table["neighbor_id"].tolist() == nearest.tolist()


def test_other_embeddings_are_scored_beside_the_index(index):
    own = index.vectors["image"]
    again = Embeddings.from_arrays(index.studies["image_id"], image=own)
    others = [embedding_method("again", again, index)]
    methods = evaluate_overlap(index, methods=others, **QUICK).summary["methods"]
    assert methods["again"]["mean_overlap"] == methods["image"]["mean_overlap"]
    with pytest.raises(UserError, match="'image' is the name of a method already"):
        evaluate_overlap(index, methods=[embedding_method("image", again, index)], **QUICK)
