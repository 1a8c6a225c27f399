"""Who explains the films of a cohort: this machine, steps side by side, or the actors of a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future

from cxrneighbors.data.ahead import ahead
from cxrneighbors.errors import UserError
from cxrneighbors.explain.cohort import Asked, Cohort, Outcome, Read, Unwritten
from cxrneighbors.processes import helpers, usable_cpus
from cxrneighbors.progress import track
from cxrneighbors.ray_cluster import by_actors

WORTH = 16  # films from which on processes that draw panels earn their start
MOST = 8  # of these processes


def locally(cohort: Cohort, asked: Sequence[Asked]) -> Iterator[Outcome]:
    """What came of each film, in order.

    While the classifier scores one, a thread reads and segments the next, and processes of their own write
    explanations and draw panels, where films are many and there is a core for them. A film asked for twice is
    explained once. Raises `UserError` where such a process is killed.
    """
    workers = min(MOST, usable_cpus() - 1) if len(asked) >= WORTH else 0
    pending: deque[Future[Outcome]] = deque()
    begun: dict[str, Future[Outcome]] = {}
    with helpers(workers) as others:

        def finish(read: Read | UserError) -> Future[Outcome]:
            made = cohort.explained(read)
            if not isinstance(made, Unwritten):
                return _done(made)
            busy = sum(not each.done() for each in pending)  # where all are, this process draws too
            return others.submit(Unwritten.write, made) if busy < 2 * workers else _done(made.write())

        for read in track(ahead(cohort.read_ahead, asked), "explaining", len(asked)):
            if isinstance(read, UserError):
                pending.append(_done(read))
            else:
                if read.folder not in begun:
                    begun[read.folder] = finish(read)
                pending.append(begun[read.folder])
            while pending and pending[0].done():
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())


def on_ray(cohort: Cohort, asked: Sequence[Asked]) -> Iterator[Outcome]:
    """As `locally`, by actors that hold explainer and index, one a GPU or a processor core.

    Each film is explained and written by one of them, into the same folders. Films and folder must lie under
    the same paths for all. Raises `UserError` as `by_actors` does.
    """
    places: dict[str, list[int]] = {}
    for place, each in enumerate(asked):
        places.setdefault(cohort.key(each), []).append(place)  # a film asked for twice stays in one hand
    groups = [[asked[place] for place in group] for group in places.values()]
    found: dict[int, Outcome] = {}
    device = cohort.explainer.predictor.device
    results = track(by_actors(cohort, _each, groups, device), "explaining (ray)", len(groups))
    for group, outcomes in zip(places.values(), results, strict=True):
        found |= zip(group, outcomes, strict=True)
    yield from (found[place] for place in range(len(asked)))


def _each(cohort: Cohort, group: Sequence[Asked]) -> list[Outcome]:
    return [cohort.one(each) for each in group]


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _result(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise UserError(
            f"explain: a process that draws panels is lost ({type(error).__name__}), as when memory runs "
            "out; run the same command again, it goes on from there"
        ) from None


Engine = Callable[[Cohort, Sequence[Asked]], Iterator[Outcome]]
ENGINES: dict[str, Engine] = {"local": locally, "ray": on_ray}
