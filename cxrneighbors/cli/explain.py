"""`cxrneighbors explain`: what in this film, or in each of many, made the classifier say so?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from cxrneighbors.explain.explanation import Explanation


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path = typer.Option(..., help="Folder written by train-classifier."),
    image_id: list[str] = typer.Option([], help="An image of the index to explain. Repeatable."),
    image: list[Path] = typer.Option([], help="Or an image file: PNG, JPEG or DICOM. Repeatable."),
    patient_id: list[str] = typer.Option(
        [],
        help="Whose film the file is: that patient's films are no neighbours. One for all files, or each.",
    ),
    text: list[str] = typer.Option(
        [], help="The file's report, for neighbours by report or fused. One for all files, or each."
    ),
    view: list[str] = typer.Option(
        [], help="The file's view, for contrast-lime's donors: PA, AP, LATERAL. One for all files, or each."
    ),
    among: str | None = typer.Option(
        None, help="Or all films of the index that pass, e.g. \"split == 'test' and findings.has('Mass')\"."
    ),
    errors: str | None = typer.Option(
        None, help="Or the classifier's false-positive or false-negative films (among them), worst first."
    ),
    threshold: float = typer.Option(
        0.5,
        help="Score from which on a film counts as positive, and at which contrast-lime's decision turns.",
    ),
    limit: int | None = typer.Option(None, min=1, help="Films at most of --among and --errors."),
    target: str = typer.Option(..., help="The label to explain, one of the classifier's."),
    method: str = typer.Option(
        "kp-lime",
        help="lime, k-lime, sigma-lime, kp-lime, dlime, alime or contrast-lime; or rise, occlusion, "
        "grad-cam, score-cam, kernel-shap, integrated-gradients, latent-shift, inpainting or vae-infill. "
        "Options of its own behind colons, such as rise:grid=5:keep=0.3.",
    ),
    out: Path = typer.Option(
        ...,
        help="Folder for explanation.json, explanation.npz and panel.png; new or empty. Of several films: "
        "for films/, films.csv and sheet.png; a rerun keeps what is there.",
    ),
    as_published: str | None = typer.Option(
        None, help="lime or paper: masks, fill, selection and neighbours as that source has them."
    ),
    k: int | None = typer.Option(None, "-k", help="Neighbours K.", show_default="5"),
    masks: int | None = typer.Option(
        None,
        "-p",
        "--masks",
        help="Masked films P of each film; of rise and those named after it, all calls of the classifier.",
        show_default="100; (K + 1) · 100 calls",
    ),
    segmentation: str | None = typer.Option(
        None, help="quickshift, slic, felzenszwalb or lungs.", show_default="quickshift"
    ),
    lungs: Path | None = typer.Option(
        None, help="Folder written by train-lungs, for lungs; without: by a rule."
    ),
    fill: str | None = typer.Option(
        None,
        help="grey, black, mean, blur, or a grey from 0 to 1; neighbour too for kp-lime and dlime.",
        show_default="grey",
    ),
    num_features: int | None = typer.Option(
        None, min=1, help="Segments at most that may have a weight; all when not given."
    ),
    feature_selection: str | None = typer.Option(
        None,
        help="How they are chosen: auto, forward_selection, highest_weights, lasso_path or none.",
        show_default="auto",
    ),
    pool: int | None = typer.Option(
        None, help="Masks of alime's fixed pool, of which the nearest are taken; without: random masks."
    ),
    policy: str | None = typer.Option(None, help="How neighbours are chosen, as in search."),
    modality: str | None = typer.Option(
        None, help="Distance by which neighbours are near: image, report or fused.", show_default="image"
    ),
    where: str | None = typer.Option(None, help="Which images may be neighbours, e.g. \"view == 'PA'\"."),
    include_same_patient: bool | None = typer.Option(
        None,
        "--include-same-patient/--exclude-same-patient",
        help="Let the target's own patient be a neighbour.",
    ),
    one_per: str | None = typer.Option(
        None,
        help="patient, study or image: of each, one image at most is a neighbour.",
        show_default="patient",
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
    until_stable: float | None = typer.Option(
        None,
        help="Add masks until the order of the top segments would change with less than this probability.",
    ),
    max_rounds: int = typer.Option(10, help="Rounds of masks at most, with --until-stable."),
    top: int = typer.Option(3, help="Top segments whose order has to be stable, with --until-stable."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of masks and of random neighbours; dlime has none."
    ),
    allow_download: bool = typer.Option(
        False, "--allow-download", help="Fetch an encoder that the index names from the hub, if need be."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    batch_size: int | None = typer.Option(None, help="Films a batch; found by itself when not given."),
    engine: str = typer.Option("local", help="Of several films: local or ray."),
) -> None:
    """Explain a classifier's score of one film, or of each of many, for one label."""
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.errors import UserError
    from cxrneighbors.explain.certificate import StabilityRule
    from cxrneighbors.explain.classifier_errors import films_among, find_errors
    from cxrneighbors.explain.explanation import EXPLANATION
    from cxrneighbors.explain.full_size import full_size
    from cxrneighbors.explain.many import explain_many
    from cxrneighbors.explain.perturb import read_fill
    from cxrneighbors.explain.pictures import save_with_panel
    from cxrneighbors.explain.predictor import Predictor
    from cxrneighbors.explain.quality.method_spec import parse_method
    from cxrneighbors.explain.registry import build_explainer
    from cxrneighbors.explain.segments import SegmentCache
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.lungs.segmenter import LungSegmenter
    from cxrneighbors.progress import say

    refuse_inputs(out, [index, classifier, *image])
    named: list[str | Path] = [*image_id, *image]
    by_rule = among is not None or errors is not None
    if bool(named) == by_rule:
        raise UserError("explain: give films by --image-id or --image, or by --among or --errors")
    if limit is not None and not by_rule:
        raise UserError("--limit: is for --among and --errors; leave it out")
    if engine != "local" and len(named) == 1:
        raise UserError(f"--engine {engine}: is for several films; leave it out")
    about = [
        [*[None] * len(image_id), *_each(name, given, len(image))]
        for name, given in (("patient-id", patient_id), ("text", text), ("view", view))
    ]
    spec = parse_method(method)
    if lungs is not None and segmentation != "lungs" and spec.name != "contrast-lime":
        raise UserError(f"--lungs {lungs}: is for --segmentation lungs; give that too, or leave it out")
    rule = None if until_stable is None else StabilityRule(until_stable, top=top, max_rounds=max_rounds)
    options: dict[str, Any] = {
        "k": k,
        "policy": policy,
        "modality": modality,
        "where": where,
        "include_same_patient": include_same_patient,
        "one_per": one_per,
        "n_masks": masks,
        "segmentation": segmentation,
        "fill": None if fill is None else read_fill(fill),
        "num_features": num_features,
        "feature_selection": feature_selection,
        "seed": seed,
        "stability": rule,
        "segments": SegmentCache(lungs=None if lungs is None else LungSegmenter.load(lungs, device)),
        **({} if pool is None else {"pool": pool}),
    }
    predictor = Predictor(load_classifier(classifier, device), device=device, batch_size=batch_size)
    loaded = NeighborIndex.load(index, allow_download)
    own: dict[str, Any] = {"donors": donors, "registration": registration, "intensity": intensity}
    own |= {"feather": feather, "mirror": mirror or None, "same_view": False if any_view else None}
    if spec.name == "contrast-lime" and "threshold" not in dict(spec.options):
        own["threshold"] = threshold
    options |= {name: value for name, value in own.items() if value is not None}
    options = spec.over(options)
    explainer = build_explainer(spec.name, predictor, loaded, as_published=as_published, **options)
    if len(named) == 1 and not by_rule:
        EXPLANATION.check_free(out, {"method": spec.name, "target": target})
        predictor.column(target)
        film = explainer.reader.read(named[0], *(given[0] for given in about))
        explanation = explainer.explain_film(film, target)
        check_same(out, explanation)
        full = full_size(explanation, film, explainer.reader)
        save_with_panel(explanation, out, full)
        for line in summary_lines(explanation):
            print(line)
        say(f"{out}: explanation.json, explanation.npz, panel.png, for print panel-*.png, .svg, panel.csv")
        return
    title = ""
    if errors is not None:
        wrong = find_errors(predictor, loaded, target, errors, threshold, among)
        named, title = (
            list(wrong["image_id"][:limit]),
            f"{explainer.title}: {errors}s of {target} at {threshold:g}",
        )
    elif by_rule:
        named = list(films_among(loaded, among)[:limit])
    owners, texts, views = (given or None for given in about)
    table = explain_many(
        explainer,
        named,
        target,
        out,
        patient_ids=owners,
        texts=texts,
        views=views,
        threshold=threshold,
        title=title,
        engine=engine,
    )
    for kind, count in table["outcome"].replace("", "not labelled").value_counts().items():
        print(f"{count} {kind}")
    say(f"{out}: films.csv, sheet.png and films/ of {len(table)} films; skipped.csv of what was left out")


def check_same(out: Path, explanation: Explanation) -> None:
    """Raise `UserError` where `out` holds an explanation of another film, or made in another way."""
    from cxrneighbors.errors import UserError
    from cxrneighbors.explain.explanation import EXPLANATION, JSON_FILE
    from cxrneighbors.files import plain, read_json

    if EXPLANATION.check_free(out, {}) is None:
        return
    found = read_json(out / JSON_FILE, "give another folder, or delete this one")
    for name in ("image_id", "method", "target", "seed", "settings", "prediction"):
        if found.get(name) != plain(getattr(explanation, name)):
            raise UserError(
                f"{out}: holds an explanation of another {name}; give another folder, or delete this one"
            )


def _each(option: str, given: list[str], n_files: int) -> list[str | None]:
    """What is said of each file: the one thing given, one each, or nothing."""
    if len(given) not in (0, 1, n_files) or (given and not n_files):
        from cxrneighbors.errors import UserError

        raise UserError(f"{option}: {len(given)} for {n_files} files; give one for all, or one each")
    if len(given) == 1:
        return [*given * n_files]
    return [*given] or [None] * n_files


def summary_lines(explanation: Explanation) -> list[str]:
    """What a reader of the terminal gets to know: the answer, cost, top segments, donors, certificate."""
    from cxrneighbors.explain.answer import donor_words, evidence, evidence_words

    settings = explanation.settings
    lines = [
        f"{explanation.method}: {explanation.target} scores {explanation.prediction:.3f}; "
        f"{_fidelity(explanation.fidelity)}; {_cost(settings)}",
        explanation.answer(),
        *(f"  {evidence_words(explanation, row)}" for row in evidence(explanation)),
    ]
    if zero := len(explanation.zero_segments()):
        lines.append(f"  {zero} of {len(explanation.weights)} segments weigh 0")
    if neighbours := donor_words(explanation):
        lines += [f"{neighbour_noun(explanation)}:", *(f"  {words}" for words in neighbours)]
    if "stability" in settings:
        from cxrneighbors.explain.certificate import Certificate

        lines.append(Certificate(**settings["stability"]).sentence())
    return lines


def _fidelity(fidelity: float) -> str:
    return "no surrogate" if fidelity != fidelity else f"surrogate's fidelity {fidelity:.3f}"


def _cost(settings: dict[str, Any]) -> str:
    """Films scored; of a rival, whose backward passes count too, calls of the classifier."""
    unit = "classifier calls" if "rival" in settings else "films scored"
    return f"{settings['classifier_calls']} {unit}"


def neighbour_noun(explanation: Explanation) -> str:
    """'neighbours', or of Contrast-LIME 'donors without Effusion'."""
    with_finding = explanation.settings.get("with_finding")
    if with_finding is None:
        return "neighbours"
    return f"donors {'with' if with_finding else 'without'} {explanation.target}"
