"""The names that the command line knows without loading anything are those of the modules that use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrneighbors.cli import known
from cxrneighbors.cli.places import LAYERS, MADE_BY, MODELS, WRITES


def test_names_are_those_of_the_registries() -> None:
    from cxrneighbors.classifiers import chexnet, training_module
    from cxrneighbors.classifiers.registry import MODELS
    from cxrneighbors.data import pixels
    from cxrneighbors.data.mimic import labels
    from cxrneighbors.data.readers import DATASETS
    from cxrneighbors.encoders import contrastive_network, contrastive_training, latent_metric, report_pairs
    from cxrneighbors.encoders.encode import ENGINES
    from cxrneighbors.evaluation.baselines import BASELINES
    from cxrneighbors.evaluation.overlap import DEFINITIONS
    from cxrneighbors.explain import (
        alignment,
        classifier_errors,
        donors,
        heat_maps,
        perturb,
        published,
        selection,
    )
    from cxrneighbors.explain.quality.method_spec import known_methods
    from cxrneighbors.explain.registry import METHODS
    from cxrneighbors.explain.rivals.registry import RIVALS
    from cxrneighbors.explain.segments import SEGMENTATIONS
    from cxrneighbors.index.backends.registry import BACKENDS
    from cxrneighbors.index.fusion import CROSS_MODALITIES, FUSIONS, MODALITIES
    from cxrneighbors.index.search import POLICIES
    from cxrneighbors.statistics.patients import ONE_PER

    real = {
        "policy": POLICIES,
        "definition": DEFINITIONS,
        "one_per": ONE_PER,
        "modality": MODALITIES,
        "search modality": (*MODALITIES, *CROSS_MODALITIES),
        "fusion": FUSIONS,
        "backend": BACKENDS,
        "dataset": DATASETS,
        "model": MODELS,
        "engine": ENGINES,
        "predict method": heat_maps.METHODS,
        "aspect": pixels.ASPECTS,
        "metric": latent_metric.EXPONENTS,
        "positives": contrastive_training.POSITIVES,
        "backbone": contrastive_network.BACKBONES,
        "objective": report_pairs.OBJECTIVES,
        "crop": chexnet.CROPS,
        "optimiser": training_module.OPTIMISERS,
        "schedule": training_module.SCHEDULES,
        "keep": training_module.KEPT,
        "augment": training_module.AUGMENTATIONS,
        "precision": training_module.PRECISIONS,
        "segmentation": SEGMENTATIONS,
        "feature_selection": selection.SELECTIONS,
        "as_published": published.SOURCES,
        "errors": classifier_errors.ERRORS,
        "donors": donors.DONORS,
        "registration": alignment.REGISTRATIONS,
        "intensity": alignment.INTENSITIES,
        "labeler": labels.LABELERS,
        "uncertain": labels.POLICIES,
    }
    for name, names in real.items():
        assert set(known.ONE_OF[name]) == set(names), name
    # Written where they are checked, with no list of their own.
    assert set(known.ONE_OF) - set(real) == {"class_weights", "images", "splits"}
    assert set(known.BASELINES) == set(BASELINES)
    assert set(known.METHODS) == set(METHODS) and set(known.RIVALS) == set(RIVALS)
    assert set(known.WITH_OPTIONS["methods"]) == set(known_methods())
    assert set(known.FILLS) == set(perturb.FILLS)


def test_encoders_are_those_that_have_a_name() -> None:
    from cxrneighbors.encoders import foundation, registry, report_encoder
    from cxrneighbors.encoders.classifier import IMAGENET_BACKBONES
    from cxrneighbors.encoders.classifier import LAYERS as REAL_LAYERS

    named = {*registry._DESCRIPTORS, *IMAGENET_BACKBONES, *foundation.ALIASES, "none"}
    assert set(known.IMAGE_ENCODERS) == named
    own = {"minilm", "tfidf", "findings", "none"}
    assert own <= set(known.REPORT_ENCODERS)
    assert set(known.REPORT_ENCODERS) - own <= set(report_encoder.ALIASES)
    assert tuple(REAL_LAYERS) == LAYERS


def test_folders_are_called_as_their_writers_call_them() -> None:
    import cxrneighbors

    root = Path(cxrneighbors.__file__).parent
    sources = "\n".join(path.read_text() for path in root.rglob("*.py") if path.parent.name != "cli")
    for kind in [name for name, _ in MADE_BY.values()] + [
        name for names in WRITES.values() for name in names
    ]:
        assert f'Kind("{kind}"' in sources, kind
    for noun, _ in MODELS.values():
        assert f'NOUN = "{noun}"' in sources, noun


@pytest.mark.parametrize("table", [known.ONE_OF, known.SEVERAL_OF, known.WITH_OPTIONS, known.OFFERED])
def test_every_rule_is_about_an_option_that_a_verb_has(table: dict) -> None:
    import typer

    from cxrneighbors.cli.main import app

    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {each.name for verb in verbs.values() for each in verb.params}
    options |= {f"{name} {each.name}" for name, verb in verbs.items() for each in verb.params}
    assert set(table) <= options
    assert {*known.AT_LEAST, *known.ABOVE_ZERO, *known.SHARES} <= options
