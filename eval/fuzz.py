"""Parsers before a coverage-guided fuzzer: does anything but a `UserError` come out?

    python eval/fuzz.py [--seconds 600] [--targets dicom report xml predicate]

atheris (libFuzzer for Python; `pip install atheris`) mutates inputs towards code that none has reached yet,
in a process a target (`common.fuzz_target`) that may take 1 GB more than at its start, and 10 s an input. It
begins with whole inputs: DICOMs in every encoding that is written here, reports, predicates. What comes out
that is no `UserError`, hangs or ends the process is a finding, told once for each place in the code. Writes
eval/results/fuzz.json and .md.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from common.fuzz_target import INPUT_SECONDS, MEMORY, TARGETS
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say
from faults import PREDICATES, REPORT, XML, written_dicoms

READS = {
    "dicom": "tags and pixels of a DICOM",
    "report": "sections and labels of a report",
    "xml": "a report of Open-i",
    "predicate": "`--where`",
}
STATUS = re.compile(r"#\d+\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
DONE = re.compile(r"Done (\d+) runs in (\d+) second")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--seed", "--results")
    parser.add_argument("--seconds", type=int, default=600, help="in all, shared out evenly")
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    given = parser.parse_args(arguments)
    if importlib.util.find_spec("atheris") is None:
        raise UserError("atheris is not installed; pip install atheris (Linux, macOS), and run this again")
    with tempfile.TemporaryDirectory() as temporary:
        seeds = first_inputs(Path(temporary), given.seed)
        rows: list[dict[str, Any]] = []
        findings: list[dict[str, Any]] = []
        for target in given.targets:
            folder = Path(temporary) / target
            write_inputs(folder / "corpus", seeds[target])
            seconds = max(1, given.seconds // len(given.targets))
            row, found = fuzzed(target, folder, seconds, given.seed)
            say(f"{target}: {row}")
            rows, findings = [*rows, row], [*findings, *found]
    limits = {"seconds": INPUT_SECONDS, "megabytes": MEMORY >> 20}
    summary = {"seed": given.seed, "atheris": version("atheris"), "limits": limits}
    write_results(
        given.results, "fuzz", {**summary, "targets": rows, "findings": findings}, markdown(rows, findings)
    )


def first_inputs(folder: Path, seed: int) -> dict[str, list[bytes]]:
    """Whole inputs of each target."""
    made = import_dataset("phantom", folder / "phantom", n_patients=4, image_size=64, seed=seed).studies
    reports = [text.encode() for text in made["report"].dropna()[:9]]
    return {
        "dicom": written_dicoms(folder, made["path"][0]),
        "report": [REPORT, *reports],
        "xml": [XML],
        "predicate": [text.encode() for text in PREDICATES],
    }


def write_inputs(folder: Path, inputs: list[bytes]) -> None:
    folder.mkdir(parents=True)
    for number, content in enumerate(inputs):
        (folder / str(number)).write_bytes(content)


def fuzzed(target: str, folder: Path, seconds: int, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fuzz one target: its row of the table, and its findings."""
    words = [sys.executable, "-m", "common.fuzz_target", target, str(folder / "found.jsonl")]
    flags: dict[str, object] = {
        "max_total_time": seconds,
        "timeout": INPUT_SECONDS,
        "rss_limit_mb": 0,
        "seed": seed + 1,
    }
    flags |= {"max_len": 2**17, "artifact_prefix": f"{folder}/"}
    words += [*(f"-{name}={value}" for name, value in flags.items()), str(folder / "corpus")]
    with open(folder / "log", "wb") as log:
        code = subprocess.run(words, cwd=Path(__file__).parent, stdout=log, stderr=log).returncode
    said = (folder / "log").read_text(errors="replace")
    status, done = STATUS.search(said), DONE.search(said)
    row = {
        "target": target,
        "executions": int(done[1]) if done else 0,
        "seconds": int(done[2]) if done else 0,
        "coverage": int(status[1]) if status else 0,
        "features": int(status[2]) if status else 0,
        "inputs_kept": int(status[3]) if status else 0,
    }
    found = [{"target": target} | each for each in read_lines(folder / "found.jsonl")]
    for path in sorted(folder.glob("*-*")):  # libFuzzer's own: crash-HASH, timeout-HASH
        kind = path.name.partition("-")[0]
        found.append({"target": target, "what": kind, "where": "", "input": path.read_bytes().hex()})
    if done is None and not any(each["where"] == "" for each in found):
        found.append({"target": target, "what": f"exit code {code}", "where": said[-300:], "input": ""})
    return {**row, "findings": len(found)}, found


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def markdown(rows: list[dict[str, Any]], findings: list[dict[str, Any]]) -> str:
    executions, seconds = sum(row["executions"] for row in rows), sum(row["seconds"] for row in rows)
    said = f"{executions:,} executions in {seconds / 60:.0f} minutes; {len(findings)} findings."
    columns = {
        "target": "{target}",
        "reads": "{reads}",
        "executions:": "{executions:,}",
        "edges reached:": "{coverage:,}",
        "features:": "{features:,}",
        "inputs kept:": "{inputs_kept:,}",
        "findings:": "{findings}",
    }
    parts = [said, table(columns, [{**row, "reads": READS[row["target"]]} for row in rows])]
    lines = [f"- {each['target']}: {each['what']}, {each['where']}" for each in findings]
    return document(*parts, *(["\n".join(lines)] if lines else []))


if __name__ == "__main__":
    run(main)
