from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cxrneighbors.hub import cannot_load, hash_model_files, is_hub_name, looks_like_path


@pytest.mark.parametrize(
    ("text", "hub", "path"),
    [
        ("facebook/dinov2-base", True, False),
        ("weights/net.pth", False, False),
        ("./net", False, True),
        ("a/b/c", False, True),
        ("pixels", False, False),
    ],
)
def test_names_and_paths(text: str, hub: bool, path: bool) -> None:
    assert (is_hub_name(text), looks_like_path(text)) == (hub, path)


def test_hash_covers_the_weights_that_are_loaded_and_the_settings_asked_for(tmp_path: Path) -> None:
    assert hash_model_files(tmp_path) == ""
    (tmp_path / "a.bin").write_bytes(b"old")
    (tmp_path / "config.json").write_text("{}")
    first = f"a.bin {hashlib.sha256(b'old').hexdigest()}"
    assert hash_model_files(tmp_path) == hashlib.sha256(first.encode()).hexdigest()
    (tmp_path / "model.safetensors").write_bytes(b"new")
    alone = hash_model_files(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"other")
    assert hash_model_files(tmp_path) == alone != hash_model_files(tmp_path, ("config.json", "gone.json"))


def test_an_error_becomes_one_line() -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        try:
            raise LocalEntryNotFoundError("long\nstory")
        except LocalEntryNotFoundError as cause:
            raise OSError("We could not connect") from cause
    except OSError as error:
        found = str(cannot_load("model 'x/y'", error, "give a folder"))
    reason = "neither a folder nor in the local cache, and the hub cannot be reached"
    assert found == f"model 'x/y': cannot be loaded ({reason}); give a folder"
    assert (
        str(cannot_load("m", ValueError("One thing. Another\nline"), "r"))
        == "m: cannot be loaded (One thing); r"
    )
    assert str(cannot_load("m", KeyError(), "r")) == "m: cannot be loaded (KeyError); r"
