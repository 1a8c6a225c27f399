from __future__ import annotations

import re

import numpy as np

from cxrneighbors.data.schema import SECTIONS
from cxrneighbors.phantom.patients import Patient, Study, sample_patient
from cxrneighbors.phantom.report_grammar import Report, write_report

PATIENTS = [sample_patient(index, seed=5) for index in range(500)]
# Words of the test's own, so that they check the grammar's data rather than repeat it.
WORDS = {
    "Effusion": r"effusion|pleural fluid",
    "Pneumothorax": r"pneumothorax|pleural air",
    "Cardiomegaly": r"cardiomegaly|enlarge",
    "Edema": r"edema",
    "Atelectasis": r"atelecta|volume loss|collapse",
}
NEGATIVE = re.compile(
    r"^(no|there is no|negative for|.*\b(without|not|within normal|normal in)\b)", re.IGNORECASE
)


def reports() -> list[tuple[Patient, Study, Report]]:
    return [
        (patient, study, write_report(patient, study, np.random.default_rng(study.seed)))
        for patient in PATIENTS
        for study in patient.studies
    ]


REPORTS = reports()


def sentences(report: Report) -> list[str]:
    text = " ".join(report.sections.get(name, "") for name in ("findings", "impression"))
    return re.split(r"(?<=[.])\s+(?=[A-Z])", text)


def test_sections_and_text_agree() -> None:
    for _, _, report in REPORTS:
        assert set(report.sections) <= set(SECTIONS)
        assert report.text == "\n\n".join(f"{name.upper()}: {body}" for name, body in report.sections.items())
        assert "{" not in report.text and "impression" in report.sections


def test_the_section_parser_reads_them_back() -> None:
    from cxrneighbors.reports.sections import parse_sections

    for _, _, report in REPORTS[:100]:
        assert parse_sections(report.text) == report.sections


def test_a_mention_agrees_with_the_label() -> None:
    for _, study, report in REPORTS:
        for finding, status in report.mentions.items():
            if status == "present":
                assert finding in study.findings
            if status == "absent":
                assert finding not in study.findings


def test_words_say_what_the_mentions_say() -> None:
    checked = 0
    for _, _, report in REPORTS:
        for finding, pattern in WORDS.items():
            named = [line for line in sentences(report) if re.search(pattern, line, re.IGNORECASE)]
            status = report.mentions.get(finding)
            if status == "absent":
                assert all(NEGATIVE.match(line) for line in named), (finding, named)
                checked += bool(named)
            if status is None:
                assert not named or finding in ("Edema", "Cardiomegaly"), (finding, named)
    assert checked > 200


def test_reports_negate_hedge_and_leave_out() -> None:
    statuses = [
        report.mentions.get(finding, "missed") for _, study, report in REPORTS for finding in study.findings
    ]
    shares = {name: statuses.count(name) / len(statuses) for name in ("present", "uncertain", "missed")}
    assert shares["present"] > 0.4 and shares["uncertain"] > 0.08 and 0.12 < shares["missed"] < 0.5
    texts = " ".join(report.text for _, _, report in REPORTS).lower()
    for phrase in ("no pleural effusion", "may represent", "___", "cannot be excluded", "degenerative"):
        assert phrase in texts


def test_subtle_findings_are_missed_more_often() -> None:
    missed: dict[bool, list[bool]] = {True: [], False: []}
    for _, study, report in REPORTS:
        for finding in study.findings:
            severity = max(le.severity for le in study.lesions if le.finding == finding)
            missed[severity < 0.4].append(finding not in report.mentions)
    assert np.mean(missed[True]) > np.mean(missed[False]) + 0.08


def test_devices_in_the_report_are_in_the_film() -> None:
    said = 0
    for _, study, report in REPORTS:
        for device, pattern in (("sternotomy wires", "sternotomy"), ("pacemaker", r"pacemaker|pacing")):
            if re.search(pattern, report.sections.get("findings", ""), re.IGNORECASE):
                assert device in study.devices
                said += 1
    assert said > 20


def test_many_paraphrases() -> None:
    texts = {report.text for _, _, report in REPORTS}
    assert len(texts) > 0.97 * len(REPORTS)


def test_same_generator_state_same_report() -> None:
    patient, study, report = REPORTS[0]
    assert write_report(patient, study, np.random.default_rng(study.seed)) == report
