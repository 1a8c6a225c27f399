"""`cxrneighbors explain`: what in this film made the classifier say so?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from cxrneighbors.explain.explanation import Explanation


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path = typer.Option(..., help="Folder written by train-classifier."),
    image_id: str | None = typer.Option(None, help="The image of the index to explain."),
    image: Path | None = typer.Option(None, help="Or an image file: PNG, JPEG or DICOM."),
    patient_id: str | None = typer.Option(
        None, help="Whose film the file is: that patient's films are no neighbours."
    ),
    target: str = typer.Option(..., help="The label to explain, one of the classifier's."),
    method: str = typer.Option(
        "kp-lime", help="lime, k-lime, sigma-lime, kp-lime, dlime, alime or contrast-lime."
    ),
    out: Path = typer.Option(
        ..., help="Folder for explanation.json, explanation.npz and panel.png; new or empty."
    ),
    k: int = typer.Option(5, "-k", help="Neighbours K."),
    masks: int = typer.Option(100, "-p", "--masks", help="Masked films P of each film."),
    segmentation: str = typer.Option("quickshift", help="quickshift, slic, felzenszwalb or lungs."),
    lungs: Path | None = typer.Option(
        None, help="Folder written by train-lungs, for lungs; without: by a rule."
    ),
    fill: str = typer.Option("grey", help="grey, mean or blur; neighbour too for kp-lime and dlime."),
    policy: str | None = typer.Option(None, help="How neighbours are chosen, as in search."),
    modality: str = typer.Option(
        "image", help="Distance by which neighbours are near: image, report or fused."
    ),
    where: str | None = typer.Option(None, help="Which images may be neighbours, e.g. \"view == 'PA'\"."),
    include_same_patient: bool = typer.Option(False, help="Let the target's own patient be a neighbour."),
    one_per: str = typer.Option(
        "patient", help="patient, study or image: of each, one image at most is a neighbour."
    ),
    donors: str | None = typer.Option(
        None, help="contrast-lime: who lacks the finding, by label, no-finding, classifier or report."
    ),
    mirror: bool = typer.Option(
        False, help="contrast-lime: donors that have the finding, on a film without it."
    ),
    any_view: bool = typer.Option(False, help="contrast-lime: let donors be of another view."),
    registration: str | None = typer.Option(
        None, help="contrast-lime: how donors are laid on the film: none, lungs or affine."
    ),
    intensity: str | None = typer.Option(
        None, help="contrast-lime: their shades brought to the film's: none, mean-std or histogram."
    ),
    feather: float | None = typer.Option(
        None, help="contrast-lime: softness of segments' borders in pixels; 0 is sharp."
    ),
    threshold: float | None = typer.Option(
        None, help="contrast-lime: score at which the decision turns, 0.5 when not given."
    ),
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
    from cxrneighbors.errors import UserError
    from cxrneighbors.explain.certificate import StabilityRule
    from cxrneighbors.explain.masking import Masking
    from cxrneighbors.explain.neighbours import Neighbourhood
    from cxrneighbors.explain.pictures import panel_png
    from cxrneighbors.explain.predictor import Predictor
    from cxrneighbors.explain.registry import build_explainer
    from cxrneighbors.explain.segments import SegmentCache
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.lungs.segmenter import LungSegmenter
    from cxrneighbors.progress import say

    film = image_id or image
    if film is None or (image_id and image):
        raise UserError("explain: give one film, by --image-id or as a file by --image")
    rule = None if until_stable is None else StabilityRule(until_stable, top=top, max_rounds=max_rounds)
    segments = SegmentCache(lungs=None if lungs is None else LungSegmenter.load(lungs, device))
    masking = Masking(masks, segmentation, fill, seed=seed, stability=rule, segments=segments)
    predictor = Predictor(load_classifier(classifier, device), device=device, batch_size=batch_size)
    loaded = NeighborIndex.load(index)
    neighbourhood = Neighbourhood(loaded, k, policy, modality, where, include_same_patient, one_per)
    own: dict[str, Any] = {"donors": donors, "registration": registration, "intensity": intensity, "feather": feather}
    own |= {"threshold": threshold, "mirror": mirror or None, "same_view": False if any_view else None}
    given = {name: value for name, value in own.items() if value is not None}
    explainer = build_explainer(method, predictor, masking=masking, neighbourhood=neighbourhood, **given)
    explanation = explainer.explain(film, target, patient_id)
    explanation.save(out, {"panel.png": panel_png(explanation)})
    for line in summary_lines(explanation):
        say(line)
    say(f"{out}: explanation.json, explanation.npz, panel.png")


def summary_lines(explanation: Explanation) -> list[str]:
    """What a reader of the terminal gets to know: score, fidelity, cost, top segments, certificate."""
    settings = explanation.settings
    lines = [
        f"{explanation.method}: {explanation.target} scores {explanation.prediction:.3f}; "
        f"surrogate's fidelity {explanation.fidelity:.3f}; {settings['classifier_calls']} films scored"
    ]
    for segment in explanation.order()[:5]:
        lines.append(f"  {settings['segment_names'][segment]}: {explanation.weights[segment]:+.4f}")
    if "counterfactual" in settings:
        lines.append(changed_line(explanation))
    if "stability" in settings:
        from cxrneighbors.explain.certificate import Certificate

        lines.append(Certificate(**settings["stability"]).sentence())
    return lines


def changed_line(explanation: Explanation) -> str:
    """What had to change for the decision to turn."""
    changed = explanation.settings["counterfactual"]
    names = ", ".join(explanation.settings["segment_names"][segment] for segment in changed["segments"])
    outcome = "turns" if changed["flipped"] else "does not turn"
    return (
        f"{names} as in {changed['donor']} {outcome} the decision: {explanation.prediction:.3f} to "
        f"{changed['score']:.3f}, threshold {changed['threshold']:g}"
    )
