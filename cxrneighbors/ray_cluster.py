"""Ray (extra `ray`): a cluster to work on, and how its failures are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from cxrneighbors.errors import UserError

Held = TypeVar("Held")
Item = TypeVar("Item")
Result = TypeVar("Result")


def connected() -> Any:
    """The module `ray`, connected to a cluster: to the one it is connected to, or RAY_ADDRESS names, or one
    that is started on this machine.

    Raises UserError when Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise UserError("engine 'ray': Ray is not installed; pip install 'cxrneighbors[ray]'") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    return ray


def result_of(ray: Any, task: Any) -> Any:
    """What a task returns; its `UserError` as it was raised, and one for workers that are lost for good."""
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, UserError) else error from None
    except ray.exceptions.RayError as error:
        raise UserError(
            f"engine 'ray': workers are lost ({type(error).__name__}), as when memory runs out; run the same "
            "command again, it goes on from there"
        ) from None


def gpus_for(device: str) -> int:
    """GPUs that a worker asks for: one where it works on one."""
    return int(device.startswith("cuda"))


def by_actors(
    held: Held, work: Callable[[Held, Item], Result], items: Sequence[Item], device: str
) -> Iterator[Result]:
    """work(held, item) for each item, in their order, by actors that keep `held`.

    One actor a GPU where `device` is one, else one a processor core of the cluster. One that dies is started
    again, and its item is worked on again, three times at most. Raises as `result_of` does.
    """
    ray = connected()
    kind = "GPU" if gpus_for(device) else "CPU"
    count = max(1, min(len(items), int(ray.cluster_resources().get(kind, 1))))
    # Cores are for whoever works: actors that hold a GPU share them.
    options = {"num_gpus": 1, "num_cpus": 0} if kind == "GPU" else {"num_cpus": 1}
    actor = ray.remote(max_restarts=3, max_task_retries=3, **options)(_Holder)
    stored = ray.put(held)
    actors = [actor.remote(stored, work) for _ in range(count)]
    waiting = [actors[number % count].work.remote(item) for number, item in enumerate(items)]
    try:
        for task in waiting:
            yield result_of(ray, task)
    finally:
        for each in actors:
            ray.kill(each)


class _Holder:
    def __init__(self, held: Any, work: Callable[[Any, Any], Any]) -> None:
        self.held, self.function = held, work

    def work(self, item: Any) -> Any:
        return self.function(self.held, item)
