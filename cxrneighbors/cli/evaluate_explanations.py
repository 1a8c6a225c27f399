"""`cxrneighbors evaluate-explanations`: which explanation method can be trusted?"""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path = typer.Option(..., help="Folder written by train-classifier."),
    out: Path = typer.Option(..., help="Folder for records, tables, figure and page; a rerun goes on there."),
    methods: str = typer.Option(
        "all",
        help="all, or names of methods and rivals with their options, such as "
        "lime,lime:fill=blur,kp-lime:fill=neighbour:policy=diverse,rise:keep=0.3; references always run.",
    ),
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
    calls: int | None = typer.Option(
        None, help="How often each method may ask the classifier, in place of --masks: equal cost."
    ),
    donors: int = typer.Option(
        2, help="Films that stand in for the film where it is taken away, beside grey; 0: without."
    ),
    seeds: int = typer.Option(2, help="Runs of each method with different seeds."),
    top: int = typer.Option(3, help="Segments that count as top."),
    fill: str = typer.Option("grey", help="grey, black, mean, blur, or a grey from 0 to 1."),
    sanity: int = typer.Option(20, help="Targets explained for the randomised classifier too."),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of targets, masks and tests."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    batch_size: int | None = typer.Option(None, help="Films a batch; found by itself when not given."),
) -> None:
    """Score explanation methods: localisation, faithfulness, stability, sanity, cost."""
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.explain.perturb import read_fill
    from cxrneighbors.explain.quality.evaluate import evaluate_explanations
    from cxrneighbors.explain.quality.method_spec import parse_methods
    from cxrneighbors.explain.quality.settings import BenchmarkSettings
    from cxrneighbors.explain.quality.targets import open_regions
    from cxrneighbors.explain.registry import METHODS
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.lungs.segmenter import LungSegmenter
    from cxrneighbors.progress import say

    settings = BenchmarkSettings(
        k,
        masks,
        seeds,
        top,
        read_fill(fill),
        where,
        n_sanity=sanity,
        seed=seed,
        calls=calls,
        n_donors=donors,
    )
    refuse_inputs(out, [index, classifier])
    result = evaluate_explanations(
        load_classifier(classifier, device),
        NeighborIndex.load(index),
        out,
        n_targets=targets or None,
        regions=None if regions is None else open_regions(regions),
        among=among,
        min_score=min_score,
        methods=list(METHODS) if methods == "all" else parse_methods(methods),
        segmentations=parse_methods(segmentations),
        lungs=None if lungs is None else LungSegmenter.load(lungs, device),
        settings=settings,
        device=device,
        batch_size=batch_size,
    )
    print(result.markdown())
    say(f"{out}: report.html, benchmark.md, .json, .png, summary.csv, pairs.csv, targets.csv, figures/")
