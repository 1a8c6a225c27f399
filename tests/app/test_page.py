import re

from cxrneighbors.app.page import BANNER, TABS, build_page, head_html
from cxrneighbors.app.static_html import PICKER, TOOLS


def test_the_head_says_what_is_open_and_what_for(archive):
    head = head_html(archive)
    patients = archive.studies["patient_id"].nunique()
    assert BANNER in head and f"{len(archive.studies):,} films" in head and f"{patients} patients" in head
    assert "secret place" not in head


def test_every_tab_is_built(archive, uploads):
    page = build_page(archive, uploads)
    labels = {getattr(block, "label", None) for block in page.blocks.values()}
    assert {label for label, _ in TABS.values()} <= labels


def test_every_control_has_a_name():
    for html in (PICKER, TOOLS):
        for control in re.findall(r"<input[^>]*>", html):
            name = re.search(r'id="([^"]+)"', control)
            labelled = name is not None and f'for="{name[1]}"' in html
            assert labelled or re.search(rf"<label[^>]*>[^<]*{re.escape(control)}", html), control
        assert all(text.strip() for text in re.findall(r"<button[^>]*>([^<]*)</button>", html))
