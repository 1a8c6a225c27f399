"""Open-i's reports: XML in a folder or a tar archive."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from bad_inputs.changes import both, cut, flip, remove, write
from bad_inputs.place import XML
from common.trials import Case

GOOD = XML.format(7).encode()
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10))
    + b"]><eCitation><uId id='1'/><AbstractText>&k;</AbstractText></eCitation>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<eCitation><uId id='1'/><AbstractText>&a;</AbstractText></eCitation>"
)
FOLDER, ARCHIVE = "import openi xml --out new.parquet", "import openi xml.tgz --out new.parquet"


def cases() -> list[Case]:
    return [*files(), *archives(), *nothing()]


def files() -> list[Case]:
    """One bad report among three good ones: it is listed."""
    bad = {
        "empty": b"", "cut": GOOD[:90], "zeros": bytes(500), "no XML": b"hello", "HTML":
        b"<html><p>x</html>", "no report": b"<other/>", "no id": GOOD.replace(b"uId", b"no"), "blank id":
        GOOD.replace(b"CXR7", b""), "an id twice": GOOD.replace(b"CXR7", b"CXR1"), "laughs": LAUGHS,
        "entity of a file": OUTSIDE, "open comment": b"<!--" + GOOD, "two roots": GOOD + GOOD,
        "unknown encoding": b'<?xml version="1.0" encoding="nope"?>' + GOOD, "not in its encoding":
        b'<?xml version="1.0" encoding="utf-8"?>' + GOOD.replace(b"Clear", b"Cl\xe9r"),
        "forbidden letter": GOOD.replace(b"Clear", b"Cl\x01r"), "unknown entity": GOOD.replace(b"C",
        b"&no;", 1),
    }  # fmt: skip
    return [
        Case(FOLDER, r"7\.xml|duplicate", write("xml/7.xml", content), "listed", f"XML: {name}", three_kept)
        for name, content in bad.items()
    ] + [
        Case(FOLDER, "4 images", write("xml/7.xml", content), "listed", f"XML read: {name}")
        for name, content in {
            "nested deeply": GOOD.replace(b"Clear", b"<b>" * 2000 + b"x" + b"</b>" * 2000),
            "text of a megabyte": GOOD.replace(b"Clear", b"clear " * 2**17),
            "UTF-16 without mark": GOOD.decode().encode("utf-16-le"),
            "no text": GOOD.replace(b"AbstractText", b"Other"),
            "script": GOOD.replace(b"Clear", b"&lt;script&gt;alert(1)&lt;/script&gt;"),
        }.items()
    ]


def three_kept(here: Path, out: str) -> None:
    from cxrneighbors.data.tables import read_table

    table = read_table(here / "new.parquet")
    assert len(table) == 3 and "root:" not in str(table["report"].tolist())


def archives() -> list[Case]:
    bad = {
        "empty": b"", "no tar": b"hello" * 300, "zeros": bytes(10240), "gzip of nothing": gzip.compress(b""),
        "gzip of text": gzip.compress(b"hello" * 300), "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(2000),
        "a zip": b"PK\x03\x04" + bytes(2000), "no XML in it": tar({"a.txt": GOOD}),
        "members without bytes": tar({"a.xml": b""}),
        "folders alone": tar({}, links={"a.xml": ""}),
    }  # fmt: skip
    found = [
        Case(ARCHIVE, r"xml\.tgz", write("xml.tgz", content), name=f"archive: {name}")
        for name, content in bad.items()
    ]
    strange = {
        "path that climbs": tar({"../../../evil.xml": GOOD, "b.xml": XML.format(8).encode()}),
        "absolute path": tar({"/tmp/evil.xml": GOOD}),
        "link to a file outside": tar({"a.xml": GOOD}, links={"b.xml": "/etc/passwd"}),
        "one bad of two": tar({"a.xml": b"<", "b.xml": GOOD}),
        "the same twice": tar({"a.xml": GOOD, "b.xml": GOOD}),
    }
    found += [
        Case(ARCHIVE, "images of", write("xml.tgz", content), "listed", f"archive read: {name}", stays_inside)
        for name, content in strange.items()
    ]
    found += [
        Case(ARCHIVE, "damaged after|cannot be read", cut("xml.tgz", 0.5), name="archive: cut in half"),
        Case(ARCHIVE, r"xml\.tgz", flip("xml.tgz", 0.1), name="archive: bytes changed"),
        Case(
            ARCHIVE,
            "damaged after",
            both(
                write("xml.tgz", tar({f"{n}.xml": XML.format(n).encode() for n in range(300)}, "w")),
                cut("xml.tgz", 0.7),
            ),
            "listed",
            "archive: plain tar cut",
        ),
    ]
    return found


def stays_inside(here: Path, out: str) -> None:
    from cxrneighbors.data.tables import read_table

    assert not (here.parent / "evil.xml").exists() and not Path("/tmp/evil.xml").exists()
    assert "root:" not in str(read_table(here / "new.parquet")["report"].tolist())


def nothing() -> list[Case]:
    return [
        Case("import openi nope --out new.parquet", "nope"),
        Case("import openi empty --out new.parquet", "no report XML"),
        Case("import openi films --out new.parquet", "no report XML"),
        Case("import openi notes.txt --out new.parquet", "notes.txt"),
        Case("import openi studies.parquet --out new.parquet", "studies.parquet"),
        Case(
            FOLDER,
            "report|xml",
            both(*[write(f"xml/{n}.xml", "<") for n in range(3)]),
            name="all reports bad",
        ),
        Case(f"{FOLDER} --images optional", "images", name="openi takes no --images"),
        Case("import openi xml.tgz --out new.parquet", "xml.tgz", remove("xml.tgz"), name="no archive"),
    ]


def tar(members: dict[str, bytes], mode: str = "w:gz", links: dict[str, str] | None = None) -> bytes:
    """A tar archive of these; `links`: symbolic ones, or a folder where it leads nowhere."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
        for name, target in (links or {}).items():
            about = tarfile.TarInfo(name)
            about.type, about.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.DIRTYPE, "")
            archive.addfile(about)
    return stream.getvalue()
