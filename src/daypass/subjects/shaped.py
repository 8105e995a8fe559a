"""A subject made of shapes: the same definition writes it, reads it back, and tells the linter what it can be.

What was written is read back before it leaves. If it would be read as anything else, as a branch called
`x:ref:main` would, it is refused; so two different sets of facts never give one subject.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from daypass.errors import ClaimUnavailable, RequestInvalid
from daypass.subjects.formats import Attribute, Marking, Source, SubjectPart
from daypass.subjects.pairs import encode_value
from daypass.subjects.shapes import ChosenBy, Component, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.formats import When


class Escape(Enum):
    """How values are written."""

    NOTHING = "nothing"
    COLON = "colon"
    """`:` as `%3A`, as GitHub does, and `%` as `%25`, so that it can be read back."""
    ALL = "all"
    """All that `daypass.subjects.pairs` escapes."""

    def write(self, value: str) -> str:
        """The value as it stands in a subject."""
        if self is Escape.COLON:
            return value.replace("%", "%25").replace(":", "%3A")
        return encode_value(value) if self is Escape.ALL else value

    def read(self, text: str) -> str:
        """The value that was written."""
        return text if self is Escape.NOTHING else unquote(text)


@dataclass(frozen=True, slots=True)
class InClaim:
    """What the claim at this path says, where that is one text; a list counts by its only entry."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a beginning, and before an end, in the attribute's value; nothing when it has another."""

    attribute: str
    beginning: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the two pieces of the attribute's value, `owner/name`."""

    attribute: str
    index: int


From: TypeAlias = Source | Attribute | InClaim | Behind | Piece


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a part: a shape, and what its components are.

    Attributes:
        shape: the text.
        sources: what the components are; the attributes of their names unless told here.
        when: all of it must hold for the workload.
        whole: the attribute that is the text as a whole.
        escape: how values are written.
    """

    shape: Shape
    sources: Mapping[str, From] = field(default_factory=dict)
    when: tuple[When, ...] = ()
    whole: Attribute | None = None
    escape: Escape = Escape.NOTHING

    @property
    def names_organization(self) -> bool:
        """Whether the organization's id is in it."""
        return Source.ORGANIZATION_ID in self.sources.values()

    @property
    def colons(self) -> int:
        """How many `:` its fixed texts have."""
        return sum(part.count(":") for part in self.shape.parts if isinstance(part, str))

    def values(self, facts: WorkloadFacts, claims: Mapping[str, object]) -> dict[str, str] | None:
        """What the components are for that workload, as written; None when it lacks one.

        Raises:
            ClaimUnavailable: when `whole` is not of this shape.
        """
        if self.whole is not None:
            text = facts.attributes.get(self.whole.name)
            if not text:
                return None
            found = self.shape.parse(text)
            if found is None:
                raise ClaimUnavailable(
                    f"the attribute `{self.whole.name}` is not a {self.shape.leaf}",
                    advice=f"It reads like {self.shape.example}.",
                    attribute=self.whole.name,
                )
            return dict(found)
        values = {}
        for component in self.shape.components:
            value = _value(self.sources.get(component.name, Attribute(component.name)), facts, claims)
            if not value:
                return None
            values[component.name] = self.escape.write(value)
        return values

    def missing(self, facts: WorkloadFacts) -> str | None:
        """The first attribute that the workload lacks for it."""
        sources = [self.sources.get(each.name, Attribute(each.name)) for each in self.shape.components]
        names = [each.name for each in sources if isinstance(each, Attribute)]
        names += [each.attribute for each in sources if isinstance(each, Behind | Piece)]
        wanted = [self.whole.name] if self.whole else names
        return next((name for name in wanted if not facts.attributes.get(name)), None)

    def longest(self) -> int | None:
        """Its greatest length in characters; None when nothing bounds it."""
        length = sum(len(part) for part in self.shape.parts if isinstance(part, str))
        for component in self.shape.components:
            if component.longest is None or self.whole is not None:
                return None
            length += component.longest
        return length


def _value(source: From, facts: WorkloadFacts, claims: Mapping[str, object]) -> str | None:
    if isinstance(source, Attribute):
        return facts.attributes.get(source.name)
    if isinstance(source, Source):
        return source.fact(facts)
    if isinstance(source, Behind):
        text = facts.attributes.get(source.attribute, "")
        if not (text.startswith(source.beginning) and text.endswith(source.end)):
            return None
        return text.removeprefix(source.beginning).removesuffix(source.end)
    if isinstance(source, Piece):
        pieces = facts.attributes.get(source.attribute, "").split("/")
        return pieces[source.index] if len(pieces) == 2 else None
    value: object = claims
    for name in source.path:
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        value = value.get(name) if isinstance(value, dict) or value is claims else None
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Part:
    """What may be chosen for a subject, and the ways to write it; the first that suits the workload is taken."""

    name: str
    forms: tuple[Form, ...]
    marking: Marking
    optional: bool = False
    """Left out for workloads that have no such fact."""


def pair(
    name: str,
    component: Component,
    source: From | None = None,
    *,
    marking: Marking | None = None,
    optional: bool = False,
    escape: Escape = Escape.NOTHING,
    example: str = "x",
) -> Part:
    """A part that reads `name:value`. By default what the issuer gives is immutable, and all else chosen."""
    shape = Shape(name, (f"{name}:", component), component.noun, (component.name,), f"{name}:{example}")
    if marking is None:
        marking = Marking.IMMUTABLE if component.chosen_by is ChosenBy.ISSUER else Marking.TENANT_CHOSEN
    sources = {} if source is None else {component.name: source}
    return Part(name, (Form(shape, sources, escape=escape),), marking, optional)


@dataclass(frozen=True, slots=True)
class ShapedSubject:
    """The grammar.

    Attributes:
        always: the ways to write what nobody chooses; it stands first.
        parts: what may be chosen, joined by `:` behind it.
        first: the parts of which one must be the first; empty when any may.
        default: the parts when nothing is chosen.
        most: how many may be chosen.
        replaces: whether a choice takes the place of `always`.
        families: beginnings of further names that may be chosen (`idp_claims.`): text of claims of that path.
    """

    always: tuple[Form, ...] = ()
    parts: tuple[Part, ...] = ()
    first: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    most: int = 50
    replaces: bool = False
    families: tuple[str, ...] = ()

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be chosen; of families the beginning and a star."""
        return (*(part.name for part in self.parts), *(f"{family}*" for family in self.families))

    def _part(self, name: str) -> Part | None:
        found = next((part for part in self.parts if part.name == name), None)
        if found is None and any(name.startswith(family) and len(name) > len(family) for family in self.families):
            if not name.isascii() or not name.replace(".", "").replace("_", "").replace("-", "").isalnum():
                return None
            component = Component(name, name, ChosenBy.CONTRIBUTOR, ":")
            made = pair(name, component, InClaim(tuple(name.split("."))), optional=True, escape=Escape.ALL)
            return replace(made, marking=Marking.PERSONAL)
        return found

    def part(self, name: str) -> SubjectPart:
        """What may be chosen by that name.

        Raises:
            RequestInvalid: when there is none.
        """
        found = self._part(name)
        if found is None:
            raise self._unknown(name)
        lengths = [form.longest() for form in found.forms]
        bounded = [length for length in lengths if length is not None]
        return SubjectPart(name, found.marking, max(bounded) if bounded and len(bounded) == len(lengths) else None)

    def _unknown(self, name: str) -> RequestInvalid:
        allowed = list(self.allowed)
        return RequestInvalid(
            f"`{name}` is not a component of this subject",
            advice=f"Choose from {', '.join(allowed)}." if allowed else "This subject has one form; choose nothing.",
            allowed=allowed,
        )

    def check(self, chosen: Sequence[str]) -> None:
        """Refuse a choice that this grammar does not allow. An empty one stands for the default.

        Raises:
            RequestInvalid: with `allowed` and `first` among the facts.
        """
        most = 1 if self.replaces else self.most
        if len(set(chosen)) != len(chosen) or len(chosen) > most:
            raise RequestInvalid(
                f"subject claims name nothing twice, and are at most {most}", allowed=list(self.allowed)
            )
        for name in chosen:
            if self._part(name) is None:
                raise self._unknown(name)
        if chosen and self.first and chosen[0] not in self.first:
            raise RequestInvalid(
                f"subject claims begin with {' or '.join(f'`{name}`' for name in self.first)}",
                advice="Who is trusted comes before what they may choose themselves.",
                allowed=list(self.allowed),
                first=list(self.first),
            )

    def names_organization(self, chosen: Sequence[str]) -> bool:
        """Whether the organization's id is in it, for one kind of workload at least; the others are refused."""
        if self.replaces and chosen:
            return any(form.names_organization for part in map(self._part, chosen) if part for form in part.forms)
        return any(form.names_organization for form in self.always)

    def longest(self, chosen: Sequence[str]) -> int | None:
        """Its greatest length in characters; None when nothing bounds it."""
        total = -1
        if self.always and not (self.replaces and chosen):
            lengths = [form.longest() for form in self.always]
            if None in lengths:
                return None
            total += max(length for length in lengths if length is not None) + 1
        for name in chosen or self.default:
            longest = self.part(name).longest
            if longest is None:
                return None
            total += longest + 1
        return total

    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str:
        """The subject.

        Raises:
            ClaimUnavailable: the workload lacks what it is made of, or has it in a text that would be read otherwise;
                the subject would not name the organization on an issuer that several share.
        """
        written: list[tuple[Form, dict[str, str]]] = []
        if self.always and not (self.replaces and chosen):
            written.append(self._written("subject", self.always, facts, claims))
            shared = any(form.names_organization for form in self.always) and not facts.own_issuer
            if shared and not written[0][0].names_organization:
                raise ClaimUnavailable(
                    f"the subject of this {written[0][0].shape.leaf} does not name the organization",
                    advice="Give the organization an issuer of its own.",
                    claim="sub",
                )
        told = {name for _, values in written for name in values}
        for name in chosen or self.default:
            part = self._part(name)
            if part is None:
                raise self._unknown(name)
            if self.always and name in told:
                continue
            if part.optional and all(form.values(facts, claims) is None for form in part.forms):
                continue
            written.append(self._written(name, part.forms, facts, claims))
        subject = ":".join(_put(form, values) for form, values in written)
        back = self._read(subject)
        if back is None or [(form.shape.name, values) for form, values in back] != [
            (form.shape.name, values) for form, values in written
        ]:
            raise ClaimUnavailable(
                f"the subject `{subject[:255]}` could be read another way", advice="Rename what it is made of."
            )
        return subject

    @staticmethod
    def _written(
        name: str, forms: tuple[Form, ...], facts: WorkloadFacts, claims: Mapping[str, object]
    ) -> tuple[Form, dict[str, str]]:
        suiting = [form for form in forms if all(when.holds(facts) for when in form.when)]
        for form in suiting:
            values = form.values(facts, claims)
            if values is not None:
                return form, values
        missing = next((lack for form in suiting if (lack := form.missing(facts))), None)
        raise ClaimUnavailable(
            f"the subject needs the attribute `{missing}`, and this workload has none"
            if missing
            else f"no form of the {name} suits this workload",
            advice=f"Create the workload with `{missing}`." if missing else "Look at the attributes of the workload.",
            attribute=missing or name,
        )

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The components of a subject by name, as they were before they were written; None for any other text."""
        found = self._read(subject)
        if found is None:
            return None
        return {name: form.escape.read(text) for form, values in found for name, text in values.items()}

    def _read(self, subject: str) -> list[tuple[Form, dict[str, str]]] | None:
        starts = [self.always] if self.always else []
        for forms in starts:
            found = self._from(subject, forms, () if self.replaces else self.parts)
            if found is not None:
                return found
        if self.replaces or not self.always:
            for part in self.parts:
                if self.first and part.name not in self.first:
                    continue
                left = () if self.replaces else tuple(other for other in self.parts if other is not part)
                found = self._from(subject, part.forms, left)
                if found is not None:
                    return found
        return None

    def _from(
        self, text: str, forms: tuple[Form, ...], left: tuple[Part, ...]
    ) -> list[tuple[Form, dict[str, str]]] | None:
        """The text as one of the forms and then any of the parts that are left, each once."""
        for form in forms:
            found = form.shape.parse(text)
            if found is not None:
                return [(form, dict(found))]
        pieces = text.split(":")
        for form in forms:
            head, tail = ":".join(pieces[: form.colons + 1]), ":".join(pieces[form.colons + 1 :])
            found = form.shape.parse(head) if tail else None
            if found is None:
                continue
            for part in self._next(tail, left):
                rest = self._from(tail, part.forms, tuple(other for other in left if other is not part))
                if rest is not None:
                    return [(form, dict(found)), *rest]
        return None

    def _next(self, text: str, left: tuple[Part, ...]) -> Iterator[Part]:
        yield from left
        name = text.partition(":")[0]
        if self.families and (part := self._part(name)) is not None and part not in left and part not in self.parts:
            yield part


def _put(form: Form, values: Mapping[str, str]) -> str:
    try:
        return form.shape.format(values)
    except RequestInvalid as fault:
        message = fault.message
    raise ClaimUnavailable(message, advice="Create the workload with another value.")
