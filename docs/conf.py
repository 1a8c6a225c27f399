"""The documentation site: Markdown pages, examples that run when it is built, reference from docstrings."""

from __future__ import annotations

import typer
from sphinx.application import Sphinx

from cxrneighbors import __version__
from cxrneighbors.cli.main import app as command_line

project = "cxrneighbors"
author = "the cxrneighbors authors"
copyright = author
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
html_theme = "furo"
html_title = "cxrneighbors"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False

myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # progress

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
default_role = "code"  # docstrings write names in single backticks


def command_reference(app: Sphinx, page: str, source: list[str]) -> None:
    """Append to page `commands` what each verb says of itself."""
    if page == "commands":
        for name, verb in typer.main.get_command(command_line).commands.items():
            context = typer.Context(verb, info_name=f"cxrneighbors {name}", terminal_width=100)
            source[0] += f"\n## {name}\n\n```text\n{verb.get_help(context)}\n```\n"


def setup(app: Sphinx) -> None:
    """Connect it to the build."""
    app.connect("source-read", command_reference)
