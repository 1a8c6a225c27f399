from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.query_encoding import encode_texts, known_rows


def test_equal_vectors_are_told_apart_by_pixels_and_lost_files_are_not_known(tmp_path: Path) -> None:
    films = [np.full((4, 4), value, dtype=np.uint8) for value in (10, 20, 30)]
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for film, path in zip(films, paths, strict=True):
        Image.fromarray(film).save(path)
    Path(paths[2]).unlink()
    ids = ["a", "b", "c", "d"]
    studies = pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": [[]] * 4, "path": [*paths, None]})
    same = np.ones((4, 3), dtype=np.float32)
    store = NeighborIndex.build(Embeddings.from_arrays(ids, same), studies, backend="exact").store
    queries = [film.astype(np.float32) / 255 for film in films] + [np.zeros((4, 4), np.float32)]
    np.testing.assert_array_equal(known_rows(store, same, queries), [0, 1, -1, -1])
    np.testing.assert_array_equal(known_rows(store, same + 1, queries), [-1, -1, -1, -1])


def test_a_text_of_unknown_words_is_noted(capsys):
    from cxrneighbors.encoders.tfidf import TfidfEncoder

    encoder = TfidfEncoder()
    encoder.fit(["small effusion", "no effusion", "clear lungs"])
    encode_texts(encoder, [None, "effusion"], optional=True)
    assert capsys.readouterr().err == ""
    vectors = encode_texts(encoder, [None, "zzzz qqqq"], optional=True)
    assert np.isnan(vectors[0]).all() and not vectors[1].any()
    assert "note: text 'zzzz qqqq': the report encoder knows nothing in it" in capsys.readouterr().err
