"""Do neighbours share the target's findings? Figure 5 with its exact expectation, baselines and tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError, choose
from cxrneighbors.evaluation.baselines import baseline_methods, index_methods, other_methods
from cxrneighbors.evaluation.compare import compare_methods
from cxrneighbors.evaluation.examples import choose_examples, neighbor_table
from cxrneighbors.evaluation.graph import Method, build_graph
from cxrneighbors.evaluation.heterogeneity import heterogeneity_scores
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.matching import MATCHINGS, match_strata
from cxrneighbors.evaluation.overlap import DEFINITIONS, MEANING
from cxrneighbors.evaluation.result import OverlapResult
from cxrneighbors.evaluation.retrieval import AP_DEPTH, retrieval_scores
from cxrneighbors.evaluation.score import Score, Scorer, Setting, score_graph
from cxrneighbors.evaluation.strata import finding_rows, view_rows
from cxrneighbors.evaluation.summary import adjust, settings_of
from cxrneighbors.files import plain
from cxrneighbors.progress import track
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.patients import patient_codes


def evaluate_overlap(
    index: Any,
    k: int = 5,
    *,
    definition: str = "any",
    where: str | None = None,
    targets: str | None = None,
    include_same_patient: bool = False,
    baselines: bool | tuple[str, ...] = True,
    n_permutations: int = 9999,
    seed: int = 0,
    train_studies: pd.DataFrame | None = None,
    others: dict[str, Any] | None = None,
) -> OverlapResult:
    """Score how often an image's K nearest neighbours share its findings (paper, section 4.1.1, Figure 5).

    `index`: a `NeighborIndex`. `where`: which images may be found and are scored; `targets` narrows which are
    scored (encoders are judged on "split == 'test'"). Images without labels are neither. `definition`: `any`,
    `any-disease`, `jaccard`, `exact` (see `overlap.MEANING`). `baselines`: True for all that can be computed,
    False for none, or their names (`baselines.BASELINES`). Each method is scored on all the rows it knows;
    its `n_targets` and `n_candidates` say which, and `comparisons` compares methods on common ground.

    Targets with fewer than K candidates are counted and left out. Raises `UserError` for K below 1, an
    unknown definition or baseline, an index without labels, or when no target is left.
    """
    setting = _setting(index, k, definition, include_same_patient, n_permutations, seed)
    allowed, eligible = _who(index, setting, where, targets)
    extra, skipped = baseline_methods(index, setting, baselines, train_studies)
    extra += other_methods(index, setting, others or {})
    methods = {method.name: method for method in [*index_methods(index, include_same_patient), *extra]}
    scores = {}
    for method in track(list(methods.values()), "Scoring methods"):
        score = _score(method, setting, allowed, eligible)
        if score is None:
            skipped[method.name] = f"no target has {k} candidates"
        else:
            scores[method.name] = score
    main = [name for name in index.modalities if name in scores]
    if not main:
        raise UserError(_nobody_left(index, allowed, eligible, k, definition))
    scored = np.unique(np.concatenate([scores[name].target_rows() for name in main]))
    summary: dict[str, Any] = {
        "k": k,
        "definition": definition,
        "where": where,
        "same_patient_excluded": not include_same_patient,
        "n_targets": len(scored),
        "n_patients": len(np.unique(setting.patients[scored])),
        "methods": {name: score.row for name, score in scores.items()},
        "targets": targets,
        "definition_meaning": MEANING[definition],
        "comparisons": compare_methods(methods, scores, allowed, eligible, setting),
        "baselines_left_out": skipped,
        "settings": settings_of(index, setting, allowed),
    }
    adjust(summary, {name for name, method in methods.items() if method.kind == "random"})
    return OverlapResult(
        summary=plain(summary),
        neighbors=neighbor_table(index, methods, scores, k),
        studies=index.studies,
        examples={name: choose_examples(scores[name], index.studies) for name in main},
    )


def _setting(
    index: Any, k: int, definition: str, same_patient: bool, n_permutations: int, seed: int
) -> Setting:
    if k < 1:
        raise UserError(f"k={k}: the number of neighbours must be at least 1")
    if n_permutations < 1:
        raise UserError(f"n_permutations={n_permutations}: must be at least 1")
    choose("definition", definition, DEFINITIONS)
    studies: pd.DataFrame = index.studies
    return Setting(
        k=k,
        definition=definition,
        include_same_patient=same_patient,
        n_permutations=n_permutations,
        seed=seed,
        labels=encode_labels(studies["findings"]),
        patients=patient_codes(studies),
        views=studies["view"].to_numpy(dtype=object),
        strata={matching: match_strata(studies, matching) for matching in MATCHINGS},
    )


def _who(
    index: Any, setting: Setting, where: str | None, targets: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Who may be found and who is scored: bool (N,) each."""
    labelled = setting.labels.labelled
    if not labelled.any():
        raise UserError("index: none of its images is labelled; evaluation needs findings in the study table")
    allowed = labelled & index.rows_where(where)
    if not allowed.any():
        raise UserError(f"where {where!r}: no labelled image passes; loosen it")
    eligible = allowed & index.rows_where(targets)
    if not eligible.any():
        raise UserError(f"targets {targets!r}: no labelled image passes it and where; loosen them")
    if setting.definition == "any-disease" and not _diseased(setting)[eligible].any():
        raise UserError(
            f"definition 'any-disease': every target is {NO_FINDING!r}; use 'any', or other targets"
        )
    return allowed, eligible


def _diseased(setting: Setting) -> np.ndarray:
    return setting.labels.without(NO_FINDING).labelled


def _score(method: Method, setting: Setting, allowed: np.ndarray, eligible: np.ndarray) -> Score | None:
    """Score one method with all its break-downs; None if no target has K candidates."""
    depth = max(setting.k, AP_DEPTH)
    graph = build_graph(method, allowed, eligible, setting.k, max(setting.k + NEXT, AP_DEPTH))
    scorer = Scorer(method.name, graph, setting)
    if not scorer.scored.any():
        return None
    score = score_graph(scorer)
    own, ranked = graph.targets[scorer.scored], graph.neighbors[scorer.scored][:, :depth]
    relevant = scorer.relevant(own, ranked)
    score.row["kind"] = method.kind
    score.row["retrieval"] = retrieval_scores(relevant, ranked >= 0)
    member = setting.labels.take(graph.pool).membership()
    score.row["heterogeneity"] = heterogeneity_scores(member, ranked[:, : setting.k])
    if method.kind != "random":
        score.row["per_finding"] = finding_rows(scorer)
        score.row["per_view"] = view_rows(scorer)
    return score


def _nobody_left(index: Any, allowed: np.ndarray, eligible: np.ndarray, k: int, definition: str) -> str:
    most = int(allowed.sum())
    return (
        f"k={k}: no target has {k} candidates ({int(eligible.sum())} targets, {most} labelled images pass, "
        f"definition {definition!r}); use a smaller k or loosen where"
    )
