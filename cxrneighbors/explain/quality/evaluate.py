"""`evaluate_explanations`: the benchmark from a classifier and an index to tables and a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import SKIPPED_FILE
from cxrneighbors.errors import UserError
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality.benchmark import Benchmark
from cxrneighbors.explain.quality.examples import Example, examples
from cxrneighbors.explain.quality.figure import draw_benchmark
from cxrneighbors.explain.quality.report_page import render_page
from cxrneighbors.explain.quality.settings import BenchmarkSettings
from cxrneighbors.explain.quality.summary import paired_tests, records_table, sentences, summarise
from cxrneighbors.explain.quality.tables import markdown_tables, table_cells
from cxrneighbors.explain.quality.targets import Target, choose_targets
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.figures import figure_files, to_png
from cxrneighbors.files import plain, write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.notebook import Shown, card, line, png_tag, table

TABLES = ("summary", "pairs", "targets")
WRITTEN = (*(f"{name}.csv" for name in TABLES), "benchmark.md", "benchmark.json", "benchmark.png", "figures")
WRITTEN += ("report.html", SKIPPED_FILE)


@dataclass(repr=False)
class BenchmarkResult:
    """`table`: one row a target, method and segmentation; `summary`, `pairs`: see `quality.summary`.

    `examples`: films that the page shows; `settings`: what it says of how the benchmark was run.
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    pairs: pd.DataFrame
    examples: Sequence[Example] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Short: how many methods, segmentations, targets and patients."""
        methods, segmentations = self.table["method"].nunique(), self.table["segmentation"].nunique()
        return f"<BenchmarkResult: {methods} methods, {segmentations} segmentations, {self._counts()}>"

    def _repr_html_(self) -> str:
        parts = [
            line(str(segmentation)) + table(*table_cells(part))
            for segmentation, part in self.summary.groupby("segmentation", sort=False)
        ]
        return card(f"Explanation methods: {self._counts()}", *parts)

    def _counts(self) -> str:
        targets = len(self.table.drop_duplicates(["image_id", "finding"]))
        return f"{targets:,} targets of {self.table['patient'].nunique():,} patients"

    def show(self) -> Shown:
        """The figure, to be looked at."""
        figure = draw_benchmark(self.summary, self.pairs)
        picture = png_tag(to_png(figure), "measures of each method")
        return Shown(f"Explanation methods: {self._counts()}", picture)

    def to_json(self) -> dict[str, Any]:
        """Everything but the single records, as JSON values: NaN is None."""
        columns = {"best_iou": "best_possible_iou", "n_segments": "mean_segments"}
        columns["lesion_share"] = "mean_lesion_share"
        numbers = self.table[list(columns)].astype(float).rename(columns=columns)
        content = {
            "n_targets": len(self.table.drop_duplicates(["image_id", "finding"])),
            "n_patients": int(self.table["patient"].nunique()),
            "mean_prediction": float(self.table["prediction"].mean()),
            **numbers.groupby(self.table["segmentation"], sort=False).mean().to_dict(),
            "sentences": sentences(self.summary, self.pairs),
            "summary": self.summary.to_dict(orient="records"),
            "pairs": self.pairs.to_dict(orient="records"),
        }
        return dict(plain(content))

    def write(self, out: str | Path) -> None:
        """Write benchmark.json, summary.csv, pairs.csv, targets.csv and benchmark.md; then the pictures.

        These are benchmark.png, report.html, and in `figures` the figure as PNG and SVG, one and two columns
        wide, with its numbers as CSV. A picture that fails loses none of the numbers.
        """
        out = Path(out)
        for name, frame in zip(TABLES, (self.summary, self.pairs, self.table), strict=True):
            text = csv_text(frame, "%.6g")
            write_text_atomic(out / f"{name}.csv", text)
        write_text_atomic(out / "benchmark.md", self.markdown())
        write_json_atomic(out / "benchmark.json", self.to_json())
        draw = partial(draw_benchmark, self.summary, self.pairs)
        figures = figure_files("benchmark", draw, csv_text(self.summary, "%.6g"))
        for name, content in figures.items():
            write_bytes_atomic(out / "figures" / name, content)
        write_bytes_atomic(out / "benchmark.png", figures["benchmark-2col.png"])
        vector = (figures["benchmark-2col.svg"], figures["benchmark-1col.svg"])
        write_text_atomic(
            out / "report.html", render_page(self.to_json(), self.examples, self.settings, vector)
        )

    def markdown(self) -> str:
        """Tables and sentences."""
        lines = [f"- {sentence}\n" for sentence in sentences(self.summary, self.pairs)]
        return "".join([markdown_tables(self.summary, self.pairs), "\n", *lines])


def evaluate_explanations(
    model: Classifier,
    index: NeighborIndex,
    out: str | Path,
    *,
    n_targets: int | None = 60,
    regions: pd.DataFrame | None = None,
    among: str | None = None,
    min_score: float = 0.0,
    methods: Sequence[str] = tuple(METHODS),
    segmentations: Sequence[str] = ("quickshift", "slic"),
    lungs: LungSegmenter | None = None,
    settings: BenchmarkSettings | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    precision: str = "auto",
) -> BenchmarkResult:
    """Score explanation methods on `n_targets` films (None: all) of a `NeighborIndex`.

    `regions`: where the findings are; without it films with a labelled finding are explained and nothing is
    localised. `among`: expression that says which images may be targets; `settings.where` says which may be
    neighbours. `min_score`: least score of the target's finding: what the classifier did not see, no
    explanation of it can find. `precision`: see `Predictor`. The rest: see `Benchmark`. Records lie in
    `out`; an interrupted run goes on.

    Raises `UserError` where there are no targets, for unknown names, and for a folder with other settings.
    """
    settings = settings or BenchmarkSettings()
    if n_targets is not None and n_targets < 1:
        raise UserError(f"targets {n_targets}: must be at least 1")
    index.rows_where(settings.where or None)  # a mistake is told now, though not all methods have neighbours
    allowed = index.rows_where(among or None, "among") & index.has["image"]
    targets = choose_targets(
        index.studies, model.labels, None if min_score > 0 else n_targets, regions, allowed, settings.seed
    )
    if min_score > 0:
        targets = _seen(model, index, targets, min_score, n_targets, device)
    predictor = Predictor(model, device=device, batch_size=batch_size, precision=precision)
    benchmark = Benchmark(predictor, index, out, settings, regions, methods, segmentations, lungs)
    records = benchmark.run(targets)
    table = records_table(records)
    result = BenchmarkResult(
        table,
        summarise(table),
        paired_tests(table, settings.seed),
        examples(benchmark, records, targets),
        {
            "classifier": f"{model.name}, {len(model.labels)} labels",
            "neighbours by": index.manifest["modalities"]["image"].get("encoder"),
            "images": len(index.studies),
            "targets among": among or "all that may be explained",
            "least score of a target": min_score,
            "places of findings": "known" if regions is not None else "not known: nothing is localised",
            **asdict(settings),
        },
    )
    benchmark.journal.reopen()
    result.write(out)
    benchmark.journal.finish(WRITTEN)
    return result


def _seen(
    model: Classifier,
    index: NeighborIndex,
    targets: list[Target],
    min_score: float,
    n: int | None,
    device: str,
) -> list[Target]:
    """The first `n` targets that the classifier scores at `min_score` or more."""
    path_of = dict(zip(index.studies["image_id"], index.studies["path"], strict=True))
    ids = list(dict.fromkeys(target.image_id for target in targets))
    images, _ = load_images([path_of[image_id] for image_id in ids], model.image_size, model.aspect)
    scores = dict(zip(ids, model.predict(images, device=device), strict=True))
    seen = [each for each in targets if scores[each.image_id][model.labels.index(each.finding)] >= min_score]
    if not seen:
        raise UserError(
            f"targets: the classifier scores none of {len(targets)} at {min_score} or more; lower it"
        )
    return seen[:n]
