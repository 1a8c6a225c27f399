import pytest

from cxrneighbors.data.views import normalise_view


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("PA", ("PA", "unknown")),
        (" pa ", ("PA", "unknown")),
        ("AP", ("AP", "unknown")),
        ("AP Supine", ("AP", "supine")),
        ("AP Erect", ("AP", "erect")),
        ("antero-posterior", ("AP", "unknown")),
        ("postero-anterior", ("PA", "unknown")),
        ("L", ("LATERAL", "unknown")),
        ("LL", ("LATERAL", "unknown")),
        ("RL", ("LATERAL", "unknown")),
        ("Lateral", ("LATERAL", "unknown")),
        ("", ("UNKNOWN", "unknown")),
        ("?", ("UNKNOWN", "unknown")),
        (None, ("UNKNOWN", "unknown")),
        (float("nan"), ("UNKNOWN", "unknown")),
        ("Coronal", ("UNKNOWN", "unknown")),
        ("PA LATERAL", ("UNKNOWN", "unknown")),
    ],
)
def test_spellings(raw, expected):
    assert normalise_view(raw) == expected
