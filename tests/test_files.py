import errno
import hashlib
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import save_file

from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import (
    atomic_dir,
    atomic_path,
    check_parents,
    read_json,
    sha256_file,
    write_bytes_atomic,
    write_json_atomic,
    write_text_atomic,
)


def test_text_and_bytes_are_written_into_new_folders(tmp_path):
    write_text_atomic(tmp_path / "a" / "b.txt", "Größe\n")
    write_bytes_atomic(tmp_path / "a" / "c.bin", b"\x00\xff")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "Größe\n".encode()
    assert (tmp_path / "a" / "c.bin").read_bytes() == b"\x00\xff"
    assert sorted(os.listdir(tmp_path / "a")) == ["b.txt", "c.bin"]


def test_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_failed_folder_leaves_the_old_folder_and_no_rest(tmp_path):
    final = tmp_path / "d"
    final.mkdir()
    (final / "old").touch()
    with pytest.raises(RuntimeError), atomic_dir(final) as temporary:
        (temporary / "new").touch()
        raise RuntimeError
    assert os.listdir(final) == ["old"]
    assert os.listdir(tmp_path) == ["d"]


def test_folder_replaces_the_old_one_whole(tmp_path):
    final = tmp_path / "d"
    final.mkdir()
    (final / "old").touch()
    with atomic_dir(final) as temporary:
        (temporary / "new").touch()
    assert os.listdir(final) == ["new"]
    assert os.listdir(tmp_path) == ["d"]


def test_json_round_trip_and_nan_refused(tmp_path):
    write_json_atomic(tmp_path / "v.json", {"b": 1, "a": ["ä"]})
    assert read_json(tmp_path / "v.json", "make it") == {"b": 1, "a": ["ä"]}
    with pytest.raises(ValueError):
        write_json_atomic(tmp_path / "v.json", float("nan"))


def test_json_errors_name_file_and_remedy(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UserError, match=r"none\.json: no such file; run it"):
        read_json(tmp_path / "none.json", "run it")
    with pytest.raises(UserError, match=r"broken\.json.*run it"):
        read_json(tmp_path / "broken.json", "run it")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"deep\.json: cannot be read as JSON .*; run it"):
        read_json(tmp_path / "deep.json", "run it")


def test_sha256_of_a_file_longer_than_one_block(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "x").write_bytes(content)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_choose_lists_what_is_known():
    assert choose("aspect", "pad", ("pad", "crop")) == "pad"
    with pytest.raises(UserError, match="unknown aspect 'fit'; choose one of: pad, crop"):
        choose("aspect", "fit", ("pad", "crop"))


def test_nothing_lies_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"{tmp_path / 'file'}: is a file"):
        check_parents(tmp_path / "file" / "deep" / "x.csv")
    check_parents(tmp_path / "new" / "deep" / "x.csv")
    check_parents("x.csv")


def test_errors_of_writing_name_the_path(tmp_path, full_disk):
    target = tmp_path / "weights.safetensors"
    for save in (
        lambda path: save_file({"w": np.zeros(9999, np.float32)}, path),
        lambda path: np.zeros(9999).tofile(path),
        lambda path: torch.save(torch.zeros(9999), path),
        lambda path: path.write_bytes(bytes(9999)),
        lambda path: pq.write_table(pa.table({"a": np.arange(9999)}), path),
    ):
        with full_disk(1000), pytest.raises(OSError) as caught, atomic_path(target) as temporary:
            save(temporary)
        assert caught.value.filename == str(target)
        assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError) as other, atomic_path(target):
        (tmp_path / "not" / "mine").read_bytes()
    assert other.value.filename == str(tmp_path / "not" / "mine")
