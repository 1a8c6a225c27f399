"""`cxrneighbors explain`: what in this film made the classifier say so?"""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path = typer.Option(..., help="Folder written by train-classifier."),
    image_id: str = typer.Option(..., help="The image of the index to explain."),
    target: str = typer.Option(..., help="The label to explain, one of the classifier's."),
    method: str = typer.Option("kp-lime", help="lime, k-lime, sigma-lime, kp-lime, dlime or alime."),
    out: Path = typer.Option(..., help="Folder for explanation.json, explanation.npz and panel.png."),
    k: int = typer.Option(5, "-k", help="Neighbours K."),
    masks: int = typer.Option(100, "-p", "--masks", help="Masked films P of each film."),
    segmentation: str = typer.Option("quickshift", help="quickshift, slic, felzenszwalb or lungs."),
    fill: str = typer.Option("grey", help="grey, mean or blur; neighbour too for kp-lime and dlime."),
    policy: str | None = typer.Option(None, help="How neighbours are chosen, as in search."),
    modality: str = typer.Option(
        "image", help="Distance by which neighbours are near: image, report or fused."
    ),
    where: str | None = typer.Option(None, help="Which images may be neighbours, e.g. \"view == 'PA'\"."),
    include_same_patient: bool = typer.Option(False, help="Let the target's own patient be a neighbour."),
    until_stable: float | None = typer.Option(
        None,
        help="Add masks until the order of the top segments would change with less than this probability.",
    ),
    max_rounds: int = typer.Option(10, help="Rounds of masks at most, with --until-stable."),
    top: int = typer.Option(3, help="Top segments whose order has to be stable, with --until-stable."),
    seed: int = typer.Option(0, help="Seed of masks and of random neighbours; dlime has none."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    batch_size: int | None = typer.Option(None, help="Films a batch; found by itself when not given."),
) -> None:
    """Explain a classifier's score of one film for one label."""
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.errors import choose
    from cxrneighbors.explain.certificate import Certificate, StabilityRule
    from cxrneighbors.explain.pictures import panel_png
    from cxrneighbors.explain.registry import METHODS, build_explainer
    from cxrneighbors.files import write_bytes_atomic
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say

    choose("method", method, list(METHODS))
    rule = None if until_stable is None else StabilityRule(until_stable, top=top, max_rounds=max_rounds)
    explainer = build_explainer(
        method,
        load_classifier(classifier, device),
        NeighborIndex.load(index),
        k=k,
        n_masks=masks,
        segmentation=segmentation,
        fill=fill,
        policy=policy,
        seed=seed,
        modality=modality,
        where=where,
        include_same_patient=include_same_patient,
        device=device,
        batch_size=batch_size,
        stability=rule,
    )
    explanation = explainer.explain(image_id, target)
    panel = panel_png(explanation)
    explanation.save(out)
    write_bytes_atomic(out / "panel.png", panel)
    settings = explanation.settings
    say(
        f"{explanation.method}: {explanation.target} scores {explanation.prediction:.3f}; "
        f"surrogate's fidelity {explanation.fidelity:.3f}; {settings['classifier_calls']} films scored"
    )
    for segment in explanation.order()[:5]:
        say(f"  {settings['segment_names'][segment]}: {explanation.weights[segment]:+.4f}")
    if "stability" in settings:
        say(Certificate(**settings["stability"]).sentence())
    say(f"{out}: explanation.json, explanation.npz, panel.png")
