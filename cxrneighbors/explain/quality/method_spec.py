"""A method with its options in one text: `kp-lime:fill=neighbour:policy=diverse`, `rise:keep=0.3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.counterfactual import most_calls
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.perturb import Fill, read_fill
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality.references import EXPLAINERS
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.registry import RIVALS
from cxrneighbors.explain.sigma_lime import SigmaLime

ALIASES = {"masks": "n_masks"}
CALLS = "calls"
# What all rows of a benchmark share, or no text can give.
SHARED = ("segmentation", "segments", "seed", "stability", "index")
ONE_FILM = ("lime", "alime")  # the methods that mask the target alone, P times
PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class MethodSpec:
    """`name` of a method, rival or reference; `options`: values by field, in the order of their names.

    Options are fields of `Masking` (`masks` for `n_masks`) and of `Neighbourhood`, the method's or the
    rival's own, and `calls`: how often the classifier may be asked, turned into masks. The film as it is
    comes on top; what Contrast-LIME scores besides its masked films comes off (`_besides`).
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """As it is written, options in order: the same for the same options."""
        return ":".join([self.name, *(f"{option}={_written(value)}" for option, value in self.options)])

    def without(self, *names: str) -> MethodSpec:
        """The same method without these options."""
        return MethodSpec(self.name, tuple(each for each in self.options if each[0] not in names))

    def over(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of `build_explainer`, these put over `options`; a `UserError` where both say something.

        `calls` belong to comparisons and are refused.
        """
        given = dict(self.options)
        if CALLS in given:
            raise UserError(f"method {self.text!r}: calls are for comparing methods; give masks")
        for name in given:
            if options.get(name) not in (None, given[name]):
                raise UserError(f"method {self.text!r}: {name} is given twice; leave one of the two out")
        return {**options, **given}

    def build(self, predictor: Predictor, masking: Masking, neighbourhood: Neighbourhood) -> Explainer:
        """The explainer: its options over those of the benchmark's `masking` and `neighbourhood`.

        Rivals are granted (K + 1) · P calls, as many as KP-LIME takes, unless `calls` or `masks` say
        otherwise. Raises `UserError` for a value out of its range.
        """
        given = self._at_calls()
        around = replace(neighbourhood, **_of(Neighbourhood, given))
        equal = (around.k + 1) * masking.n_masks
        if self.name in RIVALS:
            n_masks = given.get(CALLS, equal)
        elif CALLS in given:
            besides = _besides(given, around.k) if self.name == ContrastLime.name else 0
            n_masks = (given[CALLS] - besides) // (films := _films_masked(self.name, around.k))
            if n_masks < 1:
                raise UserError(
                    f"method {self.text!r}: one mask of each film takes {besides + films} calls; "
                    f"give more than {given[CALLS]}"
                )
        else:
            n_masks = masking.n_masks
        chosen = replace(masking, **{"n_masks": n_masks, **_of(Masking, given)})
        own = {name: given[name] for name in _own(self.name) if name in given}
        if self.name in RIVALS:
            return RivalExplainer(RIVALS[self.name](**own), predictor, masking=chosen, neighbourhood=around)
        return EXPLAINERS[self.name](predictor, masking=chosen, neighbourhood=around, **own)

    def _at_calls(self) -> dict[str, Any]:
        """The options; where `calls` count, Contrast-LIME looks for no counterfactual unless it is asked to.

        It does not change the weights, and its calls are better spent on masks.
        """
        given = dict(self.options)
        if CALLS in given and self.name == ContrastLime.name:
            given.setdefault("counterfactual", False)
        return given


def parse_method(text: str) -> MethodSpec:
    """Read `NAME:OPTION=VALUE:…`; a `UserError` for an unknown name or option, or a value of another kind.

    >>> parse_method("kp-lime:policy=diverse:fill=neighbour").text
    'kp-lime:fill=neighbour:policy=diverse'
    """
    name, *parts = split_outside(text.strip(), ":")
    choose("method", name, known_methods())
    kinds, found = _kinds(name), dict[str, Any]()
    for part in parts:
        option, equals, value = part.partition("=")
        option = ALIASES.get(option.strip(), option.strip())
        if not equals:
            raise UserError(f"method {text!r}: {part!r} is no option; write OPTION=VALUE")
        choose(f"option of method {name}", option, sorted(kinds))
        if option in found:
            raise UserError(f"method {text!r}: option {option} is given twice")
        found[option] = _value(name, option, value.strip(), kinds[option])
    if CALLS in found and "n_masks" in found:
        raise UserError(f"method {text!r}: calls and masks exclude each other; give one")
    if found.get(CALLS, 1) < 1:
        raise UserError(f"method {text!r}: calls must be at least 1")
    return MethodSpec(name, tuple(sorted(found.items())))


def parse_methods(text: str) -> list[str]:
    """Texts of methods in a list: `lime,rise:keep=0.3`; commas in brackets or quotation marks are kept."""
    return [part.strip() for part in split_outside(text, ",") if part.strip()]


def known_methods() -> list[str]:
    """Names that a method can have: the methods, the rivals and the references."""
    return [*METHODS, *RIVALS, *(name for name in EXPLAINERS if name not in METHODS)]


def title_of(text: str) -> str:
    """For readers: a method's title, and its options as they are written."""
    name, *options = split_outside(text, ":")
    known: Mapping[str, Any] = {**EXPLAINERS, **RIVALS}
    title = str(known[name].title) if name in known else name
    return f"{title}, {', '.join(options)}" if options else title


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator` outside brackets and quotation marks.

    >>> split_outside("a,b(c,d),'e,f'", ",")
    ['a', 'b(c,d)', "'e,f'"]
    """
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "([") - (letter in ")]") if not quote else 0
        if letter == separator and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _films_masked(name: str, k: int) -> int:
    """How many films a method masks P times each; Contrast-LIME masks one, but (K + 1) · P times."""
    return 1 if name in ONE_FILM else k if name == SigmaLime.name else k + 1


def _besides(given: Mapping[str, Any], k: int) -> int:
    """Films that Contrast-LIME scores at most to turn the decision, and at least to find donors by score.

    Near films that the classifier does not admit as donors are scored too, and cannot be known beforehand:
    an explanation's `classifier_calls` counts them.
    """
    flip = most_calls(k) if given["counterfactual"] else 0
    return flip + (1 + k if given.get("donors") == "classifier" else 0)


def _own(name: str) -> dict[str, Any]:
    """Types of the options that only this method has."""
    if name in RIVALS:
        hints = get_type_hints(RIVALS[name])
        return {each.name: hints[each.name] for each in fields(RIVALS[name])}  # type: ignore[arg-type]
    hints = get_type_hints(EXPLAINERS[name].__init__)
    return {option: hints.get(option, Any) for option in EXPLAINERS[name].own_options}


def _kinds(name: str) -> dict[str, Any]:
    """Types of all options of a method."""
    found: dict[str, Any] = {CALLS: int}
    for part in (Masking, Neighbourhood):
        hints = get_type_hints(part)
        found |= {f.name: hints[f.name] for f in fields(part) if f.init and f.name not in SHARED}
    return found | _own(name)


def _of(part: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the given options those that are fields of `part`."""
    return {each.name: given[each.name] for each in fields(part) if each.name in given}


def _value(name: str, option: str, text: str, kind: Any) -> Any:
    """The text as a value of its option's type; X | None is read as X, a fill as `read_fill` does."""
    if kind == Fill:
        return read_fill(text)
    choices = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    kinds = [each for each in choices if each in PLAIN and each is not NoneType]
    if not kinds:
        raise UserError(f"method {name!r}: option {option} cannot be given as text; use Python")
    try:
        if kinds[0] is bool:
            return {"true": True, "false": False}[text.lower()]
        return kinds[0](text)
    except (ValueError, KeyError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}[kinds[0]]
        raise UserError(f"method {name!r}: {option} is {text!r}; give {expected}") from None


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
