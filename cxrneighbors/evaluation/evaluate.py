"""Do neighbours share the target's findings? Figure 5 with its exact expectation, baselines and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.arguments import a_thing, expression
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.compare import compare
from cxrneighbors.evaluation.examples import choose_examples, neighbor_table
from cxrneighbors.evaluation.exchange_tests import Draws
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import LeftOut, Method, Who, build_graph, index_methods
from cxrneighbors.evaluation.overlap import MEANING
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.retrieval import AP_DEPTH
from cxrneighbors.evaluation.score_table import ScoreTable, score_targets
from cxrneighbors.evaluation.summarise import adjust, settings_of, summarise
from cxrneighbors.evaluation.wording import METHOD_CELLS, method_cells, points, question_line, title_of
from cxrneighbors.figures import to_png
from cxrneighbors.files import plain
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.storage import Source
from cxrneighbors.notebook import Shown, card, line, png_tag, table
from cxrneighbors.progress import track
from cxrneighbors.statistics.dyadic import NEXT

PAIRS = (
    ("fused", "image"),
    ("fused", "report"),
    ("image", "pixels"),
    ("image", "pca"),
    ("image", "pca-whitened"),
    ("image", "pca-centre"),
    ("report", "tfidf"),
    ("report", "report-masked"),
)


@dataclass(repr=False)
class OverlapResult:
    """Result of `evaluate_overlap`.

    summary: the content of overlap.json; neighbors: `method`, and of search's columns ids, rank and
    distances; tables: each method's scores, a row a target, for other statistics; studies: the index's study
    table; examples: per index method, the targets that Figure 4 and Table 1 show (see `examples.RULE`);
    source: where the index lies, if it does.
    """

    summary: dict[str, Any]
    neighbors: pd.DataFrame
    tables: dict[str, ScoreTable]
    studies: pd.DataFrame
    examples: dict[str, list[dict[str, Any]]]
    source: Source | None = None

    def __repr__(self) -> str:
        """Short: the question, and the lift of each of the index's own methods."""
        lifts = [f"{name} {points(self.summary['methods'][name]['lift'])}" for name in self.main_methods()]
        return f"<OverlapResult: {question_line(self.summary)}; lift in points: {', '.join(lifts)}>"

    def _repr_html_(self) -> str:
        rows = [
            [title_of(name, self.summary), *method_cells(row)]
            for name, row in self.summary["methods"].items()
        ]
        left = [f"{name}: {reason}" for name, reason in self.summary["baselines_left_out"].items()]
        parts = line(question_line(self.summary)), table(("method", *METHOD_CELLS), rows), *map(line, left)
        return card("Overlap of nearest neighbours", *parts)

    def show(self) -> Shown:
        """Figure 5, to be looked at: how many of the K neighbours share a finding, against random ones."""
        from cxrneighbors.evaluation.figures.figure5 import draw_figure5

        title = f"Overlap of nearest neighbours: {question_line(self.summary)}"
        picture = to_png(draw_figure5(self))
        return Shown(title, png_tag(picture, "histogram of shared findings, nearest and random"))

    def main_methods(self) -> list[str]:
        """The index's own methods that were scored, of `image`, `report`, `fused`."""
        return list(self.examples)


def evaluate_overlap(
    index: NeighborIndex,
    k: int = 5,
    *,
    definition: str = "any",
    where: str | None = None,
    targets: str | None = None,
    include_same_patient: bool = False,
    one_per: str = "patient",
    methods: Sequence[Method | LeftOut] = (),
    n_permutations: int = 9999,
    seed: int = 0,
) -> OverlapResult:
    """Score how often an image's K nearest neighbours share its findings (paper, section 4.1.1, Figure 5).

    `where`: which images may be found and are scored; `targets` narrows which are scored (encoders are judged
    on "split == 'test'"). Images without labels are neither. `definition`: `any`, `any-disease`, `jaccard`,
    `exact` (see `overlap.MEANING`). `one_per`: at most one image of each 'patient' or 'study' is among a
    target's neighbours, the nearest, and among random ones; 'image' counts all. `methods`: what is scored
    beside the index's own graphs (`baselines.make_baselines`, `graph.embedding_method`); nothing is trained
    here. Each method is scored on all the rows it knows; its `n_targets` and `n_candidates` say which, and
    `comparisons` compares methods on common ground.

    Targets with fewer than K candidates (patients, studies) are counted and left out. Raises `UserError` for
    K below 1, an unknown definition, two methods of one name, an index without labels, or when no target is
    left.
    """
    if not all(isinstance(method, Method | LeftOut) for method in methods):
        raise UserError("methods: not made by make_baselines; give make_baselines(index, ['pixels', 'pca'])")
    question = Question(k, definition, include_same_patient, one_per)
    draws = Draws(n_permutations, seed)
    films, who = scored_films(index, question, where, targets)
    named = _by_name([*index_methods(index), *methods])
    left_out = {name: method.reason for name, method in named.items() if isinstance(method, LeftOut)}
    known = {name: method for name, method in named.items() if isinstance(method, Method)}
    tables = {}
    for name, method in known.items():
        graph = build_graph(method, who, question, max(k + NEXT, AP_DEPTH))
        table = score_targets(graph, films, question)
        if table.scored.any():
            tables[name] = table
        else:
            left_out[name] = f"no target has {question.candidates()}"
    main = [name for name in index.modalities if name in tables]
    if not main:
        raise _too_many(question, who)
    random = {name for name, method in known.items() if method.kind == "random"}
    rows = {
        name: {**summarise(table, draws.of(name), name not in random), "kind": known[name].kind}
        for name, table in track(list(tables.items()), "Scoring methods")
    }
    scored = np.unique(np.concatenate([tables[name].graph.pool[tables[name].targets] for name in main]))
    summary: dict[str, Any] = {
        "k": k,
        "definition": definition,
        "where": where,
        "same_patient_excluded": not include_same_patient,
        "n_targets": len(scored),
        "n_patients": len(np.unique(films.patients[scored])),
        "methods": rows,
        "targets": targets,
        "one_per": one_per,
        "definition_meaning": MEANING[definition],
        "comparisons": _comparisons(known, tables, films, who),
        "baselines_left_out": left_out,
        "settings": settings_of(index, films, who, draws),
    }
    adjust(summary, random)
    return OverlapResult(
        summary=plain(summary),
        neighbors=neighbor_table(index, tables),
        tables=tables,
        studies=index.studies,
        examples={name: choose_examples(tables[name]) for name in main},
        source=getattr(index, "source", None),
    )


def scored_films(
    index: NeighborIndex, question: Question, where: str | None = None, targets: str | None = None
) -> tuple[Films, Who]:
    """The films of an index, and who may be found and who is scored; see `evaluate_overlap`.

    Raises its `UserError`s before anything of k's size is allocated, and before baselines are computed.
    """
    if not hasattr(index, "studies") or not hasattr(index, "rows_where"):
        raise UserError(f"index: {a_thing(index)}; give a NeighborIndex, NeighborIndex.load(folder)")
    expression("where", where)
    expression("targets", targets)
    films = Films.of(index.studies)
    who = _who(index, films, question.definition, where, targets)
    if question.k > len(np.unique(films.units(question.one_per)[who.allowed])):
        raise _too_many(question, who)
    return films, who


def _who(index: NeighborIndex, films: Films, definition: str, where: str | None, targets: str | None) -> Who:
    labelled = films.labels.labelled
    if not labelled.any():
        raise UserError("index: none of its images is labelled; evaluation needs findings in the study table")
    allowed = labelled & index.rows_where(where)
    if not allowed.any():
        raise UserError(f"where {where!r}: no labelled image passes; loosen it")
    eligible = allowed & _targets(index, targets)
    if not eligible.any():
        raise UserError(f"targets {targets!r}: no labelled image passes it and where; loosen them")
    if definition == "any-disease" and not films.labels.without(NO_FINDING).labelled[eligible].any():
        raise UserError(
            f"definition 'any-disease': every target is {NO_FINDING!r}; use 'any', or other targets"
        )
    return Who(allowed, eligible)


def _targets(index: NeighborIndex, targets: str | None) -> np.ndarray:
    try:
        return index.rows_where(targets)
    except UserError as error:
        raise UserError(str(error).replace("where:", "targets:", 1)) from None


def _too_many(question: Question, who: Who) -> UserError:
    return UserError(
        f"k={question.k}: no target has {question.candidates()} ({int(who.eligible.sum())} targets, "
        f"{int(who.allowed.sum())} labelled images pass, definition {question.definition!r}); "
        "use a smaller k or loosen where"
    )


def _by_name(methods: Sequence[Method | LeftOut]) -> dict[str, Method | LeftOut]:
    names = [method.name for method in methods]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"methods: {name!r} is the name of a method already; choose another")
    return dict(zip(names, methods, strict=True))


def _comparisons(
    methods: dict[str, Method], tables: dict[str, ScoreTable], films: Films, who: Who
) -> list[dict[str, Any]]:
    """One dict per pair of `PAIRS` that was scored.

    Both methods search again among the images that both know (for `fused` against `image`: those with both
    a film and a report), so neither has targets or candidates the other lacks.
    """
    rows = []
    for names in PAIRS:
        if all(name in tables for name in names):
            common = who.among(methods[names[0]].has & methods[names[1]].has)
            first, second = (_on(methods[name], tables[name], films, common) for name in names)
            row = compare(first, second)
            if row is not None:
                rows.append({"first": names[0], "second": names[1], **row})
    return rows


def _on(method: Method, table: ScoreTable, films: Films, common: Who) -> ScoreTable:
    """The method's table over the common pool: the known one where its pool is that already."""
    if np.array_equal(table.graph.pool, np.flatnonzero(common.allowed)):
        return table
    question = table.question
    graph = build_graph(method, common, question, question.k)
    return score_targets(graph, films, question, matchings=())
