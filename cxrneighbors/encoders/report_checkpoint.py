"""The folder of a report encoder's training: its plan, a checkpoint per epoch, and the model in the end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cxrneighbors.encoders.report_encoder import less_chatter
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_dir, atomic_path, read_json, write_json_atomic
from cxrneighbors.progress import say

PLAN = "training.json"
CHECKPOINT = "checkpoint.pt"
FORMAT = 1


@dataclass(frozen=True)
class Progress:
    """`epoch`: how many are done; `history`: epoch and mean loss of each."""

    epoch: int
    history: list[dict[str, float]]


def start_or_continue(folder: Path, plan: dict[str, Any]) -> bool:
    """Prepare `folder` for the training that `plan` describes; True when it holds the finished one.

    Raises `UserError` when the folder holds another training, or files that are none of ours.
    """
    if (folder / PLAN).exists():
        found = read_json(folder / PLAN, remedy="give another folder")
        known = found if isinstance(found, dict) else {}
        # Through JSON and back, so that both sides went the same way.
        wanted = json.loads(json.dumps({"format": FORMAT, **plan}))
        different = [name for name in wanted if known.get(name) != wanted[name]]
        if different:
            raise UserError(
                f"{folder}: holds another training (other {', '.join(different)}); give another folder, "
                "or remove this one"
            )
        return bool(known.get("complete"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is no training of a report encoder; give a new or empty folder")
    write_json_atomic(folder / PLAN, {"format": FORMAT, **plan, "complete": False})
    return False


def save_progress(
    folder: Path, progress: Progress, loss: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state behind a whole epoch, in one step."""
    state = {
        "epoch": progress.epoch,
        "history": progress.history,
        "loss": loss.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with atomic_path(folder / CHECKPOINT) as temporary:
        torch.save(state, temporary)


def read_progress(
    folder: Path, loss: torch.nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
) -> Progress | None:
    """Bring loss (with its network) and optimiser back to the last checkpoint; None where there is none.

    A checkpoint that cannot be read (cut short) begins the training again. It is read with weights_only: one
    that would run code is refused.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        epoch, history = int(state["epoch"]), list(state["history"])
        weights, moments = state["loss"], state["optimiser"]
    except Exception as error:
        say(f"{path}: checkpoint cannot be used ({type(error).__name__}), beginning again")
        return None
    if set(weights) != set(loss.state_dict()):
        raise UserError(f"{path}: is of another network; remove {folder} and train again")
    loss.load_state_dict(weights)
    optimiser.load_state_dict(moments)
    say(f"continuing behind epoch {epoch}")
    return Progress(epoch, history)


def finish(folder: Path, plan: dict[str, Any], network: Any, history: list[dict[str, float]]) -> None:
    """Replace the folder by the model and its training.json, in one step; checkpoints go with the old one."""
    with atomic_dir(folder) as temporary:
        with less_chatter(keep_bars=False):
            network.save(str(temporary), create_model_card=False)
        for path in temporary.rglob("*.safetensors"):
            path.chmod(0o644)  # written for the owner alone, unlike all other files
        write_json_atomic(temporary / PLAN, {"format": FORMAT, **plan, "complete": True, "history": history})
