"""The bench of image encoders: each learns, encodes and is scored in the same way.

    python eval/encoders.py DATA [--only NAME ...] [--anew] [--also DATASET ROOT] [--epochs 30] [--lungs DIR]

DATA: folder with chestxray14-10k and, beside it, the other data sets (--data-sets). Of the main set the
patients that are not of split 'test' are cut into three folds by a hash; an encoder learns from two and is
scored on the third, among its films of other patients; the three are pooled. --also adds films to learn
from, without patients of the scored fold or of the test split. The other data sets are scored by what all
films of the main set teach but those of split 'test' and of scored patients. Encoders and how they are made
stand in `encoder_rows.py`, a line each.

Lifts are over exact random choice, with dyadic intervals; differences to --reference (the untrained
descriptor with the highest lift of the folds) are paired, Holm over all of a data set. What was made is kept
in --work: a second run goes on; --only NAME makes these alone and shows the others where they are kept;
--anew makes again what is kept. Writes eval/results/encoders.json, .md and .png. --folds 1 scores the first
fold alone, for what is too dear to train three times: encoders_folds_1.

--last-look scores the patients of split 'test' instead, and writes encoders_last_look.json and .md. For the
one comparison after all choices: each such run is counted in encoders_looks.json before it shows anything.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import read_studies
from cxrneighbors.errors import UserError, choose
from encoder_films import DATA_SETS, LAST_LOOK, MAIN, N_FOLDS, Fit, elsewhere, folds, last_look, read_labelled
from encoder_looks import record_look, times_looked
from encoder_neighbors import Keeper, pooled
from encoder_rows import GROUPS, ROWS, UNTRAINED, Settings
from encoder_scores import QUESTIONS, SAYS, Scored, differences, score
from encoder_tables import draw_figure, markdown

OTHERS = [name for name in DATA_SETS if name != MAIN]
SHARED = ("data", "-k", "--epochs", "--image-size", "--seed", "--device", "--name", "--work", "--results")
Found = dict[str, list[dict[str, Any]]]  # neighbours by encoder, one for each fit


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    films, also = read_labelled(given.data, MAIN), [read_studies(*pair) for pair in given.also]
    keeper = Keeper(
        given.work / "encoders",
        Settings(
            given.epochs,
            given.image_size,
            given.seed,
            given.device,
            given.lungs,
            precision=given.precision,
        ),
        given.k,
        with_parts(given.only or [name for name in ROWS if given.lungs or "-lungs" not in name]),
        given.anew,
    )
    fits = folds(films, also)[: given.folds]
    # A last look whose reference is named needs no folds.
    found = {} if given.last_look and given.reference else complete(keeper, fits)
    reference = given.reference or best_untrained(found, fits, given.k)
    choose("reference", reference, list(found) or list(ROWS))
    shared = {"k": given.k, "questions": SAYS, "groups": GROUPS, "reference": reference}
    shared["also"] = [Path(root).name for _, root in given.also]
    others = {name: read_labelled(given.data, name) for name in given.data_sets}
    if given.last_look:
        look(keeper, last_look(films, also, others), shared, given)
        return
    data_sets = {MAIN: evaluate(MAIN, found, fits, reference, given.k)}
    if others:
        fit = elsewhere(films, others)
        found = {name: parts for name, parts in complete(keeper, [fit]).items() if name in found}
        for name in others:
            data_sets[name] = evaluate(name, found, [fit], reference, given.k)
    summary = {**shared, "data_sets": data_sets, "looks": times_looked(given.results)}
    name = given.name or ("encoders" if len(fits) == N_FOLDS else f"encoders_folds_{len(fits)}")
    figures = {name: draw_figure(summary)}
    write_results(given.results, name, summary, markdown(summary), figures, given.device)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options(__doc__, *SHARED, image_size=128)
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--anew", action="store_true", help="make again what is kept")
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("DATASET", "ROOT"))
    parser.add_argument("--data-sets", nargs="*", default=OTHERS, metavar="NAME", help="beside the main one")
    parser.add_argument("--folds", type=int, default=N_FOLDS, help="how many are scored")
    parser.add_argument("--lungs", default="", metavar="DIR", help="lung segmenter of rows NAME-lungs")
    parser.add_argument("--precision", default="auto", help="of classifiers' trainings: see train-classifier")
    parser.add_argument("--reference", metavar="NAME", help="what the others are compared with")
    parser.add_argument("--last-look", action="store_true", help="score split 'test'; see above")
    given = parser.parse_args(arguments)
    if not 1 <= given.folds <= N_FOLDS:
        raise UserError(f"--folds {given.folds}: there are {N_FOLDS}; give 1 to {N_FOLDS}")
    for name in given.only or ():
        choose("encoder", name, list(ROWS))
    for name in given.data_sets:
        choose("data set", name, OTHERS)
    return given


def with_parts(names: Sequence[str]) -> frozenset[str]:
    """The encoders named, and those whose trained models they read back."""
    parts = [part for name in names for part in ROWS[name].parts]
    return frozenset(names) | with_parts(parts) if parts else frozenset(names)


def complete(keeper: Keeper, fits: list[Fit]) -> Found:
    """Neighbours by each encoder that is kept or made for every fit."""
    found: Found = {}
    for name in ROWS:
        parts = [part for fit in fits if (part := keeper.find(name, fit)) is not None]
        if len(parts) == len(fits):
            found[name] = parts
    return found


def best_untrained(found: Found, fits: list[Fit], k: int) -> str:
    """The untrained descriptor with the highest lift of the folds."""
    descriptors = {name: parts for name, parts in found.items() if is_descriptor(name)}
    if not descriptors:
        raise UserError("reference: no untrained descriptor is made; name it with --reference")
    films = Scored.of(MAIN, [fit.scored[MAIN] for fit in fits])
    lifts = {
        name: score(films.table("overall", neighbors_of(MAIN, parts), k), "overall")["lift"]
        for name, parts in descriptors.items()
    }
    return max(lifts, key=lambda name: lifts[name])


def is_descriptor(name: str) -> bool:
    return ROWS[name].group == UNTRAINED and not ROWS[name].check


def neighbors_of(table: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return pooled([part["scored"][table] for part in parts])


def evaluate(table: str, found: Found, fits: list[Fit], reference: str, k: int) -> dict[str, Any]:
    """Rows and comparisons of one data set (or of the last look)."""
    films = Scored.of(table, [fit.scored[table] for fit in fits])
    tables, rows = {}, {}
    before = {each: ROWS[each].before for each in found if ROWS[each].before}
    for name, parts in found.items():
        neighbors = neighbors_of(table, parts)
        tables[name] = {question: films.table(question, neighbors, k) for question in QUESTIONS}
        scores = {question: score(each, question) for question, each in tables[name].items()}
        rows[name] = {"group": ROWS[name].group, **costs(parts, table), **scores}
    return {
        **films.about(),
        "n_learned": [len(fit.learned) for fit in fits],
        "encoders": rows,
        "comparisons": differences(tables, reference, before) if reference in tables else [],
    }


def costs(parts: list[dict[str, Any]], table: str) -> dict[str, Any]:
    """Dimensions, configuration; means over the fits: AUROC of findings, seconds [wall, processor]."""
    encoding = [part["scored"][table]["encode_seconds"] for part in parts]
    return {
        "dim": parts[0]["dim"],
        "config": parts[0]["config"],
        "fit_seconds": np.mean([part["fit_seconds"] for part in parts], axis=0),
        "encode_seconds": np.mean(encoding, axis=0),
        "auroc": mean_auroc([part["scored"][table]["auroc"] for part in parts]),
    }


def mean_auroc(parts: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Of each finding over the fits in which it has one, and as 'mean' over the findings that have one."""
    values = {name: [value for part in parts if (value := part[name]) is not None] for name in parts[0]}
    found = {name: float(np.mean(each)) if each else None for name, each in values.items()}
    known = [value for value in found.values() if value is not None]
    return {**found, "mean": float(np.mean(known))} if known else {}


def look(keeper: Keeper, fit: Fit, shared: Mapping[str, Any], given: argparse.Namespace) -> None:
    """Protocol B, counted before anything is scored."""
    found = complete(keeper, [fit])
    record_look(given.results, list(found))
    result = evaluate(LAST_LOOK, found, [fit], shared["reference"], given.k)
    summary = {**shared, "data_sets": {LAST_LOOK: result}, "looks": times_looked(given.results)}
    write_results(given.results, "encoders_last_look", summary, markdown(summary), device=given.device)


if __name__ == "__main__":
    run(main)
