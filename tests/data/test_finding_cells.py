import pytest

from cxrneighbors.data.finding_cells import split_findings
from cxrneighbors.errors import UserError


def test_cells_of_all_kinds():
    notes = []
    cells = ["Mass| Nodule", "", "['Mass', 'Edema']", "No Finding", "|"]
    assert split_findings(cells, "|", notes) == [
        ["Mass", "Nodule"],
        [],
        ["Mass", "Edema"],
        ["No Finding"],
        [],
    ]
    assert split_findings(["Mass;Edema"], ";", notes) == [["Mass", "Edema"]] and not notes


def test_another_separator_is_noted():
    notes = []
    assert split_findings(["Mass;Edema", "Mass"], "|", notes) == [["Mass;Edema"], ["Mass"]]
    assert notes == ["1 cells of findings hold ';' and are read as one finding; --separator ';' splits them"]


def test_a_broken_list_is_refused():
    with pytest.raises(UserError, match="no list of texts in quotes"):
        split_findings(["[Mass, Edema]"], "|", [])
