import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.readers import mimic_cxr_jpg
from cxrneighbors.errors import UserError


def test_every_option_reaches_the_reading(mimic):
    root, reports = mimic / "mimic-cxr-jpg", mimic / "mimic-cxr"
    (root / "files/p11/p11000002/s50000002/bb-1.jpg").unlink()
    for path in root.glob("*.csv"):
        path.rename(mimic / "mimic-iv" / path.name)
    chexpert = mimic / "mimic-iv/mimic-cxr-2.0.0-chexpert.csv"
    chexpert.rename(chexpert.with_name("mimic-cxr-2.0.0-negbio.csv"))
    reports.rename(mimic / "texts")
    given = {
        "tables": mimic / "mimic-iv", "reports": mimic / "texts/files", "patients": mimic / "mimic-iv",
        "labeler": "negbio", "uncertain": "positive", "images": "optional",
    }  # fmt: skip
    table = mimic_cxr_jpg.read(root, **given).studies.set_index("image_id")
    assert table["findings"]["aa-1"] == ["Effusion", "Pneumonia"]
    assert table["path"]["bb-1"] is None and table["path"]["aa-1"].endswith("aa-1.jpg")
    assert table["report"].notna().tolist() == [True, True, False]
    assert table["sex"].fillna("").tolist() == ["F", "F", ""] and table["split"]["bb-1"] == "val"
    trusted = mimic_cxr_jpg.read(root, **given | {"check_files": False}).studies
    assert trusted["path"].str.endswith(".jpg").all()


def test_the_seed_draws_the_split_where_none_is_published(mimic):
    root = mimic / "mimic-cxr-jpg"
    (root / "mimic-cxr-2.0.0-split.csv").unlink()
    drawn = {tuple(mimic_cxr_jpg.read(root, seed=seed).studies["split"]) for seed in range(12)}
    assert len(drawn) > 1 and all(first == second for first, second, _ in drawn)


def test_jpegs_have_no_headers(mimic):
    with pytest.raises(UserError, match="option of data set mimic-cxr-jpg 'headers'"):
        import_dataset("mimic-cxr-jpg", mimic / "mimic-cxr-jpg", headers=True)
