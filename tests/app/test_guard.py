"""Who is let through: names, origins, password, routes."""

from __future__ import annotations

import base64
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cxrneighbors.app import guard
from cxrneighbors.app.guard import HEADERS, LOOPBACK, Guard, check_host
from cxrneighbors.errors import UserError

HERE = "http://127.0.0.1:7860"


def client(hosts: tuple[str, ...] | None = LOOPBACK, password: str | None = None) -> TestClient:
    """Everything that reaches the application is answered with 200."""
    methods = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("ok"), methods=methods)])
    app.add_middleware(Guard, hosts=hosts, password=password)
    return TestClient(app, base_url=HERE)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7860", 200), ("localhost", 200), ("[::1]:7860", 200), ("evil.example", 421), ("", 421)],
)
def test_a_foreign_name_for_this_machine_is_refused(host: str, status: int) -> None:
    assert client().get("/", headers={"host": host}).status_code == status


def test_a_page_of_another_host_may_not_ask() -> None:
    for origin, status in ((HERE, 200), ("http://evil.example", 403), ("null", 403)):
        assert client().get("/suggest", headers={"origin": origin}).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/upload",
        "/gradio_api/proxy=http://evil.example/",
        "/gradio_api/vibe-code/",
        "/gradio_api/runs",
        "/gradio_api/run-history/connect",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/login",
    ],
)
def test_routes_that_the_page_does_not_need_are_not_there(path: str) -> None:
    assert client().get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/config", "/assets/a.js", "/film/a/b.png", "/gradio_api/queue/data"])
def test_routes_that_it_needs_are(path: str) -> None:
    answer = client().get(path)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_events_are_limited_in_size() -> None:
    big = client().post("/gradio_api/queue/join", content=b"x" * (2**20 + 1))
    assert big.status_code == 413
    unknown = client().post("/gradio_api/queue/join", content=iter([b"x"]))  # without a length
    assert unknown.status_code == 413
    assert client().post("/gradio_api/queue/join", content=b"x").status_code == 200


def test_the_password_is_asked_of_every_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRONG", 0.0)
    asked = client(None, "correct horse")
    for path in ("/", "/film/a.png", "/gradio_api/queue/data"):
        assert asked.get(path).status_code == 401
        assert asked.get(path, auth=("anyone", "wrong horse")).status_code == 401
        assert asked.get(path, auth=("anyone", "correct horse")).status_code == 200
    for broken in ("Basic", "Basic ?", "Bearer x", "Basic " + base64.b64encode(b"\xff\xfe").decode()):
        assert asked.get("/", headers={"authorization": broken}).status_code == 401


def test_a_wrong_password_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRONG", 0.3)
    start = time.monotonic()
    client(None, "correct horse").get("/", auth=("anyone", "wrong horse"))
    assert time.monotonic() - start > 0.3


def test_beyond_this_machine_only_with_a_password() -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::"):
        with pytest.raises(UserError, match="--password-file"):
            check_host(host, None)
        check_host(host, "a password")
    for host in LOOPBACK:
        check_host(host, None)
