"""More epochs for a training that is finished: its folder is opened again and goes on from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import MANIFEST, Kind, Work, newest_checkpoint
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json
from cxrneighbors.progress import say
from cxrneighbors.training.fit import CHECKPOINTS, RESUMED


def begin_or_extend(kind: Kind, folder: Path, plan: dict[str, Any], restart: bool = False) -> Work:
    """Begin the training that `plan` describes, continue it, or go on with a finished one of fewer epochs.

    `plan`: with `settings`, of which `epochs` may have grown; all else must be as it was. The schedules of
    learning rate and losses are those of the larger number from the last checkpoint on, so that 30 epochs
    and 10 more are not the same as 40 at once.

    Raises `UserError` as `Kind.begin` does, and where a finished training has no checkpoint to go on from.
    """
    done, asked = finished_epochs(kind, folder), plan["settings"]["epochs"]
    if restart or done is None or asked <= done:
        return kind.begin(folder, plan, restart, scratch=(CHECKPOINTS,))
    kind.check_free(folder, {**plan, "settings": _without_epochs(plan["settings"])})
    if newest_checkpoint(folder / CHECKPOINTS, keys=RESUMED) is None:
        raise UserError(
            f"{folder}: holds a finished training of {done} epochs without its last checkpoint, so it cannot "
            f"go on to {asked}; give another folder"
        )
    work = kind.begin(folder, {"settings": {"epochs": done}}, scratch=(CHECKPOINTS,))
    say(f"{folder}: {done} epochs are done, going on to {asked}")
    work.reopen(plan)
    return work


def finished_epochs(kind: Kind, folder: Path) -> int | None:
    """How many epochs the finished training in `folder` was made for; None where there is none."""
    if not (folder / MANIFEST).is_file():
        return None
    found = read_json(folder / MANIFEST, remedy="give another folder, or delete this one")
    if not isinstance(found, dict) or found.get("kind") != kind.name or not found.get("complete"):
        return None
    epochs = (found.get("settings") or {}).get("epochs")
    return epochs if isinstance(epochs, int) else None


def keep_newest(folder: Path) -> None:
    """Remove all checkpoints of a finished training but the last, from which it can go on."""
    for path in sorted((folder / CHECKPOINTS).glob("*.ckpt"))[:-1]:
        path.unlink()


def _without_epochs(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "epochs"}
