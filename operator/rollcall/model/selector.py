"""Label selectors, as Kubernetes defines them."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Operator(StrEnum):
    """What a requirement asks of the value of a label (meta/v1 LabelSelectorOperator)."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(msgspec.Struct, frozen=True):
    """One line of `matchExpressions`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet this requirement; a missing label meets NotIn."""
        if self.operator is Operator.IN:
            return labels.get(self.key) in self.values
        if self.operator is Operator.NOT_IN:
            return labels.get(self.key) not in self.values
        return (self.key in labels) is (self.operator is Operator.EXISTS)


class LabelSelector(msgspec.Struct, frozen=True, rename="camel"):
    """All of its parts must match; an empty selector matches everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )


_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_COMMA = re.compile(r",(?![^(]*\))")  # outside of a list of values
_SET = re.compile(r"(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(r"(?P<key>[^=!]*?)\s*(?P<operator>==|!=|=)\s*(?P<value>.*)")

SELECTOR_EXAMPLES = "team=shop, tier!=test, 'env in (a,b)', 'env notin (c)', team or '!team'"


def parse_selector(text: str) -> LabelSelector:
    """Parse a selector as kubectl's `--selector` takes it; "" selects everything.

    Follows k8s.io/apimachinery/pkg/labels, without the comparisons of numbers (`<`, `>`).

    Raises:
        ValueError: it is not a selector; the message names the part that is wrong, and what one looks like.
    """
    if not text.strip():
        return LabelSelector()
    return LabelSelector(match_expressions=tuple(_requirement(part.strip()) for part in _COMMA.split(text)))


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = tuple(sorted({value.strip() for value in found["values"].split(",")}))
        return _checked(
            part, found["key"], Operator.IN if found["operator"] == "in" else Operator.NOT_IN, values
        )
    if found := _EQUALITY.fullmatch(part):
        operator = Operator.NOT_IN if found["operator"] == "!=" else Operator.IN
        return _checked(part, found["key"], operator, (found["value"],))
    if part.startswith("!"):
        return _checked(part, part[1:].strip(), Operator.DOES_NOT_EXIST)
    return _checked(part, part, Operator.EXISTS)


def _checked(part: str, key: str, operator: Operator, values: tuple[str, ...] = ()) -> Requirement:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{part!r}: {key!r} is not the name of a label: write {SELECTOR_EXAMPLES}")
    for value in values:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{part!r}: {value!r} is not the value of a label: write {SELECTOR_EXAMPLES}")
    return Requirement(key, operator, values)
