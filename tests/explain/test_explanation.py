from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.registry import METHODS, build_explainer


@pytest.fixture
def small():
    return Explanation(
        method="lime",
        target="Mass",
        target_index=3,
        image=np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8),
        prediction=0.7,
        segments=(np.arange(64).reshape(8, 8) // 16).astype(np.int32),
        weights=np.array([0.1, -0.4, 0.3, 0.0]),
        intercept=0.2,
        fidelity=0.9,
    )


def test_mask_and_heatmap(small):
    assert [small.mask(1)[2 * s, 0] for s in range(4)] == [0, 0, 1, 0]
    assert [small.mask(5)[2 * s, 0] for s in range(4)] == [1, 0, 1, 0]
    assert [small.mask(2, positive_only=False)[2 * s, 0] for s in range(4)] == [0, -1, 1, 0]
    assert small.mask().dtype == np.int8
    assert small.heatmap()[::2, 0] == pytest.approx([0.1, -0.4, 0.3, 0.0])
    assert small.order().tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize("positive_only", [True, False])
@pytest.mark.parametrize("top", [1, 2, 3])
def test_to_lime_gives_the_packages_own_type_and_the_same_masks(small, positive_only, top):
    from lime.lime_image import ImageExplanation

    lime = small.to_lime()
    assert isinstance(lime, ImageExplanation) and lime.top_labels == [3]
    assert lime.local_exp[3] == [(1, -0.4), (2, 0.3), (0, 0.1), (3, 0.0)]
    assert lime.intercept[3] == 0.2 and lime.score == 0.9 and lime.local_pred[0] == pytest.approx(0.2)
    image, mask = lime.get_image_and_mask(3, positive_only=positive_only, num_features=top)
    assert image.shape == (8, 8, 3) and (mask == small.mask(top, positive_only)).all()


@pytest.mark.parametrize("name", METHODS)
def test_round_trip_without_pickle(name, world, model, options, tmp_path):
    saved = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    saved.save(tmp_path)
    read = Explanation.load(tmp_path)
    files = ["explanation.json", "explanation.npz", "manifest.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    _same(saved, read)
    with np.load(tmp_path / "explanation.npz", allow_pickle=False) as arrays:
        assert all(arrays[key].dtype != object for key in arrays)


def _same(a, b):
    for field in ("method", "target", "target_index", "image_id", "findings", "settings", "seed"):
        assert getattr(a, field) == getattr(b, field)
    for field in ("prediction", "intercept", "fidelity"):
        assert getattr(a, field) == getattr(b, field)
    for field in (
        "image",
        "segments",
        "weights",
        "pixel_map",
        "neighbour_images",
        "donor_weights",
        "counterfactual",
    ):
        left, right = getattr(a, field), getattr(b, field)
        assert (left is None) == (right is None)
        if left is not None:
            assert left.dtype == right.dtype and (left == right).all()
    assert list(a.neighbours.columns) == list(b.neighbours.columns)
    for column in a.neighbours:
        assert [str(v) for v in a.neighbours[column]] == [str(v) for v in b.neighbours[column]]
    assert len(a.parts) == len(b.parts)
    for left, right in zip(a.parts, b.parts, strict=True):
        _same(left, right)


def test_load_refuses_what_is_missing_changed_or_foreign(small, tmp_path):
    with pytest.raises(UserError, match="no such file; give a folder that explain wrote"):
        Explanation.load(tmp_path / "nowhere")
    folder = tmp_path / "explanation"
    small.save(folder)
    arrays = (folder / "explanation.npz").read_bytes()
    (folder / "explanation.npz").write_bytes(arrays[:-1])
    with pytest.raises(UserError, match="npz: changed since it was written; run explain again"):
        Explanation.load(folder)
    (folder / "explanation.npz").unlink()
    with pytest.raises(UserError, match="npz: file of the explanation is missing"):
        Explanation.load(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    with pytest.raises(UserError, match="format 1, this version reads 2"):
        Explanation.load(folder)


def test_save_replaces_an_explanation_and_nothing_else(small, tmp_path):
    folder = tmp_path / "explanation"
    small.save(folder, {"panel.png": b"picture"})
    assert (folder / "panel.png").read_bytes() == b"picture"
    replace(small, target="Nodule").save(folder)
    assert Explanation.load(folder).target == "Nodule" and not (folder / "panel.png").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        small.save(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["notes.txt"]


def test_a_fidelity_that_is_not_known_comes_back(small, tmp_path):
    replace(small, fidelity=float("nan")).save(tmp_path)
    assert np.isnan(Explanation.load(tmp_path).fidelity)


def test_short_repr_and_what_the_json_says_in_words(world, model, options, tmp_path):
    from cxrneighbors.explain.contrast_lime import ContrastLime

    explanation = ContrastLime(model, world.index, threshold=0.95, **options).explain("p0", "Nodule")
    assert repr(explanation) == (
        f"<contrast-lime: Nodule of p0 scores {explanation.prediction:.3f}; 16 segments, 4 neighbours, "
        f"fidelity {explanation.fidelity:.2f}>"
    )
    explanation.save(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert record["answer"] == explanation.answer() and record["answer"].startswith("Nodule is seen at")
    best = record["top_segments"][0]
    assert best["segment"] == 6 and best["agreement"] == 1 and best["standard_error"] > 0
    assert [row["neighbor_id"] for row in record["neighbours"]] == list(explanation.neighbours["neighbor_id"])
    assert record["settings"]["threshold"] == 0.95 and record["settings"]["counterfactual"]["segments"] == [6]
    assert Explanation.load(tmp_path / "out").answer() == explanation.answer()


def test_a_notebook_shows_words_and_numbers_and_show_the_panel(small):
    html = replace(small, target="<Mass>", image_id="p7", fidelity=float("nan"))._repr_html_()
    assert "Why &lt;Mass&gt;? Score 0.70" in html and "<td>p7</td>" in html and "fidelity" not in html
    assert html.rindex("-0.400") < html.rindex("+0.300") < html.rindex("+0.100") and len(html) < 4000
    assert "<img" not in html
    shown = small.show(top=2)
    assert shown.title == small.answer() and shown.body.startswith('<img class="panel"')
