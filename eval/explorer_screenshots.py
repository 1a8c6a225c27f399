"""Pictures of the explorer over phantoms, for the documentation.

    python eval/explorer_screenshots.py demo-output [--only search map] [--results eval/results]

`demo-output` is what `cxrneighbors demo` wrote. The explorer is served to the Chromium of the same machine,
and one picture is taken of each thing that `docs/explorer.md` speaks of: `explorer-NAME.png`.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.options import options, run
from cxrneighbors.app.archive import Archive
from cxrneighbors.app.link import to_link
from cxrneighbors.app.query import Query
from cxrneighbors.app.server import make_app
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.errors import UserError
from cxrneighbors.files import write_bytes_atomic
from cxrneighbors.progress import say

WIDE, NARROW = (1360, 880), (390, 780)  # pixels of the window
SETTLED = 1500  # milliseconds until films and fades are done


@contextmanager
def served(archive: Archive) -> Iterator[str]:
    """The address of an explorer on a free port of this machine."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(make_app(archive), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise UserError("chromium: there is none; install the package of that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def search_shown(page: Any) -> None:
    """Wait for neighbours and their films."""
    page.wait_for_selector("#cxr-results .cxr-answers", timeout=120_000)
    page.wait_for_timeout(SETTLED)


def enlarged(page: Any) -> None:
    """The second neighbour beside the target, under a narrower window."""
    search_shown(page)
    page.fill("#cxr-window", "70")
    page.click("#cxr-results .cxr-grid .cxr-card:nth-child(2) [data-zoom]")
    page.keyboard.press("+")
    page.wait_for_timeout(SETTLED)


def suggested(page: Any) -> None:
    """Films that fit what is typed."""
    page.wait_for_selector("#cxr-film-input")
    page.wait_for_timeout(SETTLED)
    page.focus("#cxr-film-input")
    page.keyboard.type("pneumothorax pa")
    page.wait_for_function("/Pneumothorax/.test(document.querySelector('#cxr-film-list li')?.textContent)")
    page.wait_for_timeout(SETTLED)


def mapped(page: Any) -> None:
    """All films on the map, a group of them marked and tagged, one film chosen."""
    page.wait_for_selector("#cxr-film-input")
    page.get_by_role("tab", name="Map").click()
    page.wait_for_selector(".map-legend > *", timeout=120_000)
    page.wait_for_timeout(3 * SETTLED)
    page.get_by_role("button", name="Lasso").click()
    box = page.locator("[data-part=marks]").bounding_box()
    for number, (x, y) in enumerate([(0.15, 0.2), (0.4, 0.2), (0.4, 0.75), (0.15, 0.75)]):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator(".cxr-map").get_by_label("Name").fill("apart")
    page.keyboard.press("Enter")
    page.locator("[data-part=near] button").first.click()
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(SETTLED)


def evaluated(page: Any) -> None:
    """The evaluation's figure and tables."""
    page.wait_for_selector("#cxr-film-input")
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#cxr-evaluation img")
    page.wait_for_timeout(SETTLED)


def explained(page: Any) -> None:
    """The target of a search, explained."""
    search_shown(page)
    page.click(".cxr-target [data-explain]")
    page.wait_for_selector(".ex-scores :checked", timeout=120_000)
    page.click("[data-part=go]")
    page.wait_for_selector("[data-part=result]:not([hidden])", timeout=600_000)
    page.evaluate("document.querySelector('[data-part=question]').scrollIntoView()")
    page.wait_for_timeout(2 * SETTLED)


def shared(archive: Archive) -> Query:
    """By the first film whose neighbours share some findings and not others, so that both can be seen."""
    for film in archive.suggest("effusion pa", limit=100)[0]:
        query = Query(image_ids=(film.image_id,), k=8)
        found = archive.search(query, Uploads())[0].overlap
        if found and 3 <= found.shared <= 6:
            return query
    raise UserError("no film has neighbours that share some of its findings; run the demo with more patients")


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = options(__doc__, "--results")
    parser.add_argument("demo", type=Path, help="folder written by cxrneighbors demo")
    parser.add_argument("--only", nargs="+", help="names of the pictures to take, all by default")
    given = parser.parse_args(arguments)
    archive = Archive.open(given.demo / "index", given.demo / "classifier", given.demo / "evaluation")
    query = shared(archive)
    words = Query(text="large right pneumothorax, chest tube", k=8)
    wanted: set[str] = set(given.only or [])
    shots: list[tuple[str, str, Callable[[Any], None], tuple[int, int], str]] = [
        ("suggestions", "", suggested, WIDE, "light"),
        ("search", to_link(query), search_shown, WIDE, "light"),
        ("dark", to_link(words), search_shown, WIDE, "dark"),
        ("viewer", to_link(query), enlarged, WIDE, "light"),
        ("map", "", mapped, WIDE, "light"),
        ("evaluation", "", evaluated, WIDE, "light"),
        ("explain", to_link(query), explained, WIDE, "light"),
        ("narrow", to_link(query), search_shown, NARROW, "light"),
    ]
    with served(archive) as address, chromium() as browser:
        for name, link, show, (width, height), scheme in shots:
            if wanted and name not in wanted:
                continue
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(address + link)
            show(page)
            path = given.results / f"explorer-{name}.png"
            write_bytes_atomic(path, page.screenshot())
            say(str(path))
            page.close()


if __name__ == "__main__":
    run(main)
