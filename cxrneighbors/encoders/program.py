"""Networks stored as programs, TorchScript or torch.export: read without running any Python of the file."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cxrneighbors.errors import UserError

_REMEDY = "save the network with torch.export.save, or as TorchScript"
# Names of a graph's values, weights and settings become parts of Python code when torch reads them.
_NAME = re.compile(r"[\w.]*", re.ASCII)
# What is called, otherwise anything that torch can look up from its own name: operators alone.
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims)\._?[A-Za-z]\w*(\.[A-Za-z]\w*)?|torch\.sym_[a-z]+|math\.(ceil|floor|trunc)"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_)",
    re.ASCII,
)
_FILE_OPERATORS = ("torch.ops.aten.save", "torch.ops.aten.from_file")
# Sizes, which torch evaluates: "Add(Symbol('s77', positive=True, integer=True), Integer(1))".
_EXPRESSION = re.compile(
    r"(?:Symbol\('\w++'(?:, \w++=(?:True|False))*+\)"
    r"|(?:Add|Mul|Pow|Integer|Rational|Max|Min|Mod|PythonMod|FloorDiv|CeilDiv|CleanDiv|IntTrueDiv)\b"
    r"|(?:TruncToInt|FloorToInt|CeilToInt|PowByNatural)\b|True|False|[-+*/(), \d])*+",
    re.ASCII,
)
# How arguments and results are nested, in JSON.
_NESTING = re.compile(r"(?!.*default_factory)[\w.\[\]{}\",:\\ ]*", re.ASCII)
_STRINGS = {
    "expr_str": _EXPRESSION,
    "in_spec": _NESTING,
    "out_spec": _NESTING,
    "as_operator": _OPERATOR,
    "torch_version": re.compile(r"[\w.+<=]*", re.ASCII),
    "path_name": re.compile(r"(weight|tensor)_\d+", re.ASCII),
    "as_string": re.compile(r".*", re.DOTALL),  # arguments of operators: never more than text
    "as_strings": re.compile(r".*", re.DOTALL),
}
_DROPPED = {"metadata": dict, "guards_code": list}  # where code came from, and checks of inputs, as code


class _Refused(Exception):
    """Why a file is not read: what it holds."""


def read_program(path: str | Path) -> bytes:
    """The bytes of a file; a `UserError` where it is missing."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file; {_REMEDY}") from None


def load_program(content: bytes, source: str, device: str) -> Callable[[Tensor], Tensor]:
    """The network in the bytes of a file, on `device`; `source` names the file in messages.

    TorchScript is loaded by torch's own interpreter, which runs no Python. A torch.export archive is checked
    before torch's reader sees it, since that reader unpickles where it is asked to and makes Python code of
    names: pickled weights, objects and inputs, compiled code, calls of anything but operators, expressions
    other than of sizes and names with other than letters, digits, '_' and '.' are refused. Raises
    `UserError` for these and for any other file.
    """
    names = _names(content, source)
    if any(name == "constants.pkl" for name in names) and any(name.startswith("code/") for name in names):
        return _loaded(lambda: _script(content, device), source)
    if "models/model.json" not in names:
        kind = "a pickled module, which could run code" if "data.pkl" in names else "no program"
        raise UserError(f"{source}: holds {kind}; {_REMEDY}")
    checked = _checked_export(content, names, source)

    def load() -> Callable[[Tensor], Tensor]:
        from torch.export.passes import move_to_device_pass

        program = torch.export.load(io.BytesIO(checked))
        found: Callable[[Tensor], Tensor] = move_to_device_pass(program, device).module(check_guards=False)
        return found

    return _loaded(load, source)


def _script(content: bytes, device: str) -> nn.Module:
    module: nn.Module = torch.jit.load(io.BytesIO(content), map_location=device)  # type: ignore[no-untyped-call]
    return module.eval()


def write_program(module: nn.Module, example: Tensor, source: str) -> bytes:
    """The bytes of a file that `load_program` reads back.

    TorchScript stays TorchScript; any other module is exported with `example`, float (2, C, H, W), for
    batches of any size: the same bytes for the same module on any machine. Raises `UserError` for a module
    that torch.export cannot follow.
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
    return _checked_export(content.getvalue(), _names(content.getvalue(), source), source)


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
            try:
                checked.writestr(zipfile.ZipInfo(full), _checked_file(name, archive.read(full)))
            except (_Refused, ValueError) as error:
                raise UserError(f"{source}: refused, it holds {error}; {_REMEDY}") from None
    return anew.getvalue()


def _checked_file(name: str, data: bytes) -> bytes:
    """A file of an archive as it may be read: JSON without what could become code, tensors as they are."""
    if name.endswith(".json"):
        return json.dumps(_checked_json(json.loads(data))).encode()
    if name.startswith("data/sample_inputs/"):
        if not _holds_tensors_alone(data):
            raise _Refused("pickled inputs")
        return data
    tensor = re.fullmatch(r"data/(weights/weight|constants/tensor)_\d+", name)
    known = name in ("byteorder", "version", "archive_format", "archive_version") or name.startswith(".data/")
    if not (tensor or known):
        raise _Refused(f"a file {name!r}")
    return data


def _checked_json(value: Any, key: str = "") -> Any:
    """The same value without `_DROPPED`; raises `_Refused` for a string that is not what its key allows."""
    if isinstance(value, str) and not _STRINGS.get(key, _NAME).fullmatch(value):
        raise _Refused(f"{key} {value[:60]!r}")
    if isinstance(value, list):
        return [_checked_json(part, key) for part in value]
    if not isinstance(value, dict):
        return value
    called = value.get("target") if "inputs" in value else None
    if called is not None and (
        not _OPERATOR.fullmatch(str(called)) or str(called).startswith(_FILE_OPERATORS)
    ):
        raise _Refused(f"a call of {str(called)[:60]!r}")
    if value.get("use_pickle"):
        raise _Refused("pickled tensors")
    for name in value:
        _checked_json(name)
    return {
        name: _DROPPED[name]() if name in _DROPPED else _checked_json(part, name)
        for name, part in value.items()
    }


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
    # torch goes on with how to switch the safety off.
    return (lines[0] if lines else type(error).__name__).split(" This file can still be loaded")[0][:160]
