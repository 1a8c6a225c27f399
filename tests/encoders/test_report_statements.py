from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from cxrneighbors.encoders.report_losses import statement_loss
from cxrneighbors.encoders.report_statements import statement_of, statement_triples

REPORTS = [
    "Small left pleural effusion. The heart is enlarged.",
    "A left effusion is present. Two views.",
    "Cardiomegaly. There is a right pleural effusion.",
]


def test_what_a_sentence_states() -> None:
    assert ("Pleural Effusion", "present", "left") in statement_of("Small left pleural effusion.")
    assert statement_of("A left effusion is present.") == statement_of("Small left pleural effusion.")
    assert statement_of("No effusion.") != statement_of("An effusion.") and not statement_of("Two views.")


def test_every_statement_has_a_partner_and_an_opposite() -> None:
    studies = pd.DataFrame({"report": REPORTS, "sections": None, "findings": [[]] * 3})
    triples = statement_triples(studies)
    said = [sentence for report in REPORTS for sentence in report.split(". ")]
    assert len(triples) == len(said) - 1 == 5  # all but "Two views."
    for sentence, partner, opposite in triples:
        assert statement_of(sentence) == statement_of(partner) != statement_of(opposite), sentence
    partners = {sentence: partner for sentence, partner, _ in triples}
    assert partners["A left effusion is present."] == "Small left pleural effusion."
    right = "There is a right pleural effusion."
    assert partners[right] == right
    assert {"left", "right"} & {word for *_, opposite in triples for word in opposite.lower().split()}


def test_the_loss_counts_the_own_opposite_and_not_what_states_the_same() -> None:
    rng = np.random.default_rng(0)
    first, second, opposite = rng.normal(size=(3, 4, 5))
    same = np.eye(4, dtype=bool)
    same[0, 2] = same[2, 0] = True
    found = statement_loss(*map(torch.tensor, (first, second, opposite)), torch.tensor(same), 0.5)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    losses = []
    for i in range(4):
        others = [j for j in range(4) if j == i or not same[i, j]]
        scores = [cosine(first[i], second[j]) for j in others] + [cosine(first[i], opposite[i])]
        own = cosine(first[i], second[i])
        losses.append(np.log(np.exp(np.array(scores) / 0.5).sum()) - own / 0.5)
    np.testing.assert_allclose(float(found), np.mean(losses), rtol=1e-6)
