"""The search tab: what is asked on the left, the target and its neighbours on the right."""

from __future__ import annotations

import sys
import traceback
from html import escape
from typing import Any

import gradio as gr

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.cards import answers_html
from cxrneighbors.app.empty import empty_state
from cxrneighbors.app.link import from_link
from cxrneighbors.app.query import MANY, MOST, OLDEST, Query
from cxrneighbors.app.shown import without_paths
from cxrneighbors.app.static_html import PICKER, TOOLS
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.views import VIEWS
from cxrneighbors.errors import UserError
from cxrneighbors.statistics.patients import ONE_PER

POLICIES = [
    ("Nearest", "nearest"),
    ("Diverse: near, unlike in findings", "diverse"),
    ("Cluster of the target", "cluster"),
    ("Random, to compare with", "random"),
]
VIEW_NAMES = {"LATERAL": "Lateral", "UNKNOWN": "Unknown"}
WELCOME = empty_state(
    "Which films look and read like this one?",
    "Choose a film of the index, bring one of your own, or describe one in words. Its nearest neighbours "
    "among other patients appear here, with what they share.",
)
AT_ONCE = 8  # searches of all visitors; one that waits for an encoder holds up no other
# Inputs in the order in which the page sends them.
NAMES = (
    *("targets", "text", "share", "k"),
    *("findings", "views", "sexes", "age_from", "age_to", "where"),
    *("policy", "one_per", "same_patient"),
)
FILM, UPLOAD = "film:", "upload:"  # how a line of the hidden list of targets begins
FAULT = "The explorer met a fault of its own; its terminal says which."


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks` and connect its events."""
    with gr.Row(elem_classes="cxr-search"):
        with gr.Column(scale=0, min_width=320, elem_classes="cxr-ask"):
            asked = _targets_asked(archive)
            button = gr.Button("Search", variant="primary", elem_id="cxr-go")
            with gr.Accordion("Filters", open=True, elem_id="cxr-filters"):
                asked |= _filters(archive)
                status = gr.HTML(elem_id="cxr-status")
            with gr.Accordion("Which neighbours", open=False, elem_id="cxr-which"):
                asked |= _choice()
            controls = {name: asked[name] for name in NAMES}
        with gr.Column(scale=1, min_width=320, elem_classes="cxr-found"):
            gr.HTML(TOOLS, elem_id="cxr-tools")
            results = gr.HTML(WELCOME, elem_id="cxr-results")
    link = gr.Textbox(elem_id="cxr-link", visible="hidden", label="Link")
    inputs = list(controls.values())

    def run(*values: Any) -> tuple[str, str]:
        return _run(archive, uploads, read_query(archive, dict(zip(controls, values, strict=True))))

    def restore(text: str) -> list[Any]:
        query = from_link(text)
        return [*shown_values(archive, query), *_run(archive, uploads, query)]

    started = [controls[name].submit for name in ("text", "where", "age_from", "age_to")]
    started += [controls[name].input for name in ("targets", "views", "sexes", "findings")]
    started += [controls[name].input for name in ("one_per", "policy", "same_patient")]
    started += [controls[name].release for name in ("share", "k")]
    quiet: dict[str, Any] = {
        "api_visibility": "private",
        "show_progress_on": results,
        "concurrency_limit": AT_ONCE,
    }
    gr.on([button.click, *started], run, inputs, [results, status], trigger_mode="always_last", **quiet)
    link.input(restore, link, [*inputs, results, status], **quiet).then(None, js="() => cxr.restored()")
    gr.on(None, None, js="() => cxr.started()")


def _targets_asked(archive: Archive) -> dict[str, Any]:
    """Inputs of what to search by; what this index cannot do is switched off."""
    plain = Query()
    made: dict[str, Any] = {}
    reads, fused = "report" in archive.modalities, "fused" in archive.modalities
    gr.HTML(PICKER, elem_id="cxr-picker")
    made["targets"] = gr.Textbox(elem_id="cxr-targets", visible="hidden", label="Targets", lines=2)
    made["text"] = gr.Textbox(
        label="Words of a report",
        placeholder="large right pneumothorax, chest tube" if reads else "",
        info=None if reads else "This index has no reports: encode them to search by words.",
        interactive=reads,
        lines=2,
        max_lines=6,
        elem_id="cxr-text",
    )
    made["share"] = gr.Slider(
        0,
        100,
        round(100 * archive.image_share),
        step=5,
        label="Weight of the image, % (the rest is the report's)",
        interactive=fused,
        visible=fused,
        elem_id="cxr-share",
    )
    made["k"] = gr.Slider(1, MOST, plain.k, step=1, label="Neighbours", elem_id="cxr-k")
    return made


def _filters(archive: Archive) -> dict[str, Any]:
    """Inputs of which films may be found."""
    made: dict[str, Any] = {}
    views = [view for view in VIEWS if (archive.studies["view"] == view).any()]
    made["findings"] = gr.Dropdown(
        [(name.replace("_", " "), name) for name in archive.findings],
        multiselect=True,
        label="Findings (any of them)",
        elem_id="cxr-findings",
    )
    made["views"] = gr.CheckboxGroup(
        [(VIEW_NAMES.get(view, view), view) for view in views], label="View", elem_id="cxr-views"
    )
    made["sexes"] = gr.CheckboxGroup([("Female", "F"), ("Male", "M")], label="Sex", elem_id="cxr-sexes")
    with gr.Row(elem_classes="cxr-ages"):
        for name, label, age in (("age_from", "Age from", 0), ("age_to", "Age to", OLDEST)):
            made[name] = gr.Number(
                age,
                label=label,
                minimum=0,
                maximum=OLDEST,
                precision=0,
                min_width=100,
                elem_id=f"cxr-{name.replace('_', '-')}",
            )
    made["where"] = gr.Textbox(
        label="Predicate",
        placeholder="mentions('chest tube') and age > 60",
        elem_id="cxr-where",
        lines=1,
        max_lines=4,
    )
    return made


def _choice() -> dict[str, Any]:
    """Inputs of how neighbours are chosen among these."""
    plain = Query()
    return {
        "policy": gr.Dropdown(POLICIES, value=plain.policy, label="Chosen as", elem_id="cxr-policy"),
        "one_per": gr.Radio(
            [(f"one per {name}", name) for name in reversed(ONE_PER)],
            value=plain.one_per,
            label="At most",
            elem_id="cxr-one-per",
        ),
        "same_patient": gr.Checkbox(
            label="The target's own patient too", value=plain.same_patient, elem_id="cxr-same-patient"
        ),
    }


def read_query(archive: Archive, values: dict[str, Any]) -> Query:
    """The query that the controls show, by `NAMES`."""
    share = None if values["share"] is None else values["share"] / 100
    own = share is None or abs(share - archive.image_share) < 0.005
    low, high = values["age_from"], values["age_to"]
    ages = sorted((int(low or 0), OLDEST if high is None else int(high)))
    return Query(
        image_ids=_targets(values["targets"], FILM),
        uploads=_targets(values["targets"], UPLOAD),
        text=values["text"] or "",
        share=None if own or "fused" not in archive.modalities else share,
        k=int(values["k"]),
        views=tuple(values["views"] or ()),
        sexes=tuple(values["sexes"] or ()),
        ages=(ages[0], ages[1]),
        findings=tuple(values["findings"] or ()),
        where=values["where"] or "",
        same_patient=bool(values["same_patient"]),
        one_per=values["one_per"],
        policy=values["policy"],
    )


def shown_values(archive: Archive, query: Query) -> list[Any]:
    """What the controls show for a query, by `NAMES`: the reverse of `read_query`."""
    low, high = query.ages
    share = archive.image_share if query.share is None else query.share
    values = {
        "targets": "\n".join([FILM + name for name in query.image_ids] + [UPLOAD + t for t in query.uploads]),
        "text": query.text,
        "share": round(100 * share),
        "k": query.k,
        "findings": [name for name in query.findings if name in archive.findings],
        "views": list(query.views),
        "sexes": list(query.sexes),
        "age_from": low,
        "age_to": high,
        "where": query.where,
        "policy": query.policy,
        "one_per": query.one_per,
        "same_patient": query.same_patient,
    }
    return [values[name] for name in NAMES]


def _run(archive: Archive, uploads: Uploads, query: Query) -> tuple[str, str]:
    """HTML of the results and of the line below the filters."""
    try:
        return _guarded(archive, uploads, query)
    except UserError as error:
        text = without_paths(str(error)).removeprefix("where: ")
        return empty_state("The predicate cannot be read", text), _alert(text)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return _alert(FAULT), ""


def _guarded(archive: Archive, uploads: Uploads, query: Query) -> tuple[str, str]:
    passing = int(archive.allowed(query).sum())
    line = ""
    if query.filter():
        line = f"<p>{passing:,} of {len(archive.studies):,} films pass the filters.</p>"
    if not query.asks:
        return WELCOME, line
    found = archive.search(query, uploads)
    return answers_html(found, query, archive.classifier is not None), line


def _alert(text: str) -> str:
    return f'<p class="cxr-error" role="alert">{escape(text)}</p>'


def _targets(text: str | None, kind: str) -> tuple[str, ...]:
    lines = dict.fromkeys((text or "").split("\n"))
    return tuple(line.removeprefix(kind) for line in lines if line.startswith(kind) and line != kind)[:MANY]
