"""An evaluation run again from its own folder: the same numbers, or the first one that is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import MANIFEST
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.baselines import BASELINES, make_baselines
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.write import EVALUATION
from cxrneighbors.files import read_json
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.storage import Source

TOLERANCE = 1e-9
_AGAIN = "run evaluate again"


@dataclass(frozen=True)
class Difference:
    """The first value that differs: its `key` in overlap.json, what stood `there`, what comes out `now`."""

    key: str
    there: Any
    now: Any

    def __str__(self) -> str:
        """With how far both lie apart, where they are numbers."""
        apart = f", {abs(self.now - self.there):.3g} apart" if _numbers(self.there, self.now) else ""
        return f"{self.key}: {_short(self.there)} there, {_short(self.now)} now{apart}"


@dataclass(frozen=True)
class Reproduction:
    """`n_values`: how many were compared; `difference`: the first, or None. `versions`: of other libraries
    and programs than those that the evaluation was made with, not compared."""

    n_values: int
    difference: Difference | None
    versions: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every value is the same, numbers within `TOLERANCE` (of 1, or of the larger number)."""
        return self.difference is None


def reproduce(folder: str | Path, index: NeighborIndex | None = None) -> Reproduction:
    """Run the evaluation in `folder` again and compare with its overlap.json.

    Question, seed, permutations and baselines are those that overlap.json names; the index is the folder that
    the manifest names, unless it is given. Numbers count as equal within `TOLERANCE`, everything else as it
    is; `settings.versions` is told apart. Nothing is written.

    Raises `UserError` for a folder that is no finished evaluation or was changed, an index that is not
    there or was written anew since, and a method that was handed in from Python and that no name makes.
    """
    folder = Path(folder)
    manifest = EVALUATION.read(folder)
    there = read_json(folder / "overlap.json", remedy=_AGAIN)
    index = _recorded_index(folder, manifest) if index is None else index
    try:
        question = {name: there[name] for name in ("k", "definition", "where", "targets", "one_per")}
        question["include_same_patient"] = not there["same_patient_excluded"]
        question |= {name: there["settings"][name] for name in ("n_permutations", "seed")}
        names = _baselines(folder, there)
    except (AttributeError, KeyError, TypeError):
        raise UserError(f"{folder / 'overlap.json'}: does not describe an evaluation; {_AGAIN}") from None
    baselines = make_baselines(index, names, seed=question["seed"])
    result = evaluate_overlap(index, methods=baselines, **question)
    now = result.summary
    versions = tuple(_differences(_versions(there), _versions(now), "settings.versions"))
    return Reproduction(
        sum(1 for _ in _values(there)),
        next(_differences(_without_versions(there), _without_versions(now), ""), None),
        versions,
    )


def _recorded_index(folder: Path, manifest: Mapping[str, Any]) -> NeighborIndex:
    recorded = manifest.get("index")
    if not isinstance(recorded, dict):
        raise UserError(f"{folder / MANIFEST}: names no index; give the one that was evaluated")
    place = folder / str(recorded["folder"])
    if not (place / MANIFEST).is_file():
        raise UserError(f"{place}: the index that was evaluated is not there; give where it is now")
    if Source.of(place).digest != recorded["manifest_sha256"]:
        raise UserError(
            f"{place}: was written anew since the evaluation; give the index that was evaluated, or {_AGAIN}"
        )
    return NeighborIndex.load(place)


def _baselines(folder: Path, there: Mapping[str, Any]) -> list[str] | None:
    """Names for `make_baselines`; None for all of them, those that could not be computed left out."""
    left_out = there["baselines_left_out"]
    named = [name for name, row in there["methods"].items() if row["kind"] != "index"]
    named += [name for name in left_out if name in BASELINES]
    if unknown := [name for name in named if name not in BASELINES]:
        raise UserError(
            f"{folder}: method {unknown[0]!r} was handed in from Python; evaluate there again, with "
            "evaluate_overlap(methods=...)"
        )
    return None if set(named) == set(BASELINES) else named


def _differences(there: Any, now: Any, key: str) -> Iterator[Difference]:
    """Where two JSON values differ, in the order of the first."""
    if isinstance(there, dict) and isinstance(now, dict):
        for name in [*there, *(name for name in now if name not in there)]:
            inner = f"{key}.{name}".lstrip(".")
            yield from _differences(there.get(name, "missing"), now.get(name, "missing"), inner)
    elif isinstance(there, list) and isinstance(now, list) and len(there) == len(now):
        for place, (first, second) in enumerate(zip(there, now, strict=True)):
            yield from _differences(first, second, f"{key}[{place}]")
    elif not (_close(there, now) if _numbers(there, now) else type(there) is type(now) and there == now):
        yield Difference(key, there, now)


def _close(first: float, second: float) -> bool:
    return abs(first - second) <= TOLERANCE * max(1.0, abs(first), abs(second))


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _values(content: Any) -> Iterator[Any]:
    if isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from _values(inner)
    else:
        yield content


def _versions(summary: Mapping[str, Any]) -> Any:
    return summary["settings"].get("versions", {})


def _without_versions(summary: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in summary["settings"].items() if name != "versions"}
    return {**summary, "settings": settings}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
