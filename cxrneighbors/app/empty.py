"""What a tab shows where it has nothing to show: what is missing, and what gives it."""

from __future__ import annotations

from html import escape


def empty_state(title: str, text: str, command: str = "") -> str:
    """HTML of an empty tab: a title, a sentence, and the command that fills it."""
    code = f"<pre><code>{escape(command)}</code></pre>" if command else ""
    return f'<div class="cxr-empty"><h2>{escape(title)}</h2><p>{escape(text)}</p>{code}</div>'
