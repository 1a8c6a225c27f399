import subprocess
import sys
from pathlib import Path

import pytest

from common import memory

CODE = "import sys; sys.path.insert(0, {!r}); {}from common.memory import peak_gb; print(peak_gb())"


def child(work=""):
    """Peak of a process that does `work` first."""
    code = CODE.format(str(Path(memory.__file__).parents[1]), work)
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="Linux only")
def test_the_peak_is_the_processs_own():
    held = bytearray(b"x") * 300_000_000
    assert memory.peak_gb() > 0.3
    with_it = memory.resident_gb()
    assert child() < 0.2
    assert child("x = bytearray(b'x') * 200_000_000; del x; ") > 0.2
    assert len(held) == 300_000_000
    del held
    assert 0.25 < with_it - memory.resident_gb() < 0.35
