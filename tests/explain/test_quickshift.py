from __future__ import annotations

import numpy as np
import pytest
from skimage.segmentation import quickshift as scikit_image

from cxrneighbors.explain import quickshift as module
from cxrneighbors.explain.quickshift import quickshift
from cxrneighbors.explain.segments import OPTIONS

LIME = OPTIONS["quickshift"]


def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.sin(np.arange(70) / 9), np.cos(np.arange(51) / 7)) / 4 + 0.5
    return {
        "noise": rng.random((41, 67, 3)),
        "grey film": np.repeat(smooth[:, :, None], 3, axis=2),
        "colours": np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=2),
        "flat": np.full((37, 40, 3), 0.4),
        "few levels": np.repeat(np.round(smooth * 3)[:, :, None] / 3, 3, axis=2),
        "one row": rng.random((1, 30, 3)),
        "one column": rng.random((33, 1, 3)),
    }


@pytest.mark.parametrize("name", pictures())
@pytest.mark.parametrize("options", [LIME, {}, {"ratio": 0.0, "kernel_size": 2.5, "max_dist": 6, "seed": 3}])
def test_the_same_segments_as_scikit_image(name: str, options: dict[str, float]) -> None:
    picture = pictures()[name]
    theirs = scikit_image(
        picture, **{"rng" if key == "seed" else key: value for key, value in options.items()}
    )
    np.testing.assert_array_equal(quickshift(picture, **options), theirs)


def test_real_sizes_and_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrneighbors import compiled

    monkeypatch.setattr(compiled, "thread_count", lambda: 3)
    film = np.random.default_rng(1).normal(0.5, 0.1, (224, 224)).cumsum(axis=0).cumsum(axis=1)
    picture = np.repeat(((film - film.min()) / np.ptp(film))[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(quickshift(picture, **LIME), scikit_image(picture, rng=42, **LIME))


def test_close_densities_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without noise, pixels that mirror each other differ in the last bits of their sums alone."""
    half = np.random.default_rng(0).random((48, 24))
    picture = np.repeat(np.concatenate([half, half[:, ::-1]], axis=1)[:, :, None], 3, axis=2)
    normal = np.random.default_rng

    class Quiet:
        def __init__(self, seed: int) -> None:
            self.generator = normal(seed)

        def normal(self, scale: float, size: tuple[int, int]) -> np.ndarray:
            return self.generator.normal(scale=0.0, size=size)

    monkeypatch.setattr(np.random, "default_rng", Quiet)
    theirs = scikit_image(picture, rng=42, **LIME)
    np.testing.assert_array_equal(quickshift(picture, **LIME), theirs)


def test_densities_on_a_device_are_those_of_the_loop() -> None:
    for picture in pictures().values():
        colours = picture * 20
        plain = module._densities(colours, -0.03, 12)
        np.testing.assert_allclose(module._densities_on("cpu", colours, -0.03, 12), plain, atol=1e-10)


def test_other_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\)"):
        quickshift(np.zeros((5, 5)))
    with pytest.raises(ValueError, match=r"kernel_size 0\.5 at least 1"):
        quickshift(np.zeros((5, 5, 3)), kernel_size=0.5)
