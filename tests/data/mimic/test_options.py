import pytest

from cxrneighbors.data.mimic.options import Options
from cxrneighbors.errors import UserError


def test_paths_become_absolute(tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Options(tables="tables").tables == tmp_path / "tables"
    assert (Options().tables, Options().labeler, Options().uncertain) == (None, "chexpert", "ignore")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("labeler", "radgraph", "chexpert, negbio"),
        ("uncertain", "maybe", "ignore, positive, negative"),
        ("images", "none", "required, optional"),
        *(
            (name, "not/there", f"not/there: no such file.*MIMIC {name}")
            for name in ("tables", "reports", "patients")
        ),
    ],
)
def test_mistakes_name_what_there_is(name, value, said):
    with pytest.raises(UserError, match=said):
        Options(**{name: value})
