import pytest

from cxrneighbors.data.mimic.views import choose_views, coded_view, described_view


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("PA", "PA"), ("AP", "AP"), ("LL", "LATERAL"), ("RL", "LATERAL"), ("LATERAL", "LATERAL"),
        ("postero-anterior", "PA"), ("antero-posterior", "AP"), ("left lateral", "LATERAL"),
        ("AP AXIAL", "AP"),
        ("XTABLE LATERAL", "LATERAL"), ("PA LLD", "PA"), ("LAO", "UNKNOWN"),
        ("left anterior oblique", "UNKNOWN"),
    ],
)  # fmt: skip
def test_coded(text, view):
    assert coded_view(text)[0] == view


@pytest.mark.parametrize("text", ["", "?", "CHEST"])
def test_not_coded(text):
    assert coded_view(text) is None


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("CHEST (PORTABLE AP)", "AP"), ("CHEST PORT. LINE PLACEMENT", "AP"),
        ("DX CHEST PORTABLE PICC LINE", "AP"),
        ("Lateral", "LATERAL"), ("PA", "PA"), ("w033 Chest Lat.", "LATERAL"),
        ("CHEST (PA AND LAT)", None), ("CHEST (AP AND LAT)", None), ("CHEST (SINGLE VIEW)", None), ("", None),
        ("CHEST (LAT DECUB ONLY)", None), ("CHEST (PA, LAT AND OBLIQUES)", None), ("PATIENT", None),
        ("ABD PORTABLE", None),
    ],
)  # fmt: skip
def test_described(text, view):
    said = described_view(text)
    assert (said and said[0]) == view


def test_the_first_text_that_is_understood_decides():
    texts = {
        "ViewPosition": ["PA", "", "", "", "", "LAO", "odd"],
        "ViewCodeSequence": ["lateral", "lateral", "", "", "", "lateral", "lateral"],
        "PerformedProcedureStepDescription": ["", "CHEST (PORTABLE AP)"]
        + ["CHEST (PORTABLE AP)"]
        + ["CHEST (PA AND LAT)"] * 4,
        "SeriesDescription": ["", "", "PA", "Lateral", "", "", ""],
        "PatientOrientationCodeSequence": ["Erect", "Recumbent", "", "", "Erect", "", ""],
    }
    chosen = choose_views(texts, 7)
    assert chosen["view"].tolist() == ["PA", "LATERAL", "AP", "LATERAL", "UNKNOWN", "UNKNOWN", "LATERAL"]
    assert chosen["view_source"].tolist() == [
        "ViewPosition", "ViewCodeSequence", "PerformedProcedureStepDescription", "SeriesDescription", "none",
        "ViewPosition", "ViewCodeSequence",
    ]  # fmt: skip
    assert chosen["position"].tolist()[:5] == ["erect", "supine", "unknown", "unknown", "erect"]


def test_without_texts():
    assert choose_views({}, 2)["view_source"].tolist() == ["none", "none"]
    assert len(choose_views({}, 0)) == 0
