"""negspaCy or medspaCy's ConText on given phrases of given sentences; `labeler_rivals` runs it in an
environment that has the library, which this package does not need.

    python eval/labeler_spacy.py negspacy|medspacy < TASKS

TASKS: JSON, a list of {"text": sentence, "span": [first, last character]}. Prints a JSON list of 'present',
'absent', 'uncertain'. Blank English, no model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

LABEL = "FINDING"


def main() -> None:
    library, tasks = sys.argv[1], json.load(sys.stdin)
    nlp = import_module("spacy").blank("en")
    nlp.add_pipe("sentencizer")
    judge = {"negspacy": negspacy, "medspacy": medspacy}[library](nlp)
    print(json.dumps([judge(*marked(nlp, task["text"], task["span"])) for task in tasks]))


def marked(nlp: Any, text: str, span: tuple[int, int]) -> tuple[Any, Any]:
    """The sentence as a document with its phrase as an entity."""
    doc = nlp(text)
    found = doc.char_span(*span, label=LABEL, alignment_mode="expand")
    doc.ents = [found]
    return doc, found


def negspacy(nlp: Any) -> Callable[[Any, Any], str]:
    """Negated or not, by its clinical term set."""
    phrases = import_module("negspacy.termsets").termset("en_clinical").get_patterns()
    negex = import_module("negspacy.negation").Negex(nlp, "negex", phrases, ent_types=[LABEL])
    return lambda doc, span: "absent" if negex(doc).ents[0]._.negex else "present"


def medspacy(nlp: Any) -> Callable[[Any, Any], str]:
    """Negated, uncertain, or for another time (historical, hypothetical: states nothing, 'absent')."""
    context = import_module("medspacy.context").ConText(nlp)

    def judge(doc: Any, span: Any) -> str:
        said = context(doc).ents[0]._
        if said.is_negated or said.is_historical or said.is_hypothetical:
            return "absent"
        return "uncertain" if said.is_uncertain else "present"

    return judge


if __name__ == "__main__":
    main()
