"""The command `evaluate-explanations`, on folders as its neighbours write them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from cxrneighbors.cli.evaluate_explanations import command
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import validate_regions, write_regions, write_table
from cxrneighbors.errors import UserError

app = typer.Typer()
app.command()(command)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.pixels import PixelEncoder
    from cxrneighbors.index.neighbor_index import NeighborIndex

    root, rows = tmp_path_factory.mktemp("cli"), []
    for n in range(6):
        pixels = np.random.default_rng(n).integers(60, 200, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).save(root / f"i{n}.png")
        rows.append({"image_id": f"i{n}", "path": str(root / f"i{n}.png"), "patient_id": f"p{n}"})
    studies = validate_studies(pd.DataFrame(rows).assign(findings=[["Mass"]] * 6))
    write_table(studies, root / "studies.parquet")
    box = {"finding": "Mass", "x": 4, "y": 4, "width": 10, "height": 12}
    write_regions(validate_regions(pd.DataFrame([{"image_id": "i0", **box}])), root / "studies.parquet")
    embeddings = encode(studies, image=PixelEncoder(8), report=None, out=root / "embeddings")
    NeighborIndex.build(embeddings, studies, backend="exact").save(root / "index")
    build("small-cnn", labels=["Mass", "Nodule"], image_size=32, width=4).save(root / "classifier")
    return root


def run(folders, out, *more):
    arguments = [str(folders / "index"), "--classifier", str(folders / "classifier"), "--out", str(out)]
    arguments += ["--methods", "lime,kp-lime", "--segmentations", "slic", "-k", "2", "-p", "10", *more]
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_writes_table_and_figure(folders, tmp_path):
    result = run(folders, tmp_path, "--targets", "2", "--sanity", "1")
    summary = json.loads((tmp_path / "benchmark.json").read_text())
    assert summary["n_targets"] == 2 and "KP-LIME" in result.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "KP-LIME" in page and "data:image/jpeg" in page and (tmp_path / "benchmark.png").is_file()


def test_methods_with_options_fills_and_equal_calls(folders, tmp_path):
    methods = "lime,lime:fill=0.25,lime:fill=black,kp-lime:policy=random:fill=neighbour,rise:grid=3"
    more = ("--methods", methods, "--fill", "0.5", "--calls", "30", "--seeds", "1", "--donors", "1")
    result = run(folders, tmp_path, "--targets", "1", "--sanity", "0", *more)
    table = pd.read_csv(tmp_path / "targets.csv").set_index("method")
    kp = "kp-lime:fill=neighbour:policy=random"
    assert list(table.index) == ["random", "lime", "lime:fill=0.25", "lime:fill=black", kp, "rise:grid=3"]
    assert table["calls"].tolist() == [1, 31, 31, 31, 31, 31]
    assert table["fill_rank"].notna().tolist() == [False, True, True, True, False, False]
    assert table["donor_deletion"].isna().all()  # every film here has the finding
    assert "LIME, fill=black" in result.stdout
    settings = json.loads((tmp_path / "manifest.json").read_text())
    assert settings["fill"] == 0.5


def test_targets_with_regions_are_localised(folders, tmp_path):
    run(folders, tmp_path, "--targets", "0", "--regions", str(folders / "studies.regions.parquet"))
    table = pd.read_csv(tmp_path / "targets.csv")
    assert set(table["image_id"]) == {"i0"} and table["iou"].notna().all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--methods", "shap"), "'shap'"),
        (("--among", "split == 'val'"), "no row has split 'val'"),
        (("--where", "nope == 1"), "unknown column 'nope'"),
        (("--regions", "nowhere.parquet"), "nowhere.parquet"),
        (("--min-score", "1.0"), "scores none"),
        (("--fill", "pink"), "'pink'"),
        (("--fill", "neighbour"), "fill of the benchmark 'neighbour'"),
        (("--fill", "1.5"), "a grey must lie in"),
        (("--calls", "0"), "calls 0"),
        (("--methods", "lime:fill"), "write OPTION=VALUE"),
    ],
)
def test_bad_input_is_one_line(folders, tmp_path, more, message):
    with pytest.raises(UserError, match=message) as error:
        run(folders, tmp_path / "out", *more)
    assert "\n" not in str(error.value)
