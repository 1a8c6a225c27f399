"""Twenty visitors at once, each with a search of their own, over plain HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.query import Query
from cxrneighbors.app.search_tab import NAMES, shown_values
from cxrneighbors.app.uploads import Uploads

USERS = 20


def ask(address: str, function: int, values: list, session: str) -> str:
    """HTML that a search answers with, as the page asks for it: join the queue, read the stream of events."""
    with httpx.Client(base_url=address, timeout=60) as client:
        joined = {"data": values, "fn_index": function, "session_hash": session}
        client.post("gradio_api/queue/join", json=joined).raise_for_status()
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                event = json.loads(line.removeprefix("data:")) if line else {}
                if event.get("msg") == "process_completed":
                    assert event["success"], event
                    return str(event["output"]["data"][0])
    raise AssertionError("the stream ended without an answer")


def test_everyone_gets_their_own_answer(explorer_address: str, phantom_archive: Archive) -> None:
    config = httpx.get(explorer_address + "config").json()
    function = next(
        one["id"]
        for one in config["dependencies"]
        if len(one["inputs"]) == len(NAMES) and any(event == "click" for _, event in one["targets"])
    )
    asked = [
        Query(image_ids=(image_id,), k=2 + number % 5, one_per="image")
        for number, image_id in enumerate(phantom_archive.studies["image_id"][:USERS])
    ]
    with ThreadPoolExecutor(USERS) as pool:
        answers = list(
            pool.map(
                lambda number: ask(
                    explorer_address, function, shown_values(phantom_archive, asked[number]), f"user{number}"
                ),
                range(USERS),
            )
        )
    for query, html in zip(asked, answers, strict=True):
        found = phantom_archive.search(query, Uploads())[0]
        assert f'aria-label="Target" data-film="{query.image_ids[0]}"' in " ".join(html.split())
        assert html.count('aria-label="Neighbour ') == len(found.hits) == query.k
        assert all(f'data-film="{hit.film.image_id}"' in html for hit in found.hits)
