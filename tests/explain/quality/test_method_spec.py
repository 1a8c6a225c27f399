"""Methods with options as text, and what they cost when they are told how often to ask."""

from __future__ import annotations

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality.method_spec import (
    MethodSpec,
    known_methods,
    parse_method,
    parse_methods,
    split_outside,
    title_of,
)
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.rivals.registry import RIVALS

K = 4


@pytest.fixture
def build(world, model, options):
    """The explainer of a text, as a benchmark of K = 4, P = 10 makes it."""
    predictor = Predictor(model, options["labels"], "cpu", image_size=options["image_size"])

    def make(text):
        masking = Masking(10, options["segmentation"])
        return parse_method(text).build(predictor, masking, Neighbourhood(world.index, K))

    return make


def test_options_are_read_by_the_types_of_their_fields():
    spec = parse_method(
        " contrast-lime:where=age>40:mirror=True:counterfactual=false:feather=1:masks=7:num_features=3 "
    )
    assert dict(spec.options) == {
        "counterfactual": False,
        "feather": 1.0,
        "mirror": True,
        "n_masks": 7,
        "num_features": 3,
        "where": "age>40",
    }
    assert isinstance(dict(spec.options)["feather"], float)
    assert spec.text == (
        "contrast-lime:counterfactual=false:feather=1.0:mirror=true:n_masks=7:num_features=3:where=age>40"
    )
    assert parse_method(spec.text) == spec
    assert spec.without("where", "feather", "mirror").text == (
        "contrast-lime:counterfactual=false:n_masks=7:num_features=3"
    )
    assert parse_method("lime") == MethodSpec("lime")


def test_a_fill_is_a_name_or_a_grey(build):
    assert build("lime:fill=0.25").masking.fill == 0.25 and build("lime:fill=blur").masking.fill == "blur"
    assert build("rise:fill=0").masking.fill == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shap", "method 'shap'; choose one of: lime, k-lime"),
        ("lime:fil=grey", "option of method lime 'fil'; choose one of: alpha, calls"),
        ("lime:grid=3", "option of method lime 'grid'"),
        ("lime:fill", "'fill' is no option; write OPTION=VALUE"),
        ("lime:masks=3:n_masks=4", "option n_masks is given twice"),
        ("lime:masks=many", "n_masks is 'many'; give a whole number"),
        ("rise:keep=half", "keep is 'half'; give a number"),
        ("contrast-lime:mirror=1", "mirror is '1'; give true or false"),
        ("lime:calls=9:masks=9", "calls and masks exclude each other"),
        ("lime:calls=0", "calls must be at least 1"),
        ("lime:segmentation=slic", "option of method lime 'segmentation'"),
        ("kp-lime:seed=2", "option of method kp-lime 'seed'"),
    ],
)
def test_what_cannot_be_read_is_one_line(text, message):
    with pytest.raises(UserError, match=message) as error:
        parse_method(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lime:fill=pink", "'pink'"),
        ("lime:fill=1.5", "a grey must lie in"),
        ("kp-lime:k=0", "k 0"),
        ("kp-lime:calls=5:k=5", "one mask of each film takes 6 calls; give more than 5"),
        ("rise:keep=1", "keep is 1.0; give a share"),
        ("contrast-lime:donors=healthy", "donors 'healthy'; choose one of"),
        ("contrast-lime:registration=rubber", "registration 'rubber'"),
    ],
)
def test_values_out_of_range_stop_when_it_is_built(build, text, message):
    with pytest.raises(UserError, match=message) as error:
        build(text)
    assert "\n" not in str(error.value)


def test_options_go_where_they_belong(build):
    method = build("contrast-lime:k=2:policy=diverse:alpha=0.5:donors=no-finding:counterfactual=false")
    assert (method.neighbourhood.k, method.neighbourhood.policy) == (2, "diverse")
    assert method.masking.alpha == 0.5 and method.masking.n_masks == 10
    assert method.rule.donors == "no-finding" and method.counterfactual is False
    rival = build("rise:grid=3:fill=blur")
    assert (rival.rival.grid, rival.masking.fill) == (3, "blur")


def test_rivals_are_granted_what_kp_lime_takes(build):
    assert build("rise").masking.n_masks == (K + 1) * 10 and build("rise:k=1").masking.n_masks == 20
    assert build("rise:calls=33").masking.n_masks == 33 and build("rise:masks=34").masking.n_masks == 34


@pytest.mark.parametrize("text", [*METHODS, "rise", "occlusion:window=0.3", "lime-equal-cost"])
@pytest.mark.parametrize("calls", [120, 300])
def test_calls_are_about_those_that_the_classifier_gets(build, world, model, text, calls):
    """Counted at the classifier: no more than asked for, but for the film as it is, and hardly fewer."""
    asked = []
    method = build(f"{text}:calls={calls}")
    score = method.predictor.model
    method.predictor.__dict__["model"] = lambda images: asked.append(len(images)) or score(images)
    found = method.explain("p0", "Nodule")
    assert sum(asked) == found.settings["classifier_calls"]
    if text == "dlime":  # its design has a size of its own, at least twice the segments
        assert sum(asked) % (K + 1) == 1
        return
    least = 0.8 if "occlusion" in text else 0.9  # which needs a square number
    least = 0.5 if text == "contrast-lime" else least  # which takes whole Hadamard designs
    assert least * calls <= sum(asked) <= calls + 1 + (K if text in ("k-lime", "sigma-lime") else 0)


def test_what_contrast_lime_scores_besides_is_within_its_calls(build):
    flip = build("contrast-lime:calls=300:counterfactual=true")
    found = flip.explain("p0", "Nodule").settings
    assert "counterfactual" in found and 240 < found["classifier_calls"] <= 301
    assert flip.masking.n_masks == (300 - 12 * K - 11) // (K + 1)
    by_score = build("contrast-lime:calls=300:donors=classifier")
    assert by_score.masking.n_masks == (300 - 1 - K) // (K + 1)


def test_without_calls_contrast_lime_is_as_it_is(build):
    assert build("contrast-lime").counterfactual and build("contrast-lime:masks=3").masking.n_masks == 3
    assert not build("contrast-lime:calls=50").counterfactual
    assert build(f"contrast-lime:calls={K + 1}").masking.n_masks == 1


def test_titles_and_lists():
    assert title_of("lime") == METHODS["lime"].title and title_of("rise:keep=0.3") == "RISE, keep=0.3"
    assert title_of("kp-lime:fill=neighbour:k=3") == f"{METHODS['kp-lime'].title}, fill=neighbour, k=3"
    assert title_of("a thing of one's own") == "a thing of one's own"
    assert parse_methods("lime, kp-lime:where=age in [1,2] ,rise:keep=0.3,") == [
        "lime",
        "kp-lime:where=age in [1,2]",
        "rise:keep=0.3",
    ]
    assert split_outside("a:'b:c':(d:e):[f]", ":") == ["a", "'b:c'", "(d:e)", "[f]"]


def test_every_name_can_be_written_and_built(build):
    assert set(known_methods()) == {*METHODS, *RIVALS, "random", "lime-equal-cost"}
    for name in set(known_methods()) - {"kernel-shap", "integrated-gradients"}:  # these ask for captum
        assert build(name).neighbourhood.k == K
