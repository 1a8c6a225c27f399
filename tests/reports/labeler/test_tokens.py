import pytest

from cxrneighbors.reports.labeler.tokens import pieces, sentences, singular


def words(text):
    return [sentence.words for sentence in sentences(text)]


def test_sentences_end_at_marks_blank_lines_and_list_items_only():
    text = "Nodule of 1.5 cm vs. scar\nin the apex. Clear\n\nNo effusion\n- No edema\n2. Normal heart"
    assert words(text) == [
        ["nodule", "of", "1.5", "cm", "vs", "scar", "in", "the", "apex", "."],
        ["clear", "."],
        ["no", "effusion", "."],
        ["no", "edema", "."],
        ["2", "."],
        ["normal", "heart", "."],
    ]


def test_places_are_those_of_the_text_even_where_lower_case_is_longer():
    text = "İ said: Effusions; ß."
    for sentence in sentences(text, 3):
        for word, (start, end) in zip(sentence.words, sentence.spans, strict=True):
            assert singular(text[start:end]) == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isn't", ["is", "not", "."]),
        ("can’t", ["can", "not", "."]),
        ("Cannot", ["can", "not", "."]),
        ("won't", ["will", "not", "."]),
    ],
)
def test_negated_verbs_are_two_words(text, expected):
    assert words(text) == [expected]


def test_question_marks_before_a_word_open_it_and_others_close_it():
    assert words("?pneumonia left. Edema? Clear") == [
        ["?", "pneumonia", "left", "."],
        ["edema", "?"],
        ["clear", "."],
    ]


def test_a_question_goes_on_to_its_answer():
    assert words("Effusion? No. Edema?\nYes, mild. Mass?") == [
        ["effusion", "?", "no", "."],
        ["edema", "?", "yes", ",", "mild", "."],
        ["mass", "?"],
    ]
    assert words("Effusion? No mass. Edema? none seen") == [
        ["effusion", "?"], ["no", "mass", "."], ["edema", "?", "none", "seen", "."],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "No effusion. Heart size is 1.5 cm vs. 2.0. before.\n\nEdema? No. Clear",
        "1. Clear lungs. 2. Nodule of approx. 3 mm.\n - Dr. X's film. Mass? \n",
        "Meds. given. It isn't. Can't. cannot. a_b. c-d. (e). .. f.",
        " . ",
    ],
)
def test_pieces_have_the_sentences_of_the_whole(text):
    of_pieces = [
        (sentence.words, [(start + at, end + at) for start, end in sentence.spans])
        for at, piece in pieces(text, 0, len(text))
        for sentence in sentences(piece)
    ]
    assert of_pieces == [(sentence.words, sentence.spans) for sentence in sentences(text)]


def test_nothing_gives_no_sentence():
    assert words("") == [] and words(" \n. ; ___ ") == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Pneumothoraces", "pneumothorax"), ("boxes", "box"), ("thus", "thus"), ("Apices", "apex")],
)
def test_singular(word, expected):
    assert singular(word) == expected
