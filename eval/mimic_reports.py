"""MIMIC-CXR's reports at their real number: parsed, labelled and embedded from the zip, in constant memory.

    python eval/mimic_reports.py [--sizes 14239 56958 227835] [--minilm 2000] [--work FOLDER]

Writes zips of the published shape (files/p10/p10000032/s50414267.txt) with generated reports, headed as
MIMIC-CXR's are, where the work folder has none of that size, then reads each in a fresh process, a thousand
reports at a time: sections, labels, TF-IDF vectors of what describes the image (its words learned on the
first 10,000 reports), all written to disk. Memory is the process's peak, and what is resident at each
quarter of the way. MiniLM is timed on a sample, and its time for all reports is extrapolated from that.
Writes eval/results/mimic_reports.json and mimic_reports.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.markdown import document, table
from common.options import options, run
from common.results import write_results

REPORTS = 227_835
ARCHIVE = "mimic-cxr-reports.zip"
WORDS, LEARNED_ON = 384, 10_000  # of TF-IDF: as many dimensions as MiniLM has
STAGES = ("read", "parsed", "labelled", "embedded")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--seed", "--work", "--results", work=Path("build/eval/mimic-reports"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[REPORTS // 16, REPORTS // 4, REPORTS])
    parser.add_argument("--minilm", type=int, default=2000, help="reports of the sample; 0: none")
    parser.add_argument("--only", choices=("stream", "minilm"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.only:
        work = stream if given.only == "stream" else embed_sample
        print(json.dumps(work(given.work, given.minilm)))
        return
    rows = []
    for size in sorted(given.sizes):
        place = given.work / f"{size}-seed{given.seed}"
        if not (place / ARCHIVE).exists():
            write_zip(place / ARCHIVE, size, given.seed)
        rows.append(alone("stream", place, 0))
    sample = alone("minilm", place, given.minilm) if given.minilm else None
    result = {"sizes": rows, "minilm": sample, "load_average_at_end": round(os.getloadavg()[0], 1)}
    write_results(given.results, "mimic_reports", result, markdown(result))


def alone(what: str, place: Path, sample: int) -> dict[str, Any]:
    """What `what` finds in a fresh process, whose memory is its own."""
    command = [sys.executable, __file__, "--only", what, "--work", str(place), "--minilm", str(sample)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_zip(path: Path, n: int, seed: int) -> None:
    """`n` generated reports in the published zip's shape, three or four a patient."""
    from cxrneighbors.files import atomic_path
    from cxrneighbors.testing.mimic_style import styled_report
    from sections import phantom_sections

    rng = np.random.default_rng(seed)
    studies = (50_000_000 + rng.permutation(9_999_999)[:n]).tolist()
    subjects = np.sort(10_000_000 + rng.integers(0, 9_999_999, max(1, 65_379 * n // REPORTS)))
    of_study = np.sort(rng.choice(subjects, n)).tolist()
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for subject, study, sections in zip(of_study, studies, phantom_sections(seed), strict=False):
            text = styled_report(sections, rng).text
            archive.writestr(f"files/p{str(subject)[:2]}/p{subject}/s{study}.txt", text)


def stream(place: Path, _: int) -> dict[str, Any]:
    """Parse, label and embed the zip in `place`, block by block; seconds of CPU by stage, and memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cxrneighbors.data.mimic.report_files import decode_report
    from cxrneighbors.data.mimic.report_stream import open_reports
    from cxrneighbors.encoders.shards import Shard, shard_path, write_shard
    from cxrneighbors.encoders.tfidf import TfidfEncoder
    from cxrneighbors.reports.labeler.labels import label_report
    from cxrneighbors.reports.sections import parse_sections
    from cxrneighbors.reports.selection import chosen_text

    started = time.perf_counter()
    imported = resident_mb()
    source = open_reports(place / ARCHIVE)
    names = sorted(source.names())
    memory = {"imported": imported, "zip_opened": resident_mb()}
    encoder = TfidfEncoder(WORDS).fit([described(source, name) for name in names[:LEARNED_ON]])
    memory["learned"] = resident_mb()
    seconds: Counter[str] = Counter()
    sources: Counter[str | None] = Counter()
    n_labels = 0
    schema = pa.schema([("study_id", pa.string()), ("finding", pa.string()), ("status", pa.string())])
    blocks = [names[first : first + 1000] for first in range(0, len(names), 1000)]
    quarters = {f"quarter {part}": max(1, round(part * len(blocks) / 4)) for part in range(1, 5)}
    with pq.ParquetWriter(place / "labels.parquet", schema) as labels:
        for number, block in enumerate(blocks):
            clock = [time.process_time()]
            texts = [decode_report(source.read(name) or b"")[0] for name in block]
            clock.append(time.process_time())
            sections = [parse_sections(text) for text in texts]
            clock.append(time.process_time())
            rows = [
                (name, label.finding, label.status)
                for name, text in zip(block, texts, strict=True)
                for label in label_report(text)
            ]
            labels.write_table(pa.table(list(map(pa.array, zip(*rows, strict=True))), schema=schema))
            clock.append(time.process_time())
            chosen = [chosen_text(*each) for each in zip(texts, sections, strict=True)]
            vectors = encoder.encode([text or "" for text, _ in chosen])
            write_shard(shard_path(place, "report", number), [Shard(block, vectors)])
            clock.append(time.process_time())
            seconds.update(dict(zip(STAGES, np.diff(clock).tolist(), strict=True)))
            sources.update(source for _, source in chosen)
            n_labels += len(rows)
            memory |= {part: resident_mb() for part, at in quarters.items() if at == number + 1}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return {
        "reports": len(names),
        "labels": n_labels,
        "read_by": {str(name): count for name, count in sources.most_common()},
        "per_cpu_second": {stage: round(len(names) / seconds[stage]) for stage in STAGES},
        "cpu_seconds": {stage: round(seconds[stage], 1) for stage in STAGES},
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mb": round(peak),
        "resident_mb": memory,
        "load_average": round(os.getloadavg()[0], 1),
    }


def embed_sample(place: Path, n: int) -> dict[str, Any]:
    """MiniLM on `n` reports drawn from the zip in `place`: measured; its time for all: extrapolated."""
    from cxrneighbors.data.mimic.report_stream import open_reports
    from cxrneighbors.encoders.report_encoder import ReportEncoder

    source = open_reports(place / ARCHIVE)
    names = sorted(source.names())
    drawn = np.random.default_rng(0).choice(len(names), min(n, len(names)), replace=False)
    texts = [described(source, names[i]) for i in drawn]
    encoder = ReportEncoder(device="cpu")
    encoder.encode(texts[:32])
    clock, cpu = time.perf_counter(), time.process_time()
    encoder.encode(texts)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    return {
        "reports": len(texts),
        "per_second": round(len(texts) / clock, 1),
        "per_cpu_second": round(len(texts) / cpu, 1),
        "extrapolated_cpu_hours_for_all": round(REPORTS / (len(texts) / cpu) / 3600, 2),
    }


def described(source: Any, name: str) -> str:
    """What the report called `name` says of the image."""
    from cxrneighbors.data.mimic.report_files import read_report
    from cxrneighbors.reports.selection import report_text

    report = read_report(source, name)
    return report_text(report.text, report.sections) or ""


def resident_mb() -> int:
    """Memory that this process holds now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def markdown(result: dict[str, Any]) -> str:
    columns = {"reports:": "{reports:,}"}
    columns |= {f"{stage} a CPU second:": f"{{per_cpu_second[{stage}]:,}}" for stage in STAGES}
    columns |= {"seconds:": "{seconds}", "zip opened, MB:": "{resident_mb[zip_opened]:,}"}
    columns |= {f"quarter {n}, MB:": f"{{resident_mb[quarter {n}]:,}}" for n in range(1, 5)}
    columns |= {"peak, MB:": "{peak_mb:,}"}
    blocks = [
        "Generated reports of MIMIC-CXR's shape, read from a zip a thousand at a time in one process;\n"
        f"embedded: TF-IDF of {WORDS} words. What grows with the zip is the list of its members.",
        table(columns, result["sizes"]),
    ]
    if sample := result["minilm"]:
        hours = sample["extrapolated_cpu_hours_for_all"]
        blocks.append(
            f"MiniLM on a sample of {sample['reports']:,} of them: {sample['per_cpu_second']} reports a CPU\n"
            f"second; for all {REPORTS:,} {hours} CPU hours, which is extrapolated, not measured."
        )
    return document(*blocks)


if __name__ == "__main__":
    run(main)
