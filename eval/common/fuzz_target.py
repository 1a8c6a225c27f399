"""One parser before atheris, in a process of its own: `python -m common.fuzz_target TARGET FINDINGS [FLAGS]`.

Modules are instrumented as they are imported, so that nothing of the package is imported before.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

MEMORY = 2**30  # bytes that inputs may take
INPUT_SECONDS = 10
# What is instrumented for each target.
TARGETS = {
    "dicom": ("cxrneighbors.data", "pydicom.filereader", "pydicom.fileutil", "pydicom.filebase",
              "pydicom.dataset", "pydicom.dataelem", "pydicom.values", "pydicom.valuerep", "pydicom.multival",
              "pydicom.charset", "pydicom.encaps", "pydicom.pixels", "pydicom.sequence"),
    "report": ("cxrneighbors.reports",),
    "xml": ("cxrneighbors.data", "xml"),
    "predicate": ("cxrneighbors.index", "cxrneighbors.reports"),
}  # fmt: skip


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    target, findings = sys.argv[1], Path(sys.argv[2])
    with atheris.instrument_imports(include=list(TARGETS[target])):
        read = reader(target, findings.parent)
        for path in Path(sys.argv[-1]).iterdir():  # imports what whole inputs need
            read(path.read_bytes())
    one = judged(read, findings)
    limit_memory()
    atheris.Setup([sys.argv[0], *sys.argv[3:]], one)
    atheris.Fuzz()


def reader(target: str, folder: Path) -> Callable[[bytes], object]:
    """What reads the bytes of an input."""
    from common.broken_files import READERS, a_table

    if target == "xml":  # a folder with this report alone
        from cxrneighbors.data.readers.openi import read

        (folder / "reports").mkdir()

        def read_xml(content: bytes) -> None:
            (folder / "reports" / "1.xml").write_bytes(content)
            read(folder / "reports")

        return read_xml
    if target == "predicate":
        predicates = a_table()
        return lambda content: predicates.evaluate(content.decode("utf-8", errors="replace"))
    path = folder / "input"

    def read_file(content: bytes) -> None:
        path.write_bytes(content)
        READERS[target](path)

    return read_file


def judged(read: Callable[[bytes], object], findings: Path) -> Callable[[bytes], None]:
    """`read`, whose errors but `UserError` are written to `findings`, a line for each place in the code."""
    from cxrneighbors.errors import UserError

    seen: set[str] = set()

    def one(content: bytes) -> None:
        try:
            read(content)
        except UserError as error:
            if "\n" in str(error).strip():
                note("more than one line", str(error)[:200], content)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno} {' '.join(str(error).split())[:120]}"
            note(type(error).__name__, where, content)

    def note(what: str, where: str, content: bytes) -> None:
        key = f"{what} {where.split(' ')[0]}"
        if key not in seen:
            seen.add(key)
            with open(findings, "a", encoding="utf-8") as stream:
                stream.write(json.dumps({"what": what, "where": where, "input": content.hex()}) + "\n")

    return one


def limit_memory() -> None:
    """`MEMORY` more than is taken now, so that an input that wants it gets a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
