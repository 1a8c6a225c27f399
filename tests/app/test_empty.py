from cxrneighbors.app.empty import empty_state


def test_what_is_missing_and_what_gives_it_are_text_not_markup():
    made = empty_state("No <evaluation>", "Give one.", "explore idx --evaluation <DIR>")
    assert (
        "<h2>No &lt;evaluation&gt;</h2>" in made
        and "<code>explore idx --evaluation &lt;DIR&gt;</code>" in made
    )
    assert "<pre>" not in empty_state("Empty", "Nothing.")
