"""What notebooks show: short HTML that needs nothing else, every text escaped, every picture inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxrneighbors.files import write_text_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours come from the page around it, so that a dark notebook stays dark.
STYLE = """
.cxr {font: 13px/1.45 system-ui, sans-serif; max-width: 90em}
.cxr .title {font-weight: 600; margin: 0 0 .3em}
.cxr p {margin: .2em 0}
.cxr table {border-collapse: collapse; margin: .3em 0}
.cxr td, .cxr th {padding: .15em .9em .15em 0; text-align: left; vertical-align: top; background: none;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); font-size: 13px}
.cxr th {font-weight: 600}
.cxr .number {text-align: right; font-variant-numeric: tabular-nums}
.cxr .row {display: flex; flex-wrap: wrap; gap: .7em; margin: .3em 0 1em}
.cxr figure {margin: 0; width: calc((100% - 5.2em) / 6); min-width: 9.5em}
.cxr figure.target {outline: 2px solid currentColor; outline-offset: 4px; margin: 4px .8em 0 4px}
.cxr figure img, .cxr figure .none {width: 100%; aspect-ratio: 1; object-fit: contain; background: #000;
  color: #ccc; display: block}
.cxr figure .none {display: grid; place-items: center; text-align: center; padding: 1em;
  box-sizing: border-box}
.cxr figcaption {font-size: 12px; overflow-wrap: anywhere}
.cxr mark {background: #ffd76a; color: #000; padding: 0 .2em; border-radius: 2px}
.cxr .panel {max-width: 100%; background: #fff}
.cxr .quiet {opacity: .75}
"""
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body {{margin: 1.5em; color: #111; background: #fff}}</style>
{body}
</html>
"""


@dataclass(frozen=True, repr=False)
class Shown:
    """Something to look at: a notebook displays it, `save` writes it as a page that opens without network.

    `title`: what it is, in a line; `body`: HTML, its texts escaped.
    """

    title: str
    body: str

    def save(self, path: str | Path) -> None:
        """Write one HTML file, in one step."""
        write_text_atomic(Path(path), _PAGE.format(title=escape(self.title), body=self._repr_html_()))

    def _repr_html_(self) -> str:
        return card(self.title, self.body)

    def __repr__(self) -> str:
        """The title, and how to see the rest outside a notebook."""
        return f"<{self.title}; .save('page.html') writes it>"


def card(title: str, *parts: str) -> str:
    """A heading with HTML below it, with the style that the parts need."""
    return (
        f'<style>{STYLE}</style><div class="cxr"><p class="title">{escape(title)}</p>{"".join(parts)}</div>'
    )


def line(text: str) -> str:
    """A paragraph of one text."""
    return f"<p>{escape(text)}</p>"


def facts(values: Mapping[str, object]) -> str:
    """A table of names and values; what is None or '' is left out."""
    rows = [(name, value) for name, value in values.items() if value not in (None, "")]
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, the first column to the left and the others, numbers, to the right."""
    sides = ["", *[' class="number"'] * (len(headers) - 1)]
    head = "".join(f"<th{side}>{escape(text)}</th>" for side, text in zip(sides, headers, strict=True))
    lines = [
        "".join(f"<td{side}>{escape(text)}</td>" for side, text in zip(sides, row, strict=True))
        for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{cells}</tr>' for cells in lines)}</table>"


def png_tag(picture: bytes | Figure, alt: str) -> str:
    """A PNG or figure inside the page, two pixels to one of the page's, narrower where there is no room."""
    if isinstance(picture, bytes):
        content = picture
    else:
        stream = io.BytesIO()
        picture.savefig(stream, format="png", dpi=200)
        content = stream.getvalue()
    width = int.from_bytes(content[16:20], "big") // 2  # the header's
    return f'<img class="panel" width="{width}" alt="{escape(alt)}" src="{_data_uri(content, "png")}">'


def film_tag(pixels: np.ndarray, alt: str, side: int = 320) -> str:
    """A film (H, W) in [0, 1] inside the page, as a JPEG of at most `side` pixels a side."""
    from PIL import Image

    image = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=85)
    return f'<img alt="{escape(alt)}" src="{_data_uri(stream.getvalue(), "jpeg")}">'


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
