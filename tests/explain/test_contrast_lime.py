from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cxrneighbors.errors import UserError
from cxrneighbors.explain.alignment import match_intensity
from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.detail import detail_map
from cxrneighbors.explain.donor_levels import linked, within_donors
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.surrogate import Sample

P, K = 60, 4
LESION = 6


@pytest.fixture
def seen(model):
    """The classifier, keeping every film it was shown."""

    class Seen:
        def __init__(self):
            self.films = []

        def __call__(self, images):
            self.films.extend(images[:, 0].copy())
            return model(images)

    return Seen()


def kept(film, shown, segments):
    """Which segments of `film` show the pixels of `shown`: int (S,)."""
    return np.array([np.array_equal(film[segments == s], shown[segments == s]) for s in range(16)]).astype(
        int
    )


def lime_by_hand(masks, scores):
    """LIME's surrogate with scikit-learn, 1 = kept."""
    distance = 1 - np.sqrt(masks.mean(1))
    weights = np.sqrt(np.exp(-((distance / 0.25) ** 2)))
    ridge = Ridge(alpha=1).fit(masks, scores, sample_weight=weights)
    return ridge.coef_, ridge.intercept_


def with_own_intercepts(masks, scores, shown):
    """Features and scores from which each donor's own level is taken, the target's row 0 left."""
    x, y = masks.astype(float), scores.astype(float)
    means = x[1:].mean(0), y[1:].mean()
    for donor in set(shown[1:]):
        rows = np.flatnonzero(shown == donor)
        x[rows], y[rows] = x[rows] - x[rows].mean(0) + means[0], y[rows] - y[rows].mean() + means[1]
    return x, y


def lime_with_own_intercepts(masks, scores, shown):
    distance = 1 - np.sqrt(masks.mean(1))
    weights = np.sqrt(np.exp(-((distance / 0.25) ** 2)))
    ridge = Ridge(alpha=1).fit(*with_own_intercepts(masks, scores, shown), sample_weight=weights)
    return ridge.coef_, ridge.intercept_


@pytest.mark.parametrize("link", ["identity", "logit"])
def test_masked_segments_show_donors_without_the_finding_in_turn(world, seen, model, options, link):
    options |= {"design": "random", "link": link}
    explanation = ContrastLime(seen, world.index, counterfactual=False, **options).explain("p0", "Nodule")
    films, segments = np.array(seen.films), explanation.segments
    assert len(films) == (K + 1) * P + 1 == explanation.settings["classifier_calls"]
    assert all("Nodule" not in findings for findings in explanation.neighbours["findings"])
    target, donors = explanation.image[0], explanation.neighbour_images[:, 0]
    masks = [np.ones(16, int)]
    for n, film in enumerate(films[1:]):
        mask = kept(film, target, segments)
        assert (film == np.where(mask[segments] == 1, target, donors[n % K])).all()
        masks.append(mask)
    masks, scores = np.array(masks), model(films[:, None])[:, 0]
    assert explanation.prediction == pytest.approx(scores[0], abs=1e-6)
    scores = np.log(scores / (1 - scores)) if link == "logit" else scores
    shown = np.array([-1] + [n % K for n in range(len(films) - 1)])
    weights, intercept = lime_with_own_intercepts(masks, scores, shown)
    assert explanation.weights == pytest.approx(weights, abs=1e-5)
    assert explanation.intercept == pytest.approx(intercept, abs=1e-5)
    for donor in range(K):
        rows = [0, *range(1 + donor, len(films), K)]
        own, _ = lime_by_hand(masks[rows], scores[rows])
        assert explanation.donor_weights[donor] == pytest.approx(own, abs=1e-5)


def test_rounds_keep_the_donors_apart(world, seen, model, options):
    rule = StabilityRule(0.0001, top=16, max_rounds=2, n_bootstrap=10)
    options |= {"stability": rule, "counterfactual": False, "n_masks": 15, "k": 2}
    options |= {"design": "random", "link": "identity"}
    explanation = ContrastLime(seen, world.index, **options).explain("p0", "Nodule")
    films, target = np.array(seen.films), explanation.image[0]
    assert len(films) == 2 * 3 * 15 + 1
    masks = np.array([kept(film, target, explanation.segments) for film in films])
    donor = [0] + 2 * [1 + n % 2 for n in range(45)]
    rows = [n for n, shown in enumerate(donor) if shown in (0, 2)]
    own, _ = lime_by_hand(masks[rows], model(films[rows, None])[:, 0])
    assert explanation.donor_weights[1] == pytest.approx(own, abs=1e-5)


def test_how_sure_the_weights_are_over_donors(world, model, options):
    explanation = ContrastLime(model, world.index, **options).explain("p0", "Nodule")
    own = explanation.donor_weights
    assert own.shape == (K, 16) and explanation.agreement()[LESION] == 1
    assert explanation.standard_error() == pytest.approx(np.std(own, axis=0, ddof=1) / 2)
    assert explanation.standard_error()[LESION] < explanation.weights[LESION] / 4
    signs = np.sign(own[:, 0]) == np.sign(explanation.weights[0])
    assert explanation.agreement()[0] == signs.mean()
    alone = ContrastLime(model, world.index, **{**options, "k": 1}).explain("p0", "Nodule")
    assert np.isnan(alone.standard_error()).all() and set(alone.agreement()) <= {0.0, 1.0}
    mixed = ContrastLime(model, world.index, mixed=True, **options).explain("p0", "Nodule")
    assert mixed.donor_weights is None and np.isnan(mixed.agreement()).all()
    assert mixed.order()[0] == LESION


def test_the_counterfactual_is_the_film_with_its_segments_replaced(world, seen, model, options):
    options |= {"design": "random"}
    explanation = ContrastLime(seen, world.index, threshold=0.95, **options).explain("p0", "Nodule")
    changed = explanation.settings["counterfactual"]
    assert changed["segments"] == [LESION] and changed["flipped"] and changed["calls"] == K
    donor = list(explanation.neighbours["neighbor_id"]).index(changed["donor"])
    area = explanation.segments == LESION
    expected = np.where(area, explanation.neighbour_images[donor], explanation.image)
    assert (explanation.counterfactual == expected).all()
    assert (
        changed["score"] == pytest.approx(model(expected[None])[0, 0], abs=1e-6) and changed["score"] < 0.95
    )
    assert explanation.settings["classifier_calls"] == (K + 1) * P + 1 + K == len(seen.films)


@pytest.mark.parametrize(("threshold", "mirror"), [(0.999, False), (0.5, True)])
def test_no_counterfactual_where_the_decision_is_there_already(world, model, options, threshold, mirror):
    options |= {"threshold": threshold, "mirror": mirror}
    explanation = ContrastLime(model, world.index, **options).explain("p0", "Nodule")
    assert explanation.counterfactual is None and "counterfactual" not in explanation.settings


def test_the_mirror_puts_the_finding_into_a_film_without_it(world, model, options):
    """p1 is no brighter there than others; of the donors with a nodule p0's is: there it would appear."""
    options |= {"mirror": True, "k": 5, "threshold": 0.95, "where": "image_id != 'p10'"}
    explanation = ContrastLime(model, world.index, **options).explain("p1", "Nodule")
    assert set(explanation.neighbours["neighbor_id"]) == {"p0", "p2", "p4", "p6", "p8"}
    assert explanation.order()[0] == LESION and explanation.weights[LESION] < 0
    changed = explanation.settings["counterfactual"]
    assert changed == changed | {"segments": [LESION], "donor": "p0", "flipped": True}
    assert explanation.settings["with_finding"] and changed["score"] > 0.95 > explanation.prediction


def looks_at_a_square(images):
    """Scores (N, 2): Nodule is the mean brightness of cell `LESION`, nothing else."""
    cell = images[:, 0, 12:24, 24:36].mean((1, 2))
    return np.stack([cell, 1 - cell], axis=1)


def test_the_mirror_in_closed_form(world, options):
    """A classifier that is the brightness of one square: weights, changed film and its score by hand."""
    options |= {"mirror": True, "k": 5, "threshold": 0.9, "where": "image_id != 'p10'", "n_masks": 200}
    options |= {"link": "identity"}
    explanation = ContrastLime(looks_at_a_square, world.index, **options).explain("p1", "Nodule")
    cells = explanation.neighbour_images[:, 0, 12:24, 24:36].mean((1, 2))
    before = explanation.image[0, 12:24, 24:36].mean()
    assert explanation.prediction == pytest.approx(before, abs=1e-6) and before < 0.9
    expected = before - cells  # what the film's own square adds, beside each donor
    assert explanation.donor_weights[:, LESION] == pytest.approx(expected, rel=0.05, abs=2e-3)
    assert explanation.weights[LESION] == pytest.approx(expected.mean(), rel=0.25)  # one donor differs
    others = np.delete(np.arange(16), LESION)
    assert np.abs(explanation.weights[others]).max() < 0.2 * abs(explanation.weights[LESION])
    changed, brightest = explanation.settings["counterfactual"], int(cells.argmax())
    assert changed["segments"] == [LESION] and changed["flipped"]
    assert changed["donor"] == explanation.neighbours["neighbor_id"][brightest] == "p0"
    assert changed["score"] == pytest.approx(cells[brightest], abs=1e-6) and changed["score"] >= 0.9
    area = explanation.segments == LESION
    shown = np.where(area, explanation.neighbour_images[brightest], explanation.image)
    assert (explanation.counterfactual == shown).all()
    assert explanation.answer().startswith("Nodule would appear first at the middle right of the picture")


def test_the_mirror_of_a_finding_that_no_donor_can_bring(world, options):
    """The threshold is above every donor's square: as near as it comes, and said so."""
    options |= {"mirror": True, "k": 5, "threshold": 0.99}
    explanation = ContrastLime(looks_at_a_square, world.index, **options).explain("p1", "Nodule")
    changed = explanation.settings["counterfactual"]
    best = max(explanation.neighbour_images[:, 0, 12:24, 24:36].mean((1, 2)))
    assert not changed["flipped"] and changed["score"] == pytest.approx(best, abs=1e-6)
    assert explanation.answer().endswith("not to the threshold of 0.99 or above.")


def test_donors_are_laid_on_the_film_before_they_are_shown(world, seen, options):
    options |= {"intensity": "mean-std", "registration": "affine", "counterfactual": False}
    explanation = ContrastLime(seen, world.index, **options).explain("p0", "Nodule")
    explainer = ContrastLime(seen, world.index, **options)
    laid = explainer.aligner(explanation.neighbour_images, explanation.image)
    assert np.abs(laid - explanation.neighbour_images).max() > 0.05
    segments, target = explanation.segments, explanation.image[0]
    for n, film in enumerate(seen.films[1:20]):
        mask = kept(film, target, segments)
        assert film == pytest.approx(np.where(mask[segments] == 1, target, laid[n % K, 0]))


def test_feathered_films_lie_between_target_and_donor(world, seen, options):
    options |= {"feather": 2.0, "counterfactual": False, "n_masks": 4}
    explanation = ContrastLime(seen, world.index, **options).explain("p0", "Nodule")
    target, donor = explanation.image[0], explanation.neighbour_images[0, 0]
    film = seen.films[1]
    low, high = np.minimum(target, donor), np.maximum(target, donor)
    assert (film >= low - 1e-6).all() and (film <= high + 1e-6).all()
    pure = np.isclose(film, target) | np.isclose(film, donor)
    assert 0.05 < 1 - pure.mean() < 0.9


def test_each_donor_has_an_intercept_of_its_own():
    """Donors that differ in level by as much as you like change no weight."""
    rng = np.random.default_rng(0)
    x = np.concatenate([np.ones((1, 5)), rng.integers(0, 2, (60, 5))])
    slopes, shown = np.array([0.5, 0.0, -0.2, 0.0, 0.1]), np.arange(60) % 3
    y = np.concatenate([[slopes.sum()], x[1:] @ slopes + np.array([10.0, -4.0, 0.3])[shown]])
    sample = Sample(x, np.zeros(61, int), y, np.zeros(61))
    found = within_donors(sample, 3, 1)
    assert (found.x[0] == 1).all() and found.y[0] == y[0]
    fit = np.linalg.lstsq(np.column_stack([found.x[1:], np.ones(60)]), found.y[1:], rcond=None)[0]
    assert fit[:5] == pytest.approx(slopes, abs=1e-9)
    assert within_donors(sample, 0) is sample


def test_log_odds():
    scores = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
    expected = [np.log(0.001 / 0.999), np.log(1 / 3), 0, np.log(9), np.log(999)]
    assert linked(scores, "logit") == pytest.approx(expected)
    assert linked(scores, "identity").tolist() == scores.tolist()
    assert linked(np.array([0.2, 3.0]), "logit").tolist() == [0.2, 3.0]  # no probabilities


def test_nothing_is_random_with_balanced_masks(world, seen, model, options):
    first = ContrastLime(seen, world.index, counterfactual=False, **options).explain("p0", "Nodule")
    options |= {"seed": 5, "counterfactual": False}
    again = ContrastLime(model, world.index, **options).explain("p0", "Nodule")
    assert (first.weights == again.weights).all() and again.seed is None
    films = np.array(seen.films[1:])
    assert len(films) == 256 == first.settings["classifier_calls"] - 1  # four designs of 64 in 5 times 60
    masks = np.array([kept(film, first.image[0], first.segments) for film in films])
    assert (masks.mean(0) == 0.5).all() and abs(np.corrcoef(masks.T) - np.eye(16)).max() < 1e-9
    few = ContrastLime(seen, world.index, **{**options, "n_masks": 5}).explain("p0", "Nodule")
    assert few.settings["classifier_calls"] == 26
    with pytest.raises(UserError, match="design 'hadamard'"):
        ContrastLime(model, world.index, design="hadamard", **options)
    with pytest.raises(UserError, match="link 'probit'"):
        ContrastLime(model, world.index, link="probit", **options)


def test_detail_map():
    rng = np.random.default_rng(0)
    segments = np.repeat([0, 1, 2], 8)[None].repeat(24, 0)
    sources = np.full((4, 1, 24, 24), 0.5, dtype=np.float32)
    sources[0, 0, 10:14, 2:5] = 0.9  # the target differs here
    sources[1, 0, 10:14, 10:13] = 0.9  # one donor does: the median does not
    weights = np.array([0.6, 0.3, -0.2])
    found = detail_map(weights, segments, sources)
    for segment in range(3):
        assert found[segments == segment].mean() == pytest.approx(weights[segment], abs=1e-6)
    assert np.unravel_index(found.argmax(), found.shape)[0] in range(10, 14)
    assert found[segments == 0].max() > 5 * 0.6 and found.dtype == np.float32
    assert found[segments == 1] == pytest.approx(0.3, abs=1e-3)
    assert found[segments == 2] == pytest.approx(-0.2, abs=1e-3)
    noisy = sources + rng.normal(0, 0.01, sources.shape).astype(np.float32)
    assert np.isfinite(detail_map(weights, segments, noisy)).all()


def test_the_heat_map_is_in_detail_or_even(world, model, options):
    explanation = ContrastLime(model, world.index, **options).explain("p0", "Nodule")
    even = ContrastLime(model, world.index, detail=False, **options).explain("p0", "Nodule")
    assert (even.weights == explanation.weights).all() and even.pixel_map is None
    assert (even.heatmap() == even.weights[even.segments].astype(np.float32)).all()
    sources = np.concatenate([explanation.image[None], explanation.neighbour_images])
    detailed = detail_map(explanation.weights, explanation.segments, sources)
    assert (explanation.heatmap() == detailed).all() and explanation.heatmap().std() > even.heatmap().std()


def test_wrong_options(world, model, options):
    with pytest.raises(UserError, match="feather -1"):
        ContrastLime(model, world.index, feather=-1.0, **options).explain("p0", "Nodule")
    with pytest.raises(UserError, match="option of method contrast-lime 'donor'"):
        ContrastLime(model, world.index, donor="label", **options)
    with pytest.raises(UserError, match="only 6 images"):
        ContrastLime(model, world.index, **{**options, "k": 7}).explain("p0", "Nodule")


def test_saved_and_read_again(world, model, options, tmp_path):
    explanation = ContrastLime(model, world.index, threshold=0.95, **options).explain("p0", "Nodule")
    explanation.save(tmp_path)
    read = Explanation.load(tmp_path)
    assert (read.counterfactual == explanation.counterfactual).all()
    assert (read.donor_weights == explanation.donor_weights).all()
    assert (read.pixel_map == explanation.pixel_map).all() and read.settings == explanation.settings
    assert (read.agreement() == explanation.agreement()).all()


def test_films_are_read_once_and_not_changed(world, model, options, monkeypatch):
    asked = []
    read = FilmReader.read

    def counted(self, image, patient_id=None):
        asked.append(image)
        return read(self, image, patient_id)

    monkeypatch.setattr(FilmReader, "read", counted)
    explainer = ContrastLime(model, world.index, **options)
    first = explainer.explain("p0", "Nodule")
    count = len(asked)
    second = explainer.explain("p0", "Nodule")
    assert count == K + 1 == len(asked) and (first.weights == second.weights).all()
    small = replace(explainer.reader, capacity=1)
    assert small.read("p1") is small.read("p1") and small.read("p2") is not None
    assert small.read("p1") is not explainer.reader.read("p1")


def test_grey_films_in_colour(world, options):
    """A colour film is shown grey donors in every channel."""

    def model(images):
        return np.repeat(images.mean((1, 2, 3))[:, None], 2, axis=1)

    film = (
        FilmReader(world.studies, 48).read("p0").pixels * np.array([1, 0.9, 0.8], np.float32)[:, None, None]
    )
    explanation = ContrastLime(model, world.index, **options).explain(film, "Nodule")
    assert explanation.image.shape == (3, 48, 48) and explanation.neighbour_images.shape[1] == 3
    assert match_intensity(explanation.neighbour_images[0], film, "histogram").shape == (3, 48, 48)
