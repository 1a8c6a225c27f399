"""What every method has in common: the known answer, the seed, the errors."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.registry import METHODS, build_explainer

CASES = [(name, fill) for name, method in METHODS.items() for fill in method.fills]
NEIGHBOURLY = [name for name, method in METHODS.items() if method.uses_neighbours]
LESION = 6
SHOW_OTHERS = ("sigma-lime", "kp-lime", "dlime", "contrast-lime")  # other films' pixels or weights


@pytest.mark.parametrize(("name", "fill"), CASES)
def test_the_top_segment_is_where_the_classifier_looks(name, fill, world, model, options):
    explanation = build_explainer(name, model, world.index, fill=fill, **options).explain("p0", "Nodule")
    others = np.delete(np.abs(explanation.weights), LESION)
    if fill == "mean":
        # A uniform lesion is its own mean: masking it changes nothing, and no method may pretend otherwise.
        assert np.abs(explanation.weights).max() < 0.1 or name in SHOW_OTHERS
        return
    assert explanation.order()[0] == LESION and explanation.weights[LESION] > 0.02
    if name != "sigma-lime":  # there every neighbour's fifth segment counts as much as its first
        assert explanation.weights[LESION] > 3 * others.max()
    assert explanation.heatmap()[16, 28] == explanation.heatmap().max() > 0
    assert explanation.mask(1)[12:24, 24:36].all() and explanation.mask(1).sum() == 144
    opposite = build_explainer(name, model, world.index, fill=fill, **options).explain("p0", "Effusion")
    assert opposite.order()[0] == LESION and opposite.weights[LESION] < 0


@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_explanation(name, world, model, options):
    def run(seed):
        return build_explainer(name, model, world.index, seed=seed, **options).explain("p0", "Nodule")

    first, second, other = run(1), run(1), run(2)
    assert (first.weights == second.weights).all() and first.intercept == second.intercept
    assert first.settings == second.settings and first.neighbours.equals(second.neighbours)
    if name != "sigma-lime":  # whose integers may agree
        assert (first.weights == other.weights).all() == (name in ("dlime", "contrast-lime"))


@pytest.mark.parametrize("name", METHODS)
def test_settings_and_fields_are_complete(name, world, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    assert explanation.method == name and explanation.segments.dtype == np.int32
    assert explanation.prediction == pytest.approx(model(explanation.image[None])[0, 0], abs=1e-6)
    assert explanation.fidelity <= 1 and explanation.weights.shape == (16,)
    assert len(explanation.neighbours) == (4 if name in NEIGHBOURLY else 0)
    assert {"n_masks", "segmentation", "fill", "classifier_calls", "segment_names"} <= set(
        explanation.settings
    )


@pytest.mark.parametrize("name", METHODS)
def test_until_stable_is_written_down(name, world, model, options):
    rule = StabilityRule(0.5, top=1, max_rounds=2, n_bootstrap=40)
    explanation = build_explainer(name, model, world.index, stability=rule, **options).explain("p0", "Nodule")
    stability = explanation.settings["stability"]
    assert stability["stable"] and stability["rounds"] == 1 and stability["probability"] < 0.5
    strict = StabilityRule(0.001, top=16, max_rounds=2, n_bootstrap=40)
    explanation = build_explainer(name, model, world.index, stability=strict, **options).explain(
        "p0", "Nodule"
    )
    stability = explanation.settings["stability"]
    assert not stability["stable"] and stability["rounds"] == 2
    assert explanation.order()[0] == LESION


@pytest.mark.parametrize("name", METHODS)
def test_unknown_target_lists_the_labels(name, world, model, options):
    with pytest.raises(UserError, match=r"'Mass'.*Nodule, Effusion"):
        build_explainer(name, model, world.index, **options).explain("p0", "Mass")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("outputs", "message"),
    [(lambda n: np.full((n, 2), np.nan), "NaN"), (lambda n: np.ones((n, 3)), "3\\).*2 labels")],
)
def test_a_classifier_of_nan_or_of_other_outputs(name, outputs, message, world, options):
    explainer = build_explainer(name, lambda images: outputs(len(images)), world.index, **options)
    with pytest.raises(UserError, match=message):
        explainer.explain("p0", "Nodule")


@pytest.mark.parametrize("name", METHODS)
def test_one_segment(name, world, model, options):
    options["segmentation"] = lambda film: np.zeros(film.shape[1:])
    with pytest.raises(UserError, match=r"one segment covers the whole film.*slic"):
        build_explainer(name, model, world.index, **options).explain("p0", "Nodule")


@pytest.mark.parametrize("name", NEIGHBOURLY)
def test_fewer_neighbours_than_k(name, world, model, options):
    options["k"] = 12
    with pytest.raises(UserError, match="only 6 images" if name == "contrast-lime" else "11"):
        build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    with pytest.raises(UserError, match="k"):
        build_explainer(name, model, world.index, **{**options, "k": 0}).explain("p0", "Nodule")


@pytest.fixture
def changed(world):
    """The world's index with some paths replaced."""
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.index.neighbor_index import NeighborIndex

    def change(paths):
        studies = world.studies.copy()
        for image_id, path in paths.items():
            studies.loc[studies["image_id"] == image_id, "path"] = path
        embeddings = Embeddings.from_arrays(list(studies["image_id"]), image=world.index.vectors["image"])
        return NeighborIndex.build(embeddings, studies, backend="exact")

    return change


@pytest.mark.parametrize("name", NEIGHBOURLY)
@pytest.mark.parametrize("path", [None, "/nowhere/at/all.png"])
def test_a_neighbour_without_pixels_on_disk(name, path, world, changed, model, options):
    broken = changed({f"p{number}": path for number in range(1, 12)})
    with pytest.raises(UserError, match=r"'p.*no pixels on disk.*import"):
        build_explainer(name, model, broken, **options).explain("p0", "Nodule")


@pytest.mark.parametrize("name", NEIGHBOURLY)
def test_a_neighbour_of_another_shape(name, world, changed, model, options, tmp_path):
    Image.fromarray(np.zeros((60, 50), np.uint8)).save(tmp_path / "other.png")
    other = changed({f"p{number}": str(tmp_path / "other.png") for number in range(1, 12)})
    options["image_size"] = None
    with pytest.raises(UserError, match=r"neighbour 'p.*\(60, 50\) pixels.*\(48, 48\).*image_size"):
        build_explainer(name, model, other, **options).explain("p0", "Nodule")


@pytest.mark.parametrize("name", NEIGHBOURLY)
def test_a_film_from_outside_finds_its_neighbours_by_the_encoder(name, world, outside, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain(outside, "Nodule")
    assert explanation.neighbours["neighbor_id"].iloc[0] == "p3"
    assert explanation.neighbours["distance"].iloc[0] < 0.1
    assert explanation.neighbours["rank"].tolist() == [1, 2, 3, 4]


@pytest.fixture
def outside(world):
    """A film (1, 48, 48) that is almost p3, and not in the index."""
    from cxrneighbors.explain.films import FilmReader

    film = FilmReader(world.studies, 48).read("p3").pixels.copy()
    film[:, :4, :4] *= 0.9
    return film


@pytest.mark.parametrize("name", NEIGHBOURLY)
def test_films_of_the_patient_it_is_said_to_be_of_are_no_neighbours(
    name, world, outside, model, options, tmp_path
):
    path = tmp_path / "outside.png"
    Image.fromarray(np.round(outside[0] * 255).astype(np.uint8)).save(path)
    explainer = build_explainer(name, model, world.index, **options)
    for film in (outside, path):
        found = explainer.explain(film, "Nodule", patient_id="3").neighbours["neighbor_id"]
        assert "p3" not in set(found) and len(found) == 4
        assert (
            found.tolist()
            == explainer.explain(film, "Nodule", "unknown:3").neighbours["neighbor_id"].tolist()
        )
    options["include_same_patient"] = True
    found = build_explainer(name, model, world.index, **options).explain(path, "Nodule", "3").neighbours
    assert found["neighbor_id"].iloc[0] == "p3"


def test_a_patient_that_is_unknown_or_known_already(world, outside, model, options):
    explainer = build_explainer("kp-lime", model, world.index, **options)
    with pytest.raises(UserError, match="patient_id 'nobody': no patient of this index"):
        explainer.explain(outside, "Nodule", patient_id="nobody")
    for film in ("p3", world.folder / "p3.png"):
        with pytest.raises(UserError, match="the index knows the patient of image 'p3'; leave it out"):
            explainer.explain(film, "Nodule", patient_id="3")


@pytest.mark.parametrize("policy", ["nearest", "diverse", "cluster", "random"])
def test_every_policy_serves_films_from_inside_and_outside(policy, world, outside, model, options):
    explainer = build_explainer("kp-lime", model, world.index, policy=policy, **options)
    for film in ("p0", outside):
        explanation = explainer.explain(film, "Nodule")
        assert len(set(explanation.neighbours["neighbor_id"])) == 4
        assert explanation.settings["policy"] == policy


def test_unknown_policy(world, model, options):
    with pytest.raises(UserError, match="policy"):
        build_explainer("kp-lime", model, world.index, policy="bests", **options).explain("p0", "Nodule")


def test_neighbours_obey_where_and_leave_the_target_out(world, model, options):
    options.update(k=3, where="image_id in ['p0', 'p2', 'p5', 'p7']")
    for name in (name for name in NEIGHBOURLY if name != "contrast-lime"):  # whose own wish narrows it
        found = build_explainer(name, model, world.index, **options).explain("p0", "Nodule").neighbours
        assert set(found["neighbor_id"]) == {"p2", "p5", "p7"}
        assert found["findings"].iloc[list(found["neighbor_id"]).index("p5")] == [
            "Effusion",
            "Pleural_Thickening",
        ]


def test_unknown_method_and_option(world, model, options):
    with pytest.raises(UserError, match="method 'shap'; choose one of: lime, k-lime"):
        build_explainer("shap", model, world.index)
    with pytest.raises(UserError, match="option of method lime 'masks'"):
        build_explainer("lime", model, world.index, masks=3)
    with pytest.raises(UserError, match="takes neighbours from an index"):
        build_explainer("kp-lime", model, **options)


def test_parts_given_whole_are_the_same_as_options_by_name(world, model, options):
    from cxrneighbors.explain.masking import Masking
    from cxrneighbors.explain.neighbours import Neighbourhood
    from cxrneighbors.explain.predictor import Predictor

    predictor = Predictor(model, options["labels"], "cpu", image_size=options["image_size"])
    masking = Masking(options["n_masks"], options["segmentation"])
    whole = {"masking": masking, "neighbourhood": Neighbourhood(world.index, options["k"])}
    for name, method in METHODS.items():
        by_name = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
        by_part = method(predictor, **whole).explain("p0", "Nodule")
        assert (by_name.weights == by_part.weights).all() and by_name.settings == by_part.settings
    with pytest.raises(UserError, match="option of method lime 'n_masks'; choose one of: labels, device"):
        METHODS["lime"](predictor, **whole, n_masks=3)
    with pytest.raises(UserError, match="option of method sigma-lime 'P'; choose one of: top, labels"):
        METHODS["sigma-lime"](model, world.index, P=3)


def test_a_ready_predictor_can_read_films_at_another_size(world, model, options):
    from cxrneighbors.explain.predictor import Predictor

    predictor = Predictor(model, options["labels"], "cpu", image_size=48)
    explanation = METHODS["lime"](predictor, world.index, image_size=40, n_masks=10).explain("p0", "Nodule")
    assert explanation.image.shape == (1, 40, 40) and predictor.image_size == 48


def test_a_film_from_outside_has_no_report_to_search_by(world, outside, model, options, tmp_path):
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.pixels import PixelEncoder
    from cxrneighbors.index.neighbor_index import NeighborIndex

    studies = world.studies.assign(report=[f"Findings: nodule number {n}." for n in range(12)])
    embeddings = encode(studies, image=PixelEncoder(16), report="tfidf", out=tmp_path / "embeddings")
    index = NeighborIndex.build(embeddings, studies, backend="exact")
    explainer = build_explainer("kp-lime", model, index, modality="report", **options)
    assert len(explainer.explain("p0", "Nodule").neighbours) == 4
    with pytest.raises(UserError, match="has no report to search by; choose modality='image'"):
        explainer.explain(outside, "Nodule")


def test_a_file_finds_what_the_index_finds_for_it(world, model, options, tmp_path):
    """Read once by the encoder, in its own way, and not first at the classifier's size."""
    rng = np.random.default_rng(4)
    path = tmp_path / "new.png"
    Image.fromarray(rng.integers(0, 255, (90, 61), dtype=np.uint8)).save(path)
    expected = world.index.search(image=path, k=4, modality="image")
    found = build_explainer("kp-lime", model, world.index, **options).explain(path, "Nodule").neighbours
    assert found["neighbor_id"].tolist() == expected["neighbor_id"].tolist()
    assert found["distance"].to_numpy(float) == pytest.approx(expected["distance"].to_numpy(float), rel=1e-4)


def test_an_indexed_film_given_as_a_file_is_that_film(world, model, options, tmp_path):
    """Its own path or a copy of it: it is not its own neighbour, nor are its patient's films."""
    copy = tmp_path / "copy.png"
    copy.write_bytes((world.folder / "p3.png").read_bytes())
    by_id = build_explainer("kp-lime", model, world.index, **options).explain("p3", "Nodule")
    for path in (world.folder / "p3.png", copy):
        by_file = build_explainer("kp-lime", model, world.index, **options).explain(path, "Nodule")
        assert by_file.image_id == "p3" and by_file.neighbours.equals(by_id.neighbours)
        assert "p3" not in set(by_file.neighbours["neighbor_id"])


@pytest.mark.parametrize("name", METHODS)
def test_a_film_from_outside_of_any_size(name, world, model, options, tmp_path):
    pixels = np.array(Image.open(world.folder / "p0.png").resize((60, 60)))
    Image.fromarray(pixels).save(tmp_path / "new.png")
    explainer = build_explainer(name, model, world.index, **options)
    file = explainer.explain(tmp_path / "new.png", "Nodule")
    array = explainer.explain(pixels / np.float32(255), "Nodule")
    assert file.image_id is array.image_id is None and file.order()[0] == LESION
    assert file.neighbours.equals(array.neighbours)
    np.testing.assert_allclose(array.weights, file.weights, atol=1e-6)
