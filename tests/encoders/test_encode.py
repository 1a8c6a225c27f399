from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.pixels import load_image
from cxrneighbors.encoders import jobs
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.pca import PCAEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError

SIZES = {"shard_size": 5, "batch_size": 2}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_vectors_belong_to_their_images(studies: pd.DataFrame, tmp_path: Path):
    encoder = PixelEncoder(image_size=8)
    found = encode(studies, image=encoder, out=tmp_path / "emb", **SIZES)
    expected = [name for name in studies["image_id"] if name not in ("i05", "i07")]
    assert found.ids["image"] == expected
    assert found.vectors["image"].shape == (21, 64) and found.vectors["image"].dtype == np.float32
    for row in (0, 4, 20):
        path = studies.set_index("image_id").loc[expected[row], "path"]
        alone = encoder.encode(load_image(path, 8)[None])
        np.testing.assert_allclose(found.vectors["image"][row], alone[0], atol=1e-5)


def test_skipped_images_are_listed_and_rows_without_path_are_not(studies: pd.DataFrame, tmp_path: Path):
    encode(studies, image="pixels", out=tmp_path / "emb", **SIZES)
    listed = pd.read_csv(tmp_path / "emb" / "skipped.csv")
    assert listed["item"].tolist() == ["i07"] and listed["stage"].tolist() == ["encode"]


def test_reports_are_encoded_and_tfidf_is_fitted_on_train(studies: pd.DataFrame):
    found = encode(studies, report="tfidf", **SIZES)
    assert len(found.ids["report"]) == 21 and "i02" not in found.ids["report"]
    train = [
        text
        for text, split in zip(studies["report"], studies["split"], strict=True)
        if text is not None and split == "train"
    ]
    reference = TfidfEncoder().fit(train)
    assert found.encoder("report").weights_hash() == reference.weights_hash()
    np.testing.assert_allclose(
        found.vectors["report"][0], reference.encode([studies["report"][0]])[0], atol=1e-6
    )


def test_pca_is_fitted_on_train_rows_only(studies: pd.DataFrame):
    encoder = PCAEncoder(dim=4, image_size=16)
    found = encode(studies, image=encoder, **SIZES)
    moved = studies[studies["split"] == "train"].reset_index(drop=True)
    assert found.encoder("image").weights_hash() == PCAEncoder(dim=4, image_size=16).fit(moved).weights_hash()


class Interruption(Exception):
    pass


def test_interrupted_run_resumes_bit_identical(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = {"image": "pca-whitened", "report": "tfidf", **SIZES}
    encode(studies, out=tmp_path / "whole", **options)
    write, fit, calls = jobs.write_shard, PCAEncoder.fit, []

    def failing(path: Path, shard: object) -> None:
        if path.name == "part-00002.parquet":
            raise Interruption
        write(path, shard)

    monkeypatch.setattr(jobs, "write_shard", failing)
    with pytest.raises(Interruption):
        encode(studies, out=tmp_path / "broken", **options)
    assert sorted(p.name for p in (tmp_path / "broken" / "image").iterdir()) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    with pytest.raises(UserError, match="interrupted"):
        Embeddings.load(tmp_path / "broken")
    monkeypatch.setattr(jobs, "write_shard", write)
    monkeypatch.setattr(PCAEncoder, "fit", lambda self, data: calls.append(1) or fit(self, data))
    encode(studies, out=tmp_path / "broken", **options)
    assert not calls, "the encoder that the interrupted run has fitted is used again"
    assert files_of(tmp_path / "broken") == files_of(tmp_path / "whole")
    assert "i07" in (tmp_path / "broken" / "skipped.csv").read_text()


def test_finished_store_is_not_touched(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = encode(studies, image="pca", out=tmp_path / "emb", **SIZES)
    monkeypatch.setattr(jobs, "write_shard", lambda *a: pytest.fail("nothing is left to write"))
    again = encode(studies, image="pca", out=tmp_path / "emb", **SIZES)
    assert np.array_equal(first.vectors["image"], again.vectors["image"])


def test_other_encoder_or_table_is_refused(studies: pd.DataFrame, tmp_path: Path):
    encode(studies, image="pixels", out=tmp_path / "emb", **SIZES)
    with pytest.raises(UserError, match="image encoder 'pixels', now 'pca'"):
        encode(studies, image="pca", out=tmp_path / "emb", **SIZES)
    with pytest.raises(UserError, match="holds embeddings made with"):
        encode(studies.iloc[:-1], image="pixels", out=tmp_path / "emb", **SIZES)
    with pytest.raises(UserError, match="encoded"):
        encode(studies, image="pixels", report="tfidf", out=tmp_path / "emb", **SIZES)


def test_in_memory_embeddings_keep_their_encoder(studies: pd.DataFrame, tmp_path: Path):
    found = encode(studies, image="pixels", report="tfidf", **SIZES)
    assert found.folder is None and found.encoder("image").name == "pixels"
    found.save_encoders(tmp_path / "encoders")
    assert (tmp_path / "encoders" / "report" / "vocabulary.json").exists()


def test_stored_encoder_encodes_a_query_as_the_store_did(studies: pd.DataFrame, tmp_path: Path):
    encode(studies, image="pca", report="tfidf", out=tmp_path / "emb", **SIZES)
    found = Embeddings.load(tmp_path / "emb")
    query = found.encoder("image").encode(load_image(studies["path"][0], 64)[None])
    np.testing.assert_allclose(query[0], found.vectors["image"][0], atol=1e-4)


def test_mask_labels_takes_the_finding_words_out_of_every_report(studies: pd.DataFrame):
    plain, masked = report_texts(studies), report_texts(studies, mask_labels=True)
    assert "effusion" in plain[0].lower() and studies["findings"][0] == ["No Finding"]
    assert not masked.dropna().str.lower().str.contains("effusion").any()
    assert masked.isna().sum() == plain.isna().sum() == 2
    found = encode(studies, report="tfidf", mask_labels=True, **SIZES)
    assert found.manifest["mask_labels"] is True
    assert "effusion" not in found.encoder("report")._words


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "nothing to encode"),
        ({"image": "none", "report": "none"}, "nothing to encode"),
        ({"image": "pixels", "engine": "spark"}, "unknown engine 'spark'"),
        ({"image": "pixels", "batch_size": 0}, "at least 1"),
    ],
)
def test_bad_options(studies: pd.DataFrame, options: dict, says: str):
    with pytest.raises(UserError, match=says):
        encode(studies, **options)


def test_table_without_pixels_or_reports(studies: pd.DataFrame):
    with pytest.raises(UserError, match=r"no row has a path.*image encoder 'none'"):
        encode(studies.assign(path=None), image="pixels")
    with pytest.raises(UserError, match=r"no row has a report.*report encoder 'none'"):
        encode(studies.assign(report=None, sections=None), report="tfidf")


def test_not_one_readable_image(studies: pd.DataFrame, tmp_path: Path):
    bad = studies.assign(path=[str(tmp_path / "images" / "i07.png")] * len(studies))
    with pytest.raises(UserError, match="not one image could be read"):
        encode(bad, image="pixels", out=tmp_path / "emb", **SIZES)


def test_sentences_are_masked_in_every_report_alike():
    table = {
        "image_id": ["a", "b"],
        "patient_id": ["p", "q"],
        "report": ["Two views. Large effusion.", "Two views. Free of effusions."],
        "findings": [["Effusion"], []],
        "sections": [None, None],
    }
    frame = pd.DataFrame(table)
    assert report_texts(frame, "sentences").tolist() == ["Two views.", "Two views."]
    assert report_texts(frame, "words").tolist() == report_texts(frame, True).tolist()
    with pytest.raises(UserError, match="mask_labels"):
        report_texts(frame, "letters")
