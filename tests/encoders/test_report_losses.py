from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cxrneighbors.encoders.report_losses import CHUNK, embed, guided_ranking_loss, ranking_loss


def vectors(seed: int, n: int = 9) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 6, generator=generator) for _ in range(4)]


def test_ranking_loss_equals_sentence_transformers():
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    first, second, _, _ = vectors(0)
    reference = MultipleNegativesRankingLoss(lambda features: features, scale=20.0)
    expected = reference([{"sentence_embedding": first}, {"sentence_embedding": second}], None)
    torch.testing.assert_close(ranking_loss(first, second), expected)


def by_hand(a: np.ndarray, b: np.ndarray, ga: np.ndarray, gb: np.ndarray) -> float:
    """GISTEmbed's loss pair by pair, without negatives that are as near as the partner."""

    def cos(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    losses = []
    for i in range(len(a)):
        own = cos(ga[i], gb[i]) - 1e-4
        kept = [cos(a[i], b[i])]
        for j in range(len(a)):
            if j != i:
                kept += [cos(a[i], b[j])] if cos(ga[i], gb[j]) <= own else []
                kept += [cos(a[i], a[j])] if cos(ga[i], ga[j]) <= own else []
                kept += [cos(b[i], b[j])] if cos(gb[i], gb[j]) <= own else []
        scaled = np.array(kept) / 0.05
        losses.append(np.log(np.exp(scaled).sum()) - scaled[0])
    return float(np.mean(losses))


@pytest.mark.parametrize("seed", range(3))
def test_guided_loss_equals_the_sum_by_hand(seed: int):
    parts = vectors(seed)
    found = guided_ranking_loss(*parts)
    assert float(found) == pytest.approx(by_hand(*[part.double().numpy() for part in parts]), rel=1e-4)


def test_what_the_guide_takes_for_alike_is_no_negative():
    first, second, guide, _ = vectors(3, 4)
    guide[2:] = guide[:2]  # to the guide, reports 0 and 2 say the same, and 1 and 3
    alone = guided_ranking_loss(first, second, guide, guide)
    # A loss of such a batch is that of each report among those that say something else.
    expected = []
    for i, others in enumerate([[1, 3], [0, 2], [1, 3], [0, 2]]):
        rows = [i, *others]
        a, b = torch.nn.functional.normalize(first[rows]), torch.nn.functional.normalize(second[rows])
        scores = torch.cat([a[0] @ b.T, a[0] @ a[1:].T, b[0] @ b[1:].T]) / 0.05
        expected.append(torch.logsumexp(scores, 0) - scores[0])
    torch.testing.assert_close(alone, torch.stack(expected).mean())


def test_equal_texts_of_a_batch_do_not_repel():
    first, second, guide_first, guide_second = vectors(4, 1)
    twice = [torch.cat([part, part]) for part in (first, second, guide_first, guide_second)]
    assert float(guided_ranking_loss(*twice)) == pytest.approx(0)


def test_texts_are_embedded_in_their_own_order():
    texts = tuple("x" * (1 + (7 * i) % 41) for i in range(41))
    sizes: list[int] = []

    class Network:
        device = torch.device("cpu")

        def preprocess(self, batch: list[str]) -> dict[str, torch.Tensor]:
            sizes.append(len(batch))
            return {"length": torch.tensor([[float(len(text))] for text in batch])}

        def __call__(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": features["length"]}

    found = embed(Network(), texts)
    assert found[:, 0].tolist() == [len(text) for text in texts]
    assert sizes == [CHUNK, CHUNK, 41 - 2 * CHUNK]


def test_older_tokenize_is_understood():
    network = SimpleNamespace(
        device=torch.device("cpu"), tokenize=lambda texts: {"n": torch.ones(len(texts))}
    )
    from cxrneighbors.encoders.report_losses import tokens

    assert tokens(network, ["a", "b"])["n"].tolist() == [1, 1]
