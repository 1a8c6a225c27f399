"""Work in a process of its own, so that its memory and its first steps are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from common.memory import peak_gb

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from benchmarks.fresh import answer; answer(*sys.argv[2:])"
)


def fresh(module: str, function: str, *arguments: Any) -> dict[str, Any]:
    """What `function` of a module (JSON in, a dict out) says in a new process, with its `peak_gb`."""
    eval_folder = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", _CODE, eval_folder, module, function, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def answer(module: str, function: str, arguments: str) -> None:
    """Call the function; what it says is the last line that is printed."""
    found = getattr(import_module(module), function)(*json.loads(arguments))
    print(json.dumps(found | {"peak_gb": peak_gb()}))
