"""What a template's values are once the stack is being made: parameters, conditions, intrinsic functions. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.errors import TemplateMalformed
from daypass.localaws.cloudformation.parameters import as_text
from daypass.localaws.cloudformation.template import order
from daypass.trust.sources.intrinsics import attribute_of, intrinsic, substituted, substitution_of
from daypass.trust.sources.json_file import entries, members, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Never

    from daypass.localaws.cloudformation.template import Template
    from daypass.tokens.strict_json import JsonValue

AFTER_APPLY: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""Stands for what is known only once a resource has been made, as change sets print it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What other resources see of one that is there: what `Ref` gives, and the attributes for `Fn::GetAtt`."""

    reference: str
    attributes: Mapping[str, str] = field(default_factory=dict)


_MOST_WORK: Final = 20_000_000
_WORK_OF_A_VALUE: Final = 20


class _NoValue:
    """`AWS::NoValue`: as if it had not been written."""


_NO_VALUE: Final = _NoValue()


class Values:
    """Resolves the values of one template for one stack.

    Args:
        template: whose references lead somewhere.
        parameters: what `Ref` of each parameter gives.
        pseudo: likewise of each pseudo parameter but `AWS::NoValue`.
        exports: value by export name.
        made: resources that are there, by logical id; may grow while resolving goes on.
        unmade: what stands for a resource that is not there; without it, asking for one is a fault.
    """

    def __init__(
        self,
        template: Template,
        *,
        parameters: Mapping[str, JsonValue],
        pseudo: Mapping[str, JsonValue],
        exports: Mapping[str, str],
        made: Mapping[str, Made],
        unmade: str | None = None,
    ) -> None:
        self._template = template
        self._names = {**pseudo, **parameters}
        self._exports = exports
        self._made = made
        self._unmade = unmade
        self._conditions: dict[str, bool] = {}
        self._imported: set[str] = set()
        self._work = 0

    @property
    def imported(self) -> frozenset[str]:
        """Names of the exports that were used so far."""
        return frozenset(self._imported)

    def wanted(self) -> list[str]:
        """Logical ids whose condition holds, in the order of making.

        Raises:
            TemplateMalformed: when they depend on each other in a circle, or a condition is wrong.
        """
        found = {each.logical_id for each in self._template.resources.values() if self._holds(each.condition)}
        return order(self._template, found)

    def properties(self, logical_id: str) -> dict[str, JsonValue]:
        """The properties of a resource.

        Raises:
            TemplateMalformed: with CloudFormation's text.
        """
        return members(self.value(dict(self._template.resources[logical_id].properties)))

    def outputs(self) -> list[tuple[str, str, str | None, str | None]]:
        """Key, value, description and export name of each output whose condition holds.

        Raises:
            TemplateMalformed: with CloudFormation's text.
        """
        found = []
        for key, declaration in self._template.section("Outputs").items():
            given = members(declaration)
            if not self._holds(text_of(given.get("Condition"))):
                continue
            value = self.value(given.get("Value"))
            if not isinstance(value, str | int | float | bool):
                raise TemplateMalformed(
                    f"Template format error: The Value field of every Outputs member must evaluate to a String. ({key})"
                )
            export = self.value(members(given.get("Export")).get("Name"))
            found.append(
                (key, as_text(value), text_of(given.get("Description")), None if export is None else as_text(export))
            )
        return found

    def check_rules(self) -> None:
        """Hold the parameters against `Rules`.

        Raises:
            TemplateMalformed: with what the first assertion that fails says.
        """
        for name, rule in self._template.section("Rules").items():
            given = members(rule)
            if "RuleCondition" in given and not self._truth(given["RuleCondition"]):
                continue
            for assertion in entries(given.get("Assertions")):
                if not self._truth(members(assertion).get("Assert")):
                    told = text_of(members(assertion).get("AssertDescription")) or "an assertion does not hold"
                    raise TemplateMalformed(f"Rule {name} failed to satisfy its assertion: {told}")

    def value(self, value: JsonValue) -> JsonValue:
        """A value with every intrinsic function carried out.

        Raises:
            TemplateMalformed: with CloudFormation's text.
        """
        resolved = self._any(value)
        return None if isinstance(resolved, _NoValue) else resolved

    def _any(self, value: JsonValue) -> JsonValue | _NoValue:
        self._spend(_WORK_OF_A_VALUE)
        if isinstance(value, list):
            return [each for item in value if not isinstance(each := self._any(item), _NoValue)]
        function = intrinsic(value)
        if function is not None:
            return self._call(*function)
        if isinstance(value, dict):
            found = {key: self._any(each) for key, each in value.items()}
            return {key: each for key, each in found.items() if not isinstance(each, _NoValue)}
        return value

    def _spend(self, work: int) -> None:
        """Count values and characters: a few nested `Fn::Sub` could otherwise ask for more than any memory holds."""
        self._work += work
        if self._work > _MOST_WORK:
            raise TemplateMalformed("The local AWS does not resolve a template whose values grow so much")

    def _call(self, name: str, argument: JsonValue) -> JsonValue | _NoValue:
        if name == "Ref":
            return self._reference(str(argument))
        if name == "Fn::GetAtt":
            parts = attribute_of(argument)
            return self._attribute(*parts) if parts else self._wrong(name)
        if name == "Fn::If":
            match argument:
                case [str(condition), then, otherwise]:
                    return self._any(then if self._holds(condition) else otherwise)
                case _:
                    self._wrong(name)
        function: Callable[[Values, JsonValue], JsonValue] | None = _FUNCTIONS.get(name)
        if function is None:
            raise TemplateMalformed(f"The local AWS does not know the intrinsic function {name}")
        return function(self, argument)

    def _reference(self, name: str) -> JsonValue | _NoValue:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._names:
            return self._names[name]
        made = self._made.get(name)
        return self._not_made(name) if made is None else made.reference

    def _attribute(self, logical_id: str, attribute: str) -> str:
        made = self._made.get(logical_id)
        if made is None:
            return self._not_made(logical_id)
        if attribute not in made.attributes:
            kind = self._template.resources[logical_id].type
            raise TemplateMalformed(
                f"Template error: resource {logical_id} of type {kind} does not support attribute type {attribute} in"
                " Fn::GetAtt"
            )
        return made.attributes[attribute]

    def _not_made(self, name: str) -> str:
        if self._unmade is None:
            raise TemplateMalformed(f"Template format error: Unresolved resource dependencies [{name}]")
        return self._unmade

    def _text(self, value: JsonValue, function: str) -> str:
        resolved = self.value(value)
        text = self._wrong(function) if resolved is None or isinstance(resolved, list | dict) else as_text(resolved)
        self._spend(len(text))
        return text

    def _list(self, value: JsonValue, function: str) -> list[JsonValue]:
        resolved = self.value(value)
        return resolved if isinstance(resolved, list) else self._wrong(function)

    @staticmethod
    def _wrong(function: str) -> Never:
        raise TemplateMalformed(f"Template error: the arguments of {function} are not what it takes")

    def _sub(self, argument: JsonValue) -> JsonValue:
        parts = substitution_of(argument)
        if parts is None:
            self._wrong("Fn::Sub")
        text, own = parts

        def look_up(name: str) -> str:
            if name in own:
                return self._text(own[name], "Fn::Sub")
            logical_id, dot, attribute = name.partition(".")
            value = self._attribute(logical_id, attribute) if dot else self._text({"Ref": name}, "Fn::Sub")
            return as_text(value)

        return substituted(text, look_up)

    def _join(self, argument: JsonValue) -> JsonValue:
        match argument:
            case [str(delimiter), joined]:
                return delimiter.join(self._text(each, "Fn::Join") for each in self._list(joined, "Fn::Join"))
            case _:
                return self._wrong("Fn::Join")

    def _select(self, argument: JsonValue) -> JsonValue:
        match argument:
            case [index, listed]:
                found, text = self._list(listed, "Fn::Select"), self._text(index, "Fn::Select")
                if not text.isdecimal() or int(text) >= len(found):
                    raise TemplateMalformed(
                        f"Template error: Fn::Select cannot select nonexistent value at index {text}"
                    )
                return found[int(text)]
            case _:
                return self._wrong("Fn::Select")

    def _split(self, argument: JsonValue) -> JsonValue:
        match argument:
            case [str(delimiter), text] if delimiter:
                return list(self._text(text, "Fn::Split").split(delimiter))
            case _:
                return self._wrong("Fn::Split")

    def _find_in_map(self, argument: JsonValue) -> JsonValue:
        if not isinstance(argument, list) or len(argument) != 3:
            self._wrong("Fn::FindInMap")
        found: JsonValue = dict(self._template.section("Mappings"))
        keys = [self._text(each, "Fn::FindInMap") for each in argument]
        for key in keys:
            if key not in members(found):
                raise TemplateMalformed(f"Template error: Unable to get mapping for {'::'.join(keys)}")
            found = members(found)[key]
        return found

    def _import(self, argument: JsonValue) -> JsonValue:
        name = self._text(argument, "Fn::ImportValue")
        if name not in self._exports:
            if self._unmade is not None and AFTER_APPLY in name:
                return self._unmade
            raise TemplateMalformed(f"No export named {name} found.")
        self._imported.add(name)
        return self._exports[name]

    def _base64(self, argument: JsonValue) -> JsonValue:
        return base64.b64encode(self._text(argument, "Fn::Base64").encode()).decode()

    def _holds(self, name: str | None) -> bool:
        if name is None:
            return True
        if name not in self._conditions:
            declared = self._template.section("Conditions")
            if name not in declared:
                raise TemplateMalformed(f"Template error: unresolved condition dependency {name} in Fn::If")
            self._conditions[name] = False  # a condition that names itself ends here
            self._conditions[name] = self._truth(declared[name])
        return self._conditions[name]

    def _truth(self, value: JsonValue) -> bool:
        match value:
            case {"Condition": str(name)}:
                return self._holds(name)
            case {"Fn::Not": [one]}:
                return not self._truth(one)
            case {"Fn::And": list(several)}:
                return all(self._truth(each) for each in several)
            case {"Fn::Or": list(several)}:
                return any(self._truth(each) for each in several)
            case {"Fn::Equals": [one, other]}:
                return _same(self.value(one), self.value(other))
            case {"Fn::Contains": [listed, one]}:
                sought = self.value(one)
                return any(_same(each, sought) for each in self._list(listed, "Fn::Contains"))
            case _:
                raise TemplateMalformed(
                    "Template error: every Condition must be one of Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition"
                )


def _same(one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, list | dict) or isinstance(other, list | dict) or one is None or other is None:
        return one == other
    return as_text(one) == as_text(other)


_FUNCTIONS: Final[Mapping[str, Callable[[Values, JsonValue], JsonValue]]] = {
    "Fn::Sub": Values._sub,  # noqa: SLF001 - a table of this module's own methods
    "Fn::Join": Values._join,  # noqa: SLF001
    "Fn::Select": Values._select,  # noqa: SLF001
    "Fn::Split": Values._split,  # noqa: SLF001
    "Fn::FindInMap": Values._find_in_map,  # noqa: SLF001
    "Fn::ImportValue": Values._import,  # noqa: SLF001
    "Fn::Base64": Values._base64,  # noqa: SLF001
}
