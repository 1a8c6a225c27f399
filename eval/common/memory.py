"""The memory that a process holds, and the most that it has held."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def peak_gb() -> float:
    """Peak resident memory of this process since its program began, in GB (10⁹ bytes).

    Linux counts in `getrusage` what the parent held when it started this process; VmHWM does not.
    """
    found = _status("VmHWM")
    if found is not None:
        return found
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 3)


def resident_gb() -> float:
    """Resident memory of this process now, in GB; NaN where the system does not say (no /proc)."""
    found = _status("VmRSS")
    return float("nan") if found is None else found


def _status(name: str) -> float | None:
    """A line of /proc/self/status, in GB."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return None if found is None else round(int(found[1]) * 1024 / 1e9, 3)
