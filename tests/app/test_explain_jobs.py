"""The queue of explanations: one at a time, in order, called off where they stand, forgotten in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from cxrneighbors.app import explain_jobs
from cxrneighbors.app.explain_ask import LARGEST_K, LARGEST_P, Ask
from cxrneighbors.app.explain_jobs import Jobs
from cxrneighbors.app.explain_routes import read_ask
from cxrneighbors.errors import UserError

ASK = Ask("i0", "Edema")
Tell = Callable[[int], None]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Worker:
    """Scores one film for each `step`, until `films` are scored."""

    def __init__(self, films: int = 3) -> None:
        self.films, self.steps = films, threading.Semaphore(0)
        self.running = self.most = 0
        self.order: list[str] = []

    def __call__(self, ask: Ask, tell: Tell) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        self.order.append(ask.film)
        try:
            for _ in range(self.films):
                assert self.steps.acquire(timeout=5)
                tell(1)
            return f"why {ask.film}"
        finally:
            self.running -= 1


def state(jobs: Jobs, token: str) -> str:
    return str(jobs.status(token)["state"])


def test_jobs_run_one_at_a_time_in_order_and_tell_how_far_they_are() -> None:
    worker = Worker()
    jobs = Jobs(worker)
    tokens = [jobs.submit(Ask(f"i{i}", "Edema", "lime", masks=9)) for i in range(3)]
    until(lambda: state(jobs, tokens[0]) == "running")
    assert [jobs.status(token)["before"] for token in tokens] == [0, 1, 2]
    worker.steps.release()
    until(lambda: jobs.status(tokens[0])["scored"] == 1)
    assert jobs.status(tokens[0])["films"] == 10
    worker.steps.release(8)
    until(lambda: state(jobs, tokens[2]) == "done")
    assert worker.order == ["i0", "i1", "i2"] and worker.most == 1
    assert [jobs.job(token).result for token in tokens] == ["why i0", "why i1", "why i2"]


def test_a_job_is_called_off_where_it_runs_and_where_it_waits() -> None:
    worker = Worker(films=100)
    jobs = Jobs(worker)
    first, second, third = (jobs.submit(Ask(name, "Edema")) for name in ("a", "b", "c"))
    until(lambda: state(jobs, first) == "running")
    jobs.cancel(second)
    assert state(jobs, second) == "cancelled"
    jobs.cancel(first)
    worker.steps.release()  # the batch that is being scored ends
    until(lambda: state(jobs, first) == "cancelled")
    until(lambda: state(jobs, third) == "running")
    assert worker.order == ["a", "c"]
    jobs.cancel(third)
    worker.steps.release()
    until(lambda: state(jobs, third) == "cancelled")


def test_a_job_for_which_nobody_waits_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_jobs, "LEFT", 0.05)
    worker = Worker(films=100)
    jobs = Jobs(worker)
    token = jobs.submit(ASK)
    until(lambda: worker.order == ["i0"])
    time.sleep(0.1)  # nobody asks
    worker.steps.release()
    until(lambda: worker.running == 0)
    assert state(jobs, token) == "cancelled"


def test_a_failure_is_told_in_words_and_a_fault_without_details(capfd: pytest.CaptureFixture[str]) -> None:
    def work(ask: Ask, tell: Tell) -> None:
        raise UserError("too few neighbours") if ask.film == "known" else RuntimeError("/secret/path")

    jobs = Jobs(work)
    known, fault = jobs.submit(Ask("known", "Edema")), jobs.submit(Ask("other", "Edema"))
    until(lambda: state(jobs, fault) == "failed")
    assert jobs.status(known)["error"] == "too few neighbours"
    assert "secret" not in jobs.status(fault)["error"] and "/secret/path" in capfd.readouterr().err


def test_the_line_has_an_end_and_old_results_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_jobs, "KEPT", 2)
    worker = Worker(films=1)
    jobs = Jobs(worker)
    running = jobs.submit(ASK)
    until(lambda: state(jobs, running) == "running")
    waiting = [jobs.submit(ASK) for _ in range(explain_jobs.WAITING)]
    with pytest.raises(UserError, match="are waiting already"):
        jobs.submit(ASK)
    worker.steps.release(20)
    until(lambda: state(jobs, waiting[-1]) == "done")
    last = jobs.submit(ASK)
    with pytest.raises(UserError, match="not kept any more"):
        jobs.status(running)
    assert jobs.job(waiting[-1]).result == "why i0"
    until(lambda: state(jobs, last) == "done")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"film": " "}, "none is chosen"),
        ({"target": "Mood"}, "Edema"),
        ({"method": "magic"}, "contrast-lime"),
        ({"k": 0}, "from 1 to"),
        ({"k": LARGEST_K + 1}, "from 1 to"),
        ({"masks": LARGEST_P + 1}, "from 1 to"),
        ({"segmentation": "scissors"}, "quickshift"),
        ({"k": "5"}, "k '5'"),
        ({"k": True}, "k True"),
        ({"target": 3}, "target 3"),
        ({"device": "cuda"}, "can be asked for"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(change: dict[str, object], message: str) -> None:
    given = {"film": "i0", "target": "Edema"} | change
    with pytest.raises(UserError, match=message):
        read_ask(given).checked(("Edema", "Mass"))  # type: ignore[arg-type]


def test_a_request_without_a_target_is_refused() -> None:
    with pytest.raises(UserError, match="can be asked for"):
        read_ask({"film": "i0"})
