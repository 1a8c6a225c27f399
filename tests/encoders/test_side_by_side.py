from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.spatial.distance import cdist, pdist

from cxrneighbors.data.pixels import load_images
from cxrneighbors.encoders.components import fitting_films
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.hog import HOGEncoder
from cxrneighbors.encoders.pca import PCAEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder
from cxrneighbors.encoders.side_by_side import SideBySide
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

Films = Callable[..., np.ndarray]


def pair() -> SideBySide:
    return SideBySide([PCAEncoder(dim=3, image_size=16), HOGEncoder(dim=2, image_size=32)], [1.0, 3.0])


def read(studies: pd.DataFrame, size: int) -> np.ndarray:
    return np.concatenate(list(fitting_films(studies, size, "pad", 100, 0)))


def test_squared_distances_add_up_each_over_its_own_mean(studies: pd.DataFrame):
    encoder = pair().fit(studies)
    pca, hog = (part.encode(read(studies, part.image_size)) for part in encoder.encoders)
    expected = (
        cdist(pca, pca, "sqeuclidean") / np.square(pdist(pca)).mean()
        + 3 * cdist(hog, hog, "sqeuclidean") / np.square(pdist(hog)).mean()
    )
    vectors = encoder.encode(read(studies, 32))
    np.testing.assert_allclose(cdist(vectors, vectors, "sqeuclidean"), expected, rtol=1e-3, atol=1e-3)
    assert vectors.shape[1] == encoder.dim == 5 and encoder.name == "pca+hog" and encoder.image_size == 32


def test_members_that_are_fitted_stay_as_they_are(studies: pd.DataFrame, films: Films):
    pca = PCAEncoder(dim=3, image_size=8).fit(films(20, 8, seed=3))
    before = pca.weights_hash()
    encoder = SideBySide([pca, PixelEncoder(image_size=8)]).fit(studies)
    assert encoder.encoders[0].weights_hash() == before
    assert encoder.encode(films(2, 8)).shape == (2, 67) and encoder.encode(films(0, 8)).shape == (0, 67)


def test_save_and_load_give_the_same_bits(tmp_path: Path, studies: pd.DataFrame, films: Films):
    encoder = pair().fit(studies)
    encoder.save(tmp_path)
    back = load_encoder_folder(tmp_path)
    assert isinstance(back, SideBySide)
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash()
    assert np.array_equal(back.encode(films(5, 32)), encoder.encode(films(5, 32)))
    PCAEncoder(dim=3, image_size=16).fit(films(20, 16, seed=4)).save(tmp_path / "1")
    with pytest.raises(UserError, match="does not fit the encoders beside it"):
        load_encoder_folder(tmp_path)


def test_a_film_is_searched_in_a_saved_index(tmp_path: Path, studies: pd.DataFrame):
    embeddings = encode(studies, image="pca+hog", out=tmp_path / "embeddings")
    NeighborIndex.build(embeddings, studies).save(tmp_path / "index")
    index = NeighborIndex.load(tmp_path / "index")
    found = index.search(image=studies["path"][0], k=3)
    assert found["neighbor_id"].tolist() == index.search("i00", k=3)["neighbor_id"].tolist()
    film = load_images([studies["path"][0]], 32, "pad")[0][0, 0]
    Image.fromarray((255 * film[:, ::-1]).astype(np.uint8)).save(tmp_path / "mirrored.png")
    assert len(index.search(image=str(tmp_path / "mirrored.png"), k=3)) == 3


def test_plus_in_a_name_means_side_by_side(tmp_path: Path, films: Films):
    encoder = load_image_encoder("pca-centre+hog")
    assert isinstance(encoder, SideBySide) and not encoder.fitted
    assert [part.name for part in encoder.encoders] == ["pca-centre", "hog"]
    PixelEncoder(image_size=8).save(tmp_path / "a+b")
    assert isinstance(load_image_encoder(tmp_path / "a+b"), PixelEncoder)
    with pytest.raises(UserError, match="image encoder 'vgg': no such folder"):
        load_image_encoder("pca+vgg")


def test_mistakes_are_one_line(tmp_path: Path, films: Films, studies: pd.DataFrame):
    with pytest.raises(UserError, match="1 encoders; give two or more"):
        load_image_encoder("pca+none")
    with pytest.raises(UserError, match=r"weights \[1\.0\] for 2 encoders"):
        SideBySide([PCAEncoder(), HOGEncoder()], [1])
    with pytest.raises(UserError, match=r"square in different ways \(crop, pad\)"):
        SideBySide([PCAEncoder(), PixelEncoder(aspect="crop")])
    with pytest.raises(UserError, match=r"'pca\+hog': not fitted"):
        pair().encode(films(2, 32))
    with pytest.raises(UserError, match="nothing to save"):
        pair().save(tmp_path)
