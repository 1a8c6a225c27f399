"""Programs of torch are run; whatever would unpickle, import or evaluate is refused before torch reads it."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cxrneighbors.encoders import program
from cxrneighbors.errors import UserError

IMAGES = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A small network with a size-dependent reshape."""
    layers = (nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def exported(network: nn.Module) -> bytes:
    """It as torch.export writes it."""
    return program.write_program(network, torch.zeros(2, 1, 16, 16), "network")


def changed(content: bytes, name: str, data: bytes) -> bytes:
    """The archive with the file that ends with `name` replaced, or added."""
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_STORED) as archive:
        for entry in old.namelist():
            if not entry.endswith(name):
                archive.writestr(entry, old.read(entry))
        archive.writestr(f"archive/{name}", data)
    return new.getvalue()


def json_of(content: bytes, name: str) -> Any:
    return json.loads(zipfile.ZipFile(io.BytesIO(content)).read(f"archive/{name}"))


def test_both_kinds_of_program_give_the_networks_numbers(network: nn.Module, exported: bytes) -> None:
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(network), scripted)
    with torch.inference_mode():
        for content in (exported, scripted.getvalue()):
            loaded = program.load_program(content, "file", "cpu")
            for batch in (IMAGES, IMAGES[:1]):  # a query is a batch of one
                torch.testing.assert_close(loaded(batch), network(batch))


def test_the_same_module_is_written_to_the_same_bytes(network: nn.Module, exported: bytes) -> None:
    assert program.write_program(network, torch.zeros(2, 1, 16, 16), "network") == exported


def test_pickles_are_refused(network: nn.Module, exported: bytes, tmp_path: Path) -> None:
    torch.save(network, tmp_path / "module.pt")
    bomb = tmp_path / "exploded"
    torch.save({"weight": Bomb(bomb)}, tmp_path / "bomb.pt")
    for name in ("module.pt", "bomb.pt"):
        with pytest.raises(UserError, match="a pickled module, which could run code; save the network with"):
            program.load_program(program.read_program(tmp_path / name), name, "cpu")
    inputs = io.BytesIO()
    torch.save(((Bomb(bomb),), {}), inputs)
    weights = json_of(exported, "data/weights/model_weights_config.json")
    next(iter(weights["config"].values()))["use_pickle"] = True
    objects = json_of(exported, "data/constants/model_constants_config.json")
    objects["config"]["x"] = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": False}
    for name, data, said in (
        ("data/sample_inputs/model.pt", inputs.getvalue(), "pickled inputs"),
        ("data/weights/model_weights_config.json", json.dumps(weights).encode(), "pickled tensors"),
        (
            "data/constants/model_constants_config.json",
            json.dumps(objects).encode(),
            "path_name 'opaque_obj_0'",
        ),
        ("data/constants/model.pt", pickle.dumps(Bomb(bomb)), r"a file 'data/constants/model\.pt'"),
        ("data/aotinductor/model/a.so", b"x", "a file 'data/aotinductor"),
    ):
        with pytest.raises(UserError, match=rf"^net\.pt2: refused, it holds {said}"):
            program.load_program(changed(exported, name, data), "net.pt2", "cpu")
    assert not bomb.exists()


def test_calls_and_expressions_of_code_are_refused(exported: bytes) -> None:
    graph = json_of(exported, "models/model.json")
    node = graph["graph_module"]["graph"]["nodes"][0]
    for target in ("torch.os.system", "torch.ops.aten.save.default", "_operator.methodcaller", "math.os.x"):
        node["target"] = target
        with pytest.raises(UserError, match=f"a call of '{target}'"):
            program.load_program(
                changed(exported, "models/model.json", json.dumps(graph).encode()), "f", "cpu"
            )
    text = zipfile.ZipFile(io.BytesIO(exported)).read("archive/models/model.json").decode()
    evil, count = re.subn(r'"expr_str":\s*"', r"\g<0>__import__(chr(111)).x()+", text)
    assert count
    with pytest.raises(UserError, match=r"holds expr_str .__import__"):
        program.load_program(changed(exported, "models/model.json", evil.encode()), "f", "cpu")


def test_names_that_would_become_code_are_refused_and_guards_are_not_run(
    network: nn.Module, exported: bytes, tmp_path: Path
) -> None:
    bomb = tmp_path / "exploded"
    graph = json_of(exported, "models/model.json")
    graph["guards_code"] = [f"__import__('pathlib').Path({str(bomb)!r}).touch()"]
    loaded = program.load_program(
        changed(exported, "models/model.json", json.dumps(graph).encode()), "f", "cpu"
    )
    torch.testing.assert_close(loaded(IMAGES), network(IMAGES))
    assert not bomb.exists()
    name = graph["graph_module"]["graph"]["inputs"][-1]["as_tensor"]["name"]
    evil = json.dumps(graph).replace(f'"{name}"', '"x, y=print(1)"')
    with pytest.raises(UserError, match=r"holds \w+ 'x, y=print\(1\)'"):
        program.load_program(changed(exported, "models/model.json", evil.encode()), "f", "cpu")


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"\x80\x02}q\x00."])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^f: no TorchScript or torch.export file; save the network with"):
        program.load_program(content, "f", "cpu")
    with pytest.raises(UserError, match="cannot be read"):
        program.read_program(tmp_path / "gone.pt2")


def test_a_module_that_cannot_be_exported_says_so() -> None:
    class Shaky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1) if float(x.sum()) > 0 else x.flatten(1) * 2

    with pytest.raises(UserError, match=r"^net: cannot be stored \(.*give TorchScript"):
        program.write_program(Shaky(), torch.zeros(2, 1, 4, 4), "net")
