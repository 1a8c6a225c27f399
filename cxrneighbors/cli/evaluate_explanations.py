"""`cxrneighbors evaluate-explanations`: which explanation method can be trusted?"""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path = typer.Option(..., help="Folder written by train-classifier."),
    out: Path = typer.Option(..., help="Folder for records, tables and figure; a rerun goes on there."),
    methods: str = typer.Option("all", help="all, or names such as lime,kp-lime; references always run."),
    segmentations: str = typer.Option("quickshift,slic", help="Of quickshift, slic, felzenszwalb, lungs."),
    lungs: Path | None = typer.Option(
        None, help="Folder written by train-lungs, for lungs; without: by a rule."
    ),
    targets: int = typer.Option(60, help="Films to explain, spread over patients, then findings; 0: all."),
    regions: Path | None = typer.Option(
        None, help="Where findings are: FILE.regions.parquet or its study table; without: no localisation."
    ),
    among: str | None = typer.Option(None, help="Which images may be targets, e.g. \"split == 'test'\"."),
    where: str | None = typer.Option(None, help="Which images may be neighbours, e.g. \"view == 'PA'\"."),
    min_score: float = typer.Option(0.0, help="Least score of a target's finding."),
    k: int = typer.Option(5, "-k", help="Neighbours K."),
    masks: int = typer.Option(100, "-p", "--masks", help="Masked films P of each film."),
    seeds: int = typer.Option(2, help="Runs of each method with different seeds."),
    top: int = typer.Option(3, help="Segments that count as top."),
    fill: str = typer.Option("grey", help="grey, mean or blur."),
    sanity: int = typer.Option(20, help="Targets explained for the randomised classifier too."),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of targets, masks and tests."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    batch_size: int | None = typer.Option(None, help="Films a batch; found by itself when not given."),
) -> None:
    """Score explanation methods: localisation, faithfulness, stability, sanity, cost."""
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.explain.quality.evaluate import evaluate_explanations
    from cxrneighbors.explain.quality.settings import BenchmarkSettings
    from cxrneighbors.explain.quality.targets import open_regions
    from cxrneighbors.explain.registry import METHODS
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.lungs.segmenter import LungSegmenter
    from cxrneighbors.progress import say

    refuse_inputs(out, [index, classifier])
    settings = BenchmarkSettings(k, masks, seeds, top, fill, where, n_sanity=sanity, seed=seed)
    result = evaluate_explanations(
        load_classifier(classifier, device),
        NeighborIndex.load(index),
        out,
        n_targets=targets or None,
        regions=None if regions is None else open_regions(regions),
        among=among,
        min_score=min_score,
        methods=list(METHODS) if methods == "all" else _names(methods),
        segmentations=_names(segmentations),
        lungs=None if lungs is None else LungSegmenter.load(lungs, device),
        settings=settings,
        device=device,
        batch_size=batch_size,
    )
    print(result.markdown())
    say(f"{out}: benchmark.md, benchmark.png, benchmark.json, summary.csv, pairs.csv, targets.csv")


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]
