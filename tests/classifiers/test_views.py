import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.classifiers.registry import build
from cxrneighbors.classifiers.views import complete_views, disagreements, predict_views, train_view_classifier
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.errors import UserError


def film(view, rng):
    """Bright on the left for PA, on the right for AP, at the top for LATERAL, under noise."""
    grey = rng.normal(90, 15, (36, 36))
    place = {"PA": np.s_[:, :12], "AP": np.s_[:, 24:], "LATERAL": np.s_[:12, :]}[view]
    grey[place] += 90
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """150 images of 75 patients; 15 are of unknown view, 3 of them obliques, 2 tags are wrong."""
    folder = tmp_path_factory.mktemp("views")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(150):
        true = ("PA", "AP", "LATERAL")[number % 3]
        path = folder / f"{number}.png"
        film(true, rng).save(path)
        unknown = number < 15
        rows.append(
            {
                "image_id": f"i{number}",
                "path": str(path),
                "patient_id": f"p{number // 2}",
                "view": "UNKNOWN" if unknown else {"60": "AP", "63": "LATERAL"}.get(str(number), true),
                "view_source": "ViewPosition" if not unknown or number < 3 else "none",
                "findings": [],
                "true": true,
            }
        )
    return validate_studies(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return folder, train_view_classifier(table, folder, image_size=32, epochs=8, device="cpu")


def test_views_of_other_patients_are_told(trained):
    assert trained[1]["test"]["accuracy"] > 0.9 and trained[1]["test"]["n"] > 20
    assert trained[1]["config"]["labels"] == ["PA", "AP", "LATERAL"]


def test_missing_views_are_filled_in(table, trained, tmp_path):
    done = complete_views(table, trained[0], least_probability=0.5, device="cpu")
    write_table(done, tmp_path / "done.parquet")
    done = read_table(tmp_path / "done.parquet")
    assert (done["view"][3:15] == table["true"][3:15]).all()
    assert (done["view_source"][3:15] == "predicted").all()
    assert done["view_probability"][3:15].between(1 / 3, 1).all()
    # obliques and known views are left alone
    assert (done["view"][:3] == "UNKNOWN").all() and done["view_probability"][:3].isna().all()
    assert (done["view"][15:] == table["view"][15:]).all() and done["view_predicted"][15:].isna().all()


def test_a_doubtful_view_stays_unknown(table, trained):
    done = complete_views(table, trained[0], least_probability=1.0, device="cpu")
    below = done["view_probability"][3:15] < 1
    assert (done["view"][3:15][below] == "UNKNOWN").all() and done["view_predicted"][3:15].notna().all()


def test_wrong_tags_are_found(table, trained):
    done = complete_views(table, trained[0], check_known=True, device="cpu")
    assert {"i60", "i63"} <= set(disagreements(done, 0.6)["image_id"])
    assert len(disagreements(done, 0.6)) <= 6
    assert (done["view"][15:] == table["view"][15:]).all()


def test_filled_in_views_do_not_teach(table, trained, tmp_path):
    done = complete_views(table, trained[0], least_probability=0.0, device="cpu")
    again = train_view_classifier(done, tmp_path, image_size=32, epochs=1, device="cpu")
    counts = [again[split]["n"] for split in ("train", "val", "test")]
    assert sum(counts) == 135


def test_probabilities_are_the_models(table, trained):
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.data.pixels import load_images

    model = load_classifier(trained[0], "cpu")
    found = predict_views(table.iloc[:8], model, device="cpu")
    images, _ = load_images(table["path"].tolist()[:8], 32, model.aspect)
    np.testing.assert_allclose(found["probability"], model.predict(images, device="cpu").max(1), rtol=1e-5)


def test_unreadable_images_are_listed(table, trained, tmp_path):
    (tmp_path / "x.png").write_text("no image")
    rows = table.iloc[:6].copy()
    rows.loc[rows.index[4], "path"] = str(tmp_path / "x.png")
    rows.loc[rows.index[5], "path"] = None
    skipped = Skipped("predict-views")
    done = complete_views(rows, trained[0], least_probability=0.0, skipped=skipped, device="cpu")
    assert skipped.to_frame()["item"].tolist() == ["i4"]
    assert done["view"].tolist()[4:] == ["UNKNOWN", "UNKNOWN"] and done["view_source"].tolist()[5] == "none"


def test_too_few_views(table, tmp_path):
    with pytest.raises(UserError, match="fewer than two views"):
        train_view_classifier(table[table["view"] == "PA"], tmp_path)


def test_probability_out_of_range(table, trained):
    with pytest.raises(UserError, match="between 0 and 1"):
        complete_views(table, trained[0], least_probability=80)


def test_command(table, tmp_path, capsys):
    import typer

    from cxrneighbors.cli import predict_views as verb

    write_table(table, tmp_path / "in.parquet")
    app = typer.Typer()
    app.command()(verb.command)
    arguments = [str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out.parquet")]
    typer.main.get_command(app).main(
        [*arguments, "--epochs", "6", "--image-size", "32", "--device", "cpu"], standalone_mode=False
    )
    done = read_table(tmp_path / "out.parquet")
    assert (done["view_source"] == "predicted").any()
    assert (tmp_path / "out-view-classifier" / "model.safetensors").is_file()
    assert "missing views filled in" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"labels": ["Mass", "Nodule"]}, {"labels": ["PA", "AP"]}])
def test_a_classifier_of_anything_else_is_refused(table, options):
    model = build(
        "small-cnn", image_size=32, width=4, multi_label=options["labels"] == ["PA", "AP"], **options
    )
    with pytest.raises(UserError, match=r"classifier: it tells .*, not the views PA, AP, LATERAL"):
        complete_views(table, model)
