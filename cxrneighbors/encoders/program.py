"""Networks stored as programs, TorchScript or torch.export: read without running any Python of the file."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cxrneighbors.errors import UserError

_REMEDY = "save the network with torch.export.save, or as TorchScript"
# What torch.export's reader would otherwise look up below `torch` and call: only operators may be named,
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims)\._?[A-Za-z]\w*(\.[A-Za-z]\w*)?|torch\.sym_[a-z]+|math\.(ceil|floor|trunc)"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_)"
)
# and what it would otherwise evaluate: sizes, as "s77" or "2*s0 + 1".
_EXPRESSION = re.compile(r"(s\d+|u\d+|\d+|True|False|FloorDiv|Mod|Max|Min|[-+*/(), ])*")
_FORBIDDEN_OPERATORS = ("torch.ops.aten.save", "torch.ops.aten.from_file")


def read_program(path: str | Path) -> bytes:
    """The bytes of a file; a `UserError` where it is missing."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file; {_REMEDY}") from None


def load_program(content: bytes, source: str, device: str) -> Callable[[Tensor], Tensor]:
    """The network in the bytes of a file, on `device`; `source` names the file in messages.

    TorchScript is loaded by torch's own interpreter, which runs no Python. A torch.export archive is checked
    before torch's reader sees it, since that reader unpickles where it is asked to: pickled weights, objects
    and inputs, compiled code, calls of anything but operators, and expressions other than of sizes are
    refused. Raises `UserError` for these and for any other file.
    """
    names = _names(content, source)
    if any(name == "constants.pkl" for name in names) and any(name.startswith("code/") for name in names):
        return _loaded(lambda: torch.jit.load(io.BytesIO(content), map_location=device).eval(), source)
    if "models/model.json" not in names:
        kind = "a pickled module, which could run code" if "data.pkl" in names else "no program"
        raise UserError(f"{source}: holds {kind}; {_REMEDY}")
    checked = _checked_export(content, names, source)

    def load() -> Callable[[Tensor], Tensor]:
        from torch.export.passes import move_to_device_pass

        program = torch.export.load(io.BytesIO(checked))
        found: Callable[[Tensor], Tensor] = move_to_device_pass(program, device).module()
        return found

    return _loaded(load, source)


def write_program(module: nn.Module, example: Tensor, source: str) -> bytes:
    """The bytes of a file that `load_program` reads back.

    TorchScript stays TorchScript; any other module is exported with `example`, float (2, C, H, W), for
    batches of any size. Raises `UserError` for a module that torch.export cannot follow.
    """
    content = io.BytesIO()
    if isinstance(module, torch.jit.ScriptModule):
        torch.jit.save(module, content)
        return content.getvalue()
    try:
        batch = ({0: torch.export.Dim.DYNAMIC},)
        torch.export.save(torch.export.export(module, (example,), dynamic_shapes=batch), content)
    except Exception as error:  # whatever a module's own code and torch's tracing raise
        raise UserError(
            f"{source}: cannot be stored ({_line(error)}); give TorchScript or a torch.export program"
        ) from None
    return content.getvalue()


def _names(content: bytes, source: str) -> dict[str, str]:
    """Files of the archive, the one folder around them taken off: their full names by those."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            full = archive.namelist()
    except zipfile.BadZipFile:
        raise UserError(f"{source}: no TorchScript or torch.export file; {_REMEDY}") from None
    names = {name.partition("/")[2]: name for name in full if not name.endswith("/")}
    if len(names) != len(full) or len({name.partition("/")[0] for name in full}) != 1:
        raise UserError(f"{source}: not as this version of torch writes such files; {_REMEDY}")
    return names


def _checked_export(content: bytes, names: dict[str, str], source: str) -> bytes:
    """The archive written anew from files none of which torch.export's reader would unpickle or run."""
    anew = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(anew, "w") as checked:
        for name, full in names.items():
            data = archive.read(full)
            problem = None if _is_tensor_file(name) else _problem(name, data)
            if problem:
                raise UserError(f"{source}: refused, it holds {problem}, which could run code; {_REMEDY}")
            checked.writestr(full, data)
    return anew.getvalue()


def _problem(name: str, data: bytes) -> str | None:
    """What makes a file of an archive more than a graph of operators, tensors and sizes; None for nothing."""
    if name.endswith(".json"):
        try:
            return next(_problems(json.loads(data)), None)
        except ValueError:
            return f"a broken {name!r}"
    if name.startswith("data/sample_inputs/"):
        return None if _holds_tensors_alone(data) else "pickled inputs"
    known = ("byteorder", "version", "archive_format", "archive_version")
    return None if name in known or name.startswith(".data/") else f"a file {name!r}"


def _is_tensor_file(name: str) -> bool:
    """Raw numbers of weights and constants, by the names that torch.export gives them."""
    return re.fullmatch(r"data/(weights/weight|constants/tensor)_\d+", name) is not None


def _problems(value: Any) -> Iterator[str]:
    """What in the JSON of an archive is more than a graph of operators over tensors."""
    if isinstance(value, list):
        for part in value:
            yield from _problems(part)
    if not isinstance(value, dict):
        return
    if value.get("use_pickle"):
        yield "pickled tensors"
    path = value.get("path_name")
    if path is not None and not re.fullmatch(r"(weight|tensor)_\d+", str(path)):
        yield f"object {path!r}"
    target = value.get("target")
    if (
        isinstance(target, str)
        and "inputs" in value
        and (not _TARGET.fullmatch(target) or target.startswith(_FORBIDDEN_OPERATORS))
    ):
        yield f"a call of {target!r}"
    expression = value.get("expr_str")
    if expression is not None and not _EXPRESSION.fullmatch(str(expression)):
        yield f"expression {str(expression)[:40]!r}"
    for part in value.values():
        yield from _problems(part)


def _holds_tensors_alone(data: bytes) -> bool:
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # the reader would fall back to unpickling whatever the reason
        return False
    return True


def _loaded(load: Callable[[], Callable[[Tensor], Tensor]], source: str) -> Callable[[Tensor], Tensor]:
    try:
        return load()
    except Exception as error:  # torch's readers raise what they like
        raise UserError(f"{source}: cannot be loaded ({_line(error)}); {_REMEDY}") from None


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:160]
