"""The look that all pages share: one self-contained HTML file that opens from a mail, without a network.

A page is a template of its own that extends `base.html` and builds its tables with `parts.html`. Everything
is inside it; a content security policy that it carries lets a browser load nothing else and run no script but
the one that sorts tables, without which every table can be read.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors import __version__
from cxrneighbors.pages.citation import PAPERS, bibtex

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
JPEG_QUALITY = 82


def render(template: Path, filters: Mapping[str, Callable[..., str]] | None = None, **values: Any) -> str:
    """The page of a template file with `values`, whose texts are escaped; `filters`: its own, by name."""
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    cited = {"papers": PAPERS, "bibtex": bibtex(__version__), "version": __version__}
    environment = _environment(template.parent)
    environment.filters |= dict(filters or {})
    page = environment.get_template(template.name)
    return str(page.render(script=script, script_hash=f"sha256-{digest}", cited=cited, **values))


def svg_uri(svg: bytes) -> str:
    """An SVG as a data URI."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"


def film_uri(pixels: np.ndarray) -> str:
    """A film, float (H, W) or in colours (H, W, 3), in [0, 1], as the data URI of a JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    whole = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    # Thin coloured lines need colours of their own at every pixel.
    sampling = 0 if whole.ndim == 3 else -1
    Image.fromarray(whole).save(
        buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True, subsampling=sampling
    )
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
