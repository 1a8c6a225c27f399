"""An encoder added to vectors made elsewhere: it must give some of them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.pixels import load_image
from cxrneighbors.encoders.check import check_made_by
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture
def given(studies: pd.DataFrame) -> Embeddings:
    """Pixel vectors of all readable films, made without the package's job."""
    rows = studies.drop(index=[5, 7])
    films = np.stack([load_image(path, 8) for path in rows["path"]])
    return Embeddings.from_arrays(list(rows["image_id"]), image=PixelEncoder(8).encode(films))


def test_a_film_can_be_searched_by_once_the_encoder_is_there(
    given: Embeddings, studies: pd.DataFrame, tmp_path: Path
) -> None:
    rows = studies.drop(index=[5, 7])
    with pytest.raises(UserError, match=r"without an encoder; add one with with_encoder\(\)"):
        NeighborIndex.build(given, rows).search(image=studies["path"][3], k=3)
    ready = given.with_encoder("image", PixelEncoder(8), studies)
    assert (
        ready.manifest["modalities"]["image"]["encoder"]
        == "pixels"
        != given.manifest["modalities"]["image"]["encoder"]
    )
    NeighborIndex.build(ready, rows).save(tmp_path / "index")
    index = NeighborIndex.load(tmp_path / "index")
    by_film, by_id = index.search(image=studies["path"][3], k=3), index.search("i03", k=3)
    assert by_film["neighbor_id"].tolist() == by_id["neighbor_id"].tolist()


def test_another_encoder_is_refused(given: Embeddings, studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="its vectors have 256 dimensions, the stored ones 64"):
        given.with_encoder("image", PixelEncoder(16), studies)

    class Mirrored(PixelEncoder):
        def encode(self, images: np.ndarray) -> np.ndarray:
            return super().encode(images[..., ::-1].copy())

    with pytest.raises(
        UserError, match=r"its vector of image 'i\d+' is .* of the vectors' spread away .* more than 0.02"
    ):
        given.with_encoder("image", Mirrored(8), studies)
    given.with_encoder("image", Mirrored(8), studies, tolerance=10)


def test_one_wrong_row_among_those_checked_is_found(given: Embeddings, studies: pd.DataFrame) -> None:
    ids, vectors = given.ids["image"], given.vectors["image"].copy()
    vectors[0] = vectors[1]
    check_made_by(PixelEncoder(8), ids[1:], vectors[1:], studies, 0.02, 30)
    with pytest.raises(UserError, match="'i00'"):
        check_made_by(PixelEncoder(8), ids, vectors, studies, 0.02, 30)


def test_it_needs_films_to_check(given: Embeddings, studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="cannot be checked, no film or report of the 21 vectors can be read"):
        given.with_encoder("image", PixelEncoder(8), studies.assign(path=None))
    with pytest.raises(UserError, match="unknown modality 'report'"):
        given.with_encoder("report", TfidfEncoder(), studies)


def test_report_vectors_take_an_encoder_too(studies: pd.DataFrame) -> None:
    rows = studies[studies["report"].notna()]
    encoder = TfidfEncoder().fit(list(rows["report"]))
    report = encoder.encode(list(rows["report"]))
    given = Embeddings.from_arrays(list(rows["image_id"]), report=report)
    index = NeighborIndex.build(given.with_encoder("report", encoder, studies), rows)
    assert len(index.search(text="Small left effusion.", k=2)) == 2
    other = TfidfEncoder().fit([*rows["report"], *["left left left"] * 50])
    with pytest.raises(UserError, match="give the encoder that made them"):
        given.with_encoder("report", other, studies)
