from __future__ import annotations

import io

from PIL import Image

from cxrneighbors.figures import DPI, new_figure, to_png


def test_equal_figures_are_equal_files_of_the_size_asked_for() -> None:
    def drawn(constrained: bool) -> bytes:
        figure = new_figure(2, 1.5, constrained)
        figure.add_subplot().plot([0, 1])
        return to_png(figure)

    assert drawn(True) == drawn(True) != drawn(False)
    assert Image.open(io.BytesIO(drawn(False))).size == (2 * DPI, 1.5 * DPI)
