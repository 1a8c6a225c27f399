from __future__ import annotations

from common.built_index import OPTIONS, build_index, training_table
from common.options import options
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.pca import PCAEncoder


def built(archive, work, *more):
    encoders = ["--image-encoder", "pca", "--report-encoder", "tfidf"]
    given = options("", *OPTIONS).parse_args(["folder", str(archive), "--work", str(work), *encoders, *more])
    return build_index(given, work)


def test_encoders_learn_from_the_train_split_and_the_test_split_is_scored(archive, tmp_path):
    found = built(archive, tmp_path)
    assert found.targets == "split == 'test'"
    assert set(found.index.modalities) == {"image", "report", "fused"}
    assert isinstance(found.image_encoder, PCAEncoder) and found.image_encoder.fitted
    assert (tmp_path / "index").is_dir() and (tmp_path / "embeddings").is_dir()


def test_a_modality_may_be_left_out(archive, tmp_path):
    found = built(archive, tmp_path, "--image-encoder", "none")
    assert found.image_encoder is None and list(found.index.modalities) == ["report"]


def test_with_other_data_sets_all_is_scored_and_none_of_its_patients_trains(archive):
    studies = import_dataset("folder", archive).studies
    some = studies[studies["patient_id"].isin(["p0", "p1"])]
    training, targets = training_table(some, [["folder", str(archive)]])
    assert targets is None
    assert len(training) == len(studies) - len(some)
    assert set(training["split"]) == {"train"}
