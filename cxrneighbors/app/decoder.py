"""The process that decodes one uploaded film: bytes on standard input, pixels on standard output.

Exit code 2: cannot be read; 3: more pixels than are read.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from cxrneighbors.app.decoding import CPU_SECONDS, MEMORY
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError


def main() -> int:
    """Read, decode, write; see the module."""
    _limit()
    import pydicom.pixels  # noqa: F401  # while nobody waits: this process is started ahead

    content = sys.stdin.buffer.read()
    try:
        pixels = _in_memory(content) if hasattr(os, "memfd_create") else _in_file(content)
    except UserError as error:
        too_many = ("million are read", "exceeds limit")  # ours and Pillow's
        return 3 if any(words in str(error) for words in too_many) else 2
    except MemoryError:
        return 3
    sys.stdout.buffer.write(np.array(pixels.shape, dtype=np.int32).tobytes() + pixels.tobytes())
    return 0


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows: time alone is limited
        return
    wanted = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_CORE: 0}
    for kind, most in wanted.items():
        with suppress(ValueError, OSError):  # a lower limit is there already
            resource.setrlimit(kind, (most, most))


def _in_memory(content: bytes) -> np.ndarray:
    handle = os.memfd_create("film")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        return read_pixels(f"/proc/self/fd/{handle}")


def _in_file(content: bytes) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        path.write_bytes(content)
        return read_pixels(path)


if __name__ == "__main__":
    sys.exit(main())
