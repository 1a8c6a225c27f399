"""A store whose table has grown at its end: what is encoded stays, only new rows are.

The manifest of a grown store says in `grown_from` the hashes of the tables before, oldest first. Everything
else of it, and every shard, is what a run on the grown table alone writes, but for an encoder that is fitted:
it stays as it was fitted on the first table, so that old and new vectors can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import Work, merged
from cxrneighbors.encoders.jobs import Job
from cxrneighbors.encoders.store import EMBEDDINGS, OWN
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say


def begin_or_grow(out: str | Path, plan: dict[str, Any], jobs: Sequence[Job]) -> Work:
    """Begin the store that `plan` describes, continue it, or grow the one of an earlier, shorter table.

    Raises `UserError` where the store there is another one in anything but its table, and where the earlier
    table's rows are not the first ones of this one.
    """
    found = EMBEDDINGS.check_free(out, {}, own=OWN)
    if found is None:
        return EMBEDDINGS.begin(out, plan, own=OWN)
    before, fitted = found.get("grown_from", []), _as_fitted(plan, found)
    if found.get("studies_hash") == plan["studies_hash"]:
        return EMBEDDINGS.begin(out, {**fitted, "grown_from": before} if before else plan, own=OWN)
    EMBEDDINGS.check_free(out, _without_table(fitted), own=OWN)  # says what else differs
    if not found["complete"]:
        raise UserError(
            f"{out}: encoding another table was interrupted; finish that first, or delete the folder"
        )
    found = EMBEDDINGS.read(out)
    for job in jobs:
        _check_first_rows(out, job, found["modalities"][job.modality])
    work = EMBEDDINGS.begin(out, {"studies_hash": found["studies_hash"]}, own=OWN)
    work.reopen({**fitted, "grown_from": [*before, found["studies_hash"]]})
    _say_growth(jobs, found["modalities"], plan["modalities"])
    return work


def _as_fitted(plan: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with encoders fitted on what those there were."""
    there = found.get("modalities", {})
    kept = {name: {"fitted_on": there.get(name, {}).get("fitted_on", "")} for name in plan["modalities"]}
    return merged(plan, {"modalities": kept})


def _without_table(plan: Mapping[str, Any]) -> dict[str, Any]:
    entries = {
        modality: {name: value for name, value in entry.items() if name != "inputs_hash"}
        for modality, entry in plan["modalities"].items()
    }
    return {**{name: value for name, value in plan.items() if name != "studies_hash"}, "modalities": entries}


def _n_rows(entry: Mapping[str, Any]) -> int:
    return int(entry["count"]) + int(entry["skipped"])


def _check_first_rows(out: str | Path, job: Job, entry: Mapping[str, Any]) -> None:
    n = _n_rows(entry)
    if n > len(job.ids) or job.inputs_hash(n) != entry["inputs_hash"]:
        raise UserError(
            f"{out}: holds embeddings made with another table: its {n} {job.modality}s are not the first of "
            "this one; put new rows at the end (encode OLD NEW), or give another folder"
        )


def _say_growth(jobs: Sequence[Job], found: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    for job in jobs:
        entry = found[job.modality]
        n, fitted = _n_rows(entry), bool(plan[job.modality]["fitted_on"])
        stays = f"; {entry['encoder']} stays as fitted on the earlier table" if fitted else ""
        say(f"{job.modality}: {len(job.ids) - n} new rows, {n} are encoded already{stays}")
