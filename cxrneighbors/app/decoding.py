"""Uploaded bytes to pixels in a process of their own, with limits on time and memory, never on disk.

A decoder that a crafted file breaks, or keeps busy, is another process's decoder: this one goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np

from cxrneighbors.errors import UserError

MOST_BYTES = 64 * 2**20  # of a file
SECONDS = 40.0  # to decode one, its process's start included
CPU_SECONDS = 15  # of them with the processor
MEMORY = 3 * 2**30  # bytes of address space
_COMMAND = (sys.executable, "-m", "cxrneighbors.app.decoder")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_MARKS = ((0, b"\x89PNG\r\n\x1a\n"), (0, b"\xff\xd8\xff"), (128, b"DICM"))
_KIND = "the file is no PNG, JPEG or DICOM; choose a film in one of these"
_BROKEN = "the film cannot be read: it is damaged or of a kind that is not supported"
_LARGE = "the film is too large: at most 50 million pixels are read; make it smaller"


@dataclass
class Decoders:
    """Decodes uploads, each in a new process; one is started ahead, so that nobody waits for its start."""

    _spare: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def decode(self, content: bytes) -> np.ndarray:
        """A PNG, JPEG or DICOM as float32 (H, W) in [0, 1]; see `pixels.read_pixels`.

        Raises `UserError` for another kind of file, one over `MOST_BYTES`, and one that cannot be decoded
        within the limits. It names neither the file nor anything in it.
        """
        if len(content) > MOST_BYTES:
            raise UserError(
                f"the file is too large: at most {MOST_BYTES // 2**20} MB are taken; make it smaller"
            )
        if not any(content[at : at + len(mark)] == mark for at, mark in _MARKS):
            raise UserError(_KIND)
        process = self._take()
        try:
            found, _ = process.communicate(content, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise UserError("the film takes too long to read; make it smaller") from None
        if process.returncode != 0:
            raise UserError(_LARGE if process.returncode == 3 else _BROKEN)
        height, width = np.frombuffer(found[:8], dtype=np.int32)
        return np.frombuffer(found, dtype=np.float32, offset=8).reshape(height, width)

    def start_ahead(self) -> None:
        """Start the process of the next upload. It ends with this one, whose pipe it reads."""
        pipe = subprocess.PIPE
        environment = os.environ | _ONE_THREAD
        started = subprocess.Popen(
            _COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
        )
        self._spare.append(started)

    def _take(self) -> subprocess.Popen[bytes]:
        try:
            process = self._spare.pop()
        except IndexError:
            self.start_ahead()
            process = self._spare.pop()
        self.start_ahead()
        return process

    def close(self) -> None:
        """End the processes that wait."""
        while self._spare:
            process = self._spare.pop()
            process.kill()
            process.communicate()
