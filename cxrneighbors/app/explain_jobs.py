"""Explanations one at a time: a queue whose jobs tell how far they are and can be called off."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cxrneighbors.app.explain_ask import Ask
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say

KEPT, WAITING = 12, 8  # finished jobs kept, jobs in line
LEFT = 120.0  # seconds without a question after which nobody waits for a job any more
Work = Callable[[Ask, Callable[[int], None]], Any]  # (what is asked, tell(films scored)) -> result


class Cancelled(Exception):
    """The job was called off, or whoever asked is gone."""


@dataclass
class Job:
    """state: 'waiting', 'running', 'done', 'failed' or 'cancelled'. scored: films so far. error: in words."""

    ask: Ask
    state: str = "waiting"
    scored: int = 0
    error: str = ""
    result: Any = None
    asked: float = field(default_factory=time.monotonic)
    began: float | None = None
    off: threading.Event = field(default_factory=threading.Event, repr=False)

    def tell(self, scored: int) -> None:
        """Count films; raises `Cancelled` where the job is off."""
        self.scored += scored
        if self.off.is_set() or time.monotonic() - self.asked > LEFT:
            raise Cancelled


class Jobs:
    """Runs `work` for one job after the other; jobs are known by tokens that only their asker has."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explain")

    def submit(self, ask: Ask) -> str:
        """Put a job in line; its token. A `UserError` where the line is full."""
        with self._lock:
            line = [job for job in self._jobs.values() if job.state == "waiting" and not job.off.is_set()]
            if len(line) >= WAITING:
                raise UserError(f"{WAITING} explanations are waiting already; try again in a while")
            finished = [name for name, job in self._jobs.items() if job.state not in ("waiting", "running")]
            for name in finished[: max(0, len(finished) - KEPT + 1)]:
                del self._jobs[name]
            token, job = secrets.token_urlsafe(16), Job(ask)
            self._jobs[token] = job
        self._pool.submit(self._run, job)
        return token

    def job(self, token: str) -> Job:
        """The job of a token, which thereby is still waited for; a `UserError` where it is gone."""
        with self._lock:
            if token not in self._jobs:
                raise UserError("this explanation is not kept any more; ask for it again")
            job = self._jobs[token]
            job.asked = time.monotonic()
            return job

    def status(self, token: str) -> dict[str, Any]:
        """What the page shows: state, place in the line, films scored and to score, seconds, error."""
        job = self.job(token)
        with self._lock:
            line = [each for each in self._jobs.values() if each.state in ("waiting", "running")]
        return {
            "state": job.state,
            "before": next((place for place, each in enumerate(line) if each is job), 0),
            "scored": job.scored,
            "films": max(job.ask.films, job.scored),
            "seconds": 0.0 if job.began is None else round(time.monotonic() - job.began, 1),
            "error": job.error,
        }

    def cancel(self, token: str) -> None:
        """Call a job off: at once where it waits, at the next batch of films where it runs."""
        job = self.job(token)
        job.off.set()
        if job.state == "waiting":
            job.state = "cancelled"

    def _run(self, job: Job) -> None:
        if job.state == "cancelled":
            return
        job.state, job.began = "running", time.monotonic()
        try:
            job.tell(0)
            job.result = self._work(job.ask, job.tell)
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except UserError as error:
            job.state, job.error = "failed", str(error)
        except Exception as error:
            say(f"explanation of {job.ask}: {type(error).__name__}: {error}")
            job.error = "a fault of the program; the terminal of the server says more"
            job.state = "failed"
