"""The most memory that a process has held."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def peak_gb() -> float:
    """Peak resident memory of this process since its program began, in GB (10⁹ bytes).

    Linux counts in `getrusage` what the parent held when it started this process; VmHWM does not.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    if found:
        return round(int(found[1]) * 1024 / 1e9, 3)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 3)
