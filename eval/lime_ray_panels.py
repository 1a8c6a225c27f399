"""Figures 4 to 7 of LIME-RAY: superpixels, and what a classifier saw in one test image of each class.

    python eval/lime_ray_panels.py WORK/studies.parquet WORK/cnn-lstm-96-0 [--methods lime kp-lime] [-p 300]

STUDIES and CLASSIFIER as `eval/table2.py` leaves them in its work folder. For each class the test image
that is rightly classified with the highest score (the highest score of all where none is) is explained for
its class by every method. Films are cut at `--film-size` whatever the classifier takes (it resizes itself):
quickshift with LIME's settings leaves three segments of a 64 x 64 film. Neighbours come from an index of
the training images by PCA. Contrast-LIME's donors come from the film's own source where that has films of
another class (else a donor's machine, not its health, is what differs); tuberculosis has a source to itself,
so its donors are of others. Writes figure4.png and .svg, and for each explanation the folder CLASS-METHOD
with its panel (prediction, orange for and blue against, heat map, neighbours), to `--out`, not to the
results: they show images of the data sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import mean
from skimage.segmentation import mark_boundaries

from common.options import options, run
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.quality.figures import class_name
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.data.pixels import load_image, load_images
from cxrneighbors.data.tables import read_table
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.pictures import save_with_panel
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.explain.segments import SegmentCache
from cxrneighbors.figures import COLUMN_WIDTH, PRINT_DPI, new_figure, to_png, to_svg
from cxrneighbors.files import write_bytes_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

METHODS = ["lime", "k-lime", "sigma-lime", "kp-lime", "contrast-lime"]
YELLOW = (1.0, 0.85, 0.0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "-k", "--device")
    parser.add_argument("studies", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("-p", "--masks", type=int, default=300)
    parser.add_argument("--film-size", type=int, default=250, help="pixels a side that are cut into segments")
    parser.add_argument("--out", type=Path, default=Path("build/eval/lime-ray-panels"))
    given = parser.parse_args(arguments)
    studies = read_table(given.studies)
    model = load_classifier(given.classifier, device=given.device)
    index = NeighborIndex.build(encode(studies, image="pca", report="none"), studies)
    chosen = choose_images(studies, model, given.device)
    draw_superpixels(chosen, given.film_size, model.aspect, given.out / "figure4.png")
    segments = SegmentCache()
    for label, row in chosen.items():
        for method in given.methods:
            explainer = build_explainer(
                method,
                model,
                index,
                k=given.k,
                n_masks=given.masks,
                image_size=given.film_size,
                where=neighbours_of(row, studies, method),
                device=given.device,
                segments=segments,
            )
            explanation = explainer.explain(row["image_id"], target=label)
            path = given.out / f"{class_name(label)}-{method}"
            save_with_panel(explanation, path)
            say(f"{path}: score {explanation.prediction:.2f}, fidelity {explanation.fidelity:.2f}")


def neighbours_of(row: pd.Series, studies: pd.DataFrame, method: str) -> str:
    """Which films may be neighbours of `row` for `method`, as an expression."""
    where = "split == 'train'"
    same = studies[studies["dataset"] == row["dataset"]]
    if method == "contrast-lime" and len({tuple(findings) for findings in same["findings"]}) > 1:
        where += f" and dataset == {row['dataset']!r}"
    return where


def choose_images(studies: pd.DataFrame, model: Classifier, device: str) -> dict[str, pd.Series]:
    """For each class with test images the row whose class scores highest, rightly classified ones first."""
    test = studies[studies["split"] == "test"]
    images, read = load_images(test["path"].tolist(), model.image_size, model.aspect)
    test = test.iloc[read].reset_index(drop=True)
    scores = model.predict(images, device=device)
    chosen: dict[str, pd.Series] = {}
    for column, label in enumerate(model.labels):
        of_class = np.array([findings == [label] for findings in test["findings"]], dtype=bool)
        if not of_class.any():
            say(f"{label}: no test image")
            continue
        rank = scores[:, column] + (scores.argmax(1) == column) - 10.0 * ~of_class
        chosen[label] = test.iloc[int(rank.argmax())]
    return chosen


def draw_superpixels(chosen: dict[str, pd.Series], size: int, aspect: str, out: Path) -> None:
    """Figure 4: each film, its quickshift segments outlined, and each segment in its mean grey."""
    figure = new_figure(COLUMN_WIDTH, 1.22 * len(chosen) + 0.1, constrained=True)
    grid = figure.subplots(len(chosen), 3, squeeze=False)
    for axes, (label, row) in zip(grid, chosen.items(), strict=True):
        film = load_image(row["path"], size, aspect)
        segments = SegmentCache()(film, "quickshift")
        count = int(segments.max()) + 1
        outlined = mark_boundaries(film[0], segments, YELLOW, mode="inner")  # type: ignore[no-untyped-call]
        flat = np.asarray(mean(film[0], segments, np.arange(count)))[segments]
        titles = (class_name(label), f"{count} superpixels", "mean grey of each")
        for place, picture, title in zip(axes, (film[0], outlined, flat), titles, strict=True):
            place.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            place.set_title(title, size=6.5, pad=2)
            place.set_axis_off()
    write_bytes_atomic(out, to_png(figure, PRINT_DPI))
    write_bytes_atomic(out.with_suffix(".svg"), to_svg(figure))


if __name__ == "__main__":
    run(main)
