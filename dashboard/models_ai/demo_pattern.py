"""Regular expressions of a JSON Schema: which are safe to run, and a text that one of them matches."""

import re
import re._parser as parser  # type: ignore[import-not-found, unused-ignore]
import string
from typing import Any

_UNBOUNDED = 32
_MOST_UNBOUNDED = 4
_LONGEST = 500
_ALPHABET = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:/@"
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def is_costly(pattern: str) -> bool:
    """Whether matching could take exponential time, or the pattern is not one Python knows."""
    if len(pattern) > _LONGEST:
        return True
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return True
    return _weight(tree, inside=False) > _MOST_UNBOUNDED


def _weight(tree: Any, inside: bool) -> int:
    """How many open-ended repeats there are; one inside another, or a choice inside one, counts as too many."""
    total = 0
    for op, argument in tree:
        name = str(op)
        if name in _REPEATS:
            least, most, body = argument
            open_ended = most > _UNBOUNDED
            if (open_ended and inside) or least > 10_000:
                return _MOST_UNBOUNDED + 1
            total += open_ended + _weight(body, inside or open_ended)
        elif name == "BRANCH":
            if inside:
                return _MOST_UNBOUNDED + 1
            total += sum(_weight(branch, inside) for branch in argument[1])
        elif name == "SUBPATTERN":
            total += _weight(argument[-1], inside)
        elif name in ("ASSERT", "ASSERT_NOT"):
            total += _weight(argument[1], inside)
        elif name in ("GROUPREF_EXISTS", "ATOMIC_GROUP"):
            return _MOST_UNBOUNDED + 1
    return total


def sample(pattern: str, variant: int) -> str:
    """A text the pattern matches as far as it has no lookarounds. Variants differ; a higher one repeats more."""
    return _Sampler(variant).text(parser.parse(pattern))


class _Sampler:
    def __init__(self, variant: int) -> None:
        self._variant = variant
        self._groups: dict[int, str] = {}

    def text(self, tree: Any) -> str:
        return "".join(self._one(str(op), argument) for op, argument in tree)

    def _one(self, op: str, argument: Any) -> str:
        if op == "LITERAL":
            return chr(argument)
        if op == "NOT_LITERAL":
            return next(c for c in _ALPHABET if ord(c) != argument)
        if op == "ANY":
            return "a"
        if op == "IN":
            fitting = [c for c in _candidates(argument) if _in_class(c, argument)]
            return fitting[self._variant % len(fitting)] if fitting else ""
        if op == "BRANCH":
            branches = argument[1]
            return self.text(branches[self._variant % len(branches)])
        if op == "SUBPATTERN":
            inner = self.text(argument[-1])
            if argument[0] is not None:
                self._groups[argument[0]] = inner
            return inner
        if op == "GROUPREF":
            return self._groups.get(argument, "")
        if op in _REPEATS:
            least, most, body = argument
            wanted = max(least, 1) + (2**self._variant - 1 if self._variant < 8 else 127)
            return "".join(self.text(body) for _ in range(min(wanted, most)))
        return ""


def _candidates(items: Any) -> str:
    """Characters to try: those the class names first."""
    named = "".join(
        chr(value) if str(op) == "LITERAL" else chr(value[0])
        for op, value in items
        if str(op) in ("LITERAL", "RANGE")
    )
    return _ALPHABET + named


def _in_class(char: str, items: Any) -> bool:
    negated = bool(items) and str(items[0][0]) == "NEGATE"
    return negated != any(_matches(char, str(op), value) for op, value in items)


def _matches(char: str, op: str, value: Any) -> bool:
    if op == "LITERAL":
        return ord(char) == value
    if op == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    if op == "CATEGORY":
        kind = str(value).removeprefix("CATEGORY_")
        test = {"DIGIT": str.isdigit, "SPACE": str.isspace, "WORD": lambda c: c.isalnum() or c == "_"}
        result = test[kind.removeprefix("NOT_")](char)
        return not result if kind.startswith("NOT_") else result
    return False
