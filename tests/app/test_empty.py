"""Empty tabs say what is missing and what gives it."""

from __future__ import annotations

from cxrneighbors.app.empty import empty_state


def test_it_is_escaped_and_the_command_is_optional() -> None:
    html = empty_state("<b>", "a & b", "explore <DIR>")
    assert "<h2>&lt;b&gt;</h2><p>a &amp; b</p><pre><code>explore &lt;DIR&gt;</code></pre>" in html
    assert "<pre>" not in empty_state("a", "b")
