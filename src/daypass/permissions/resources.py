"""The resources that a statement speaks of: patterns of ARNs, policy variables in them.

A star at the end of a segment also covers colons, a star inside one does not, and missing segments are stars (IAM User
Guide, "IAM JSON policy elements: Resource"). A pattern that has stars of both kinds is not told exactly by either rule;
it is then read so that an Allow covers less and a Deny covers more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import PolicyMalformed
from daypass.permissions import aws_texts
from daypass.trust.comparisons import arns, strings
from daypass.trust.comparisons.outcome import Values
from daypass.trust.variables import Template
from daypass.trust.wildcard import Wildcard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.trust.comparisons.outcome import Test
    from daypass.trust.context import Context
    from daypass.trust.variables import Part

ALL: Final = "*"
_SEGMENTS: Final = 6


@dataclass(frozen=True, slots=True)
class Resources:
    """`Resource` or `NotResource` of a statement: as written, and compiled. `everything` says that `*` is listed."""

    texts: tuple[str, ...]
    everything: bool
    tests: tuple[Test, ...] = field(repr=False, compare=False)

    @classmethod
    def compile(cls, texts: Sequence[str], *, variables: bool, wide: bool) -> Self:
        """Compile patterns.

        Args:
            texts: as written.
            variables: whether `${` means something.
            wide: whether a pattern that cannot be told exactly covers more rather than less.

        Raises:
            PolicyMalformed: AWS would not take one; facts: `aws_message`.
            PolicyUnsupported: a `${` begins nothing that AWS is known to read.
        """
        whole: list[str] = []
        by_segment: list[str] = []
        for text in texts:
            completed, inner_star = (text, False) if text == ALL else _completed(text, variables=variables)
            (by_segment if inner_star and not wide else whole).append(completed)
        return cls(
            tuple(texts),
            ALL in texts,
            tuple(
                compiler(Values(tuple(some), variables), negated=False)
                for compiler, some in ((strings.like, whole), (arns.like, by_segment))
                if some
            ),
        )

    def cover(self, resource: str, context: Context) -> bool:
        """Whether these speak of `resource`, an ARN or `*`."""
        return any(test(resource, context) is True for test in self.tests)

    def of_service(self, service: str) -> bool:
        """Whether these speak of any resource whose ARN names the service."""
        vendors = (text.split(":")[2] if text.count(":") > 1 else "*" for text in self.texts)
        return any(vendor == service or "*" in vendor or "?" in vendor for vendor in vendors)


def _completed(text: str, *, variables: bool) -> tuple[str, bool]:
    """The pattern with all six segments, and whether a star stands inside one of the first five."""
    segments = _segments(Template.parse(text, variables=variables).parts)
    if len(segments) < 2 or segments[0] != ["arn"]:
        raise _malformed(text, f"`{text}` is not an ARN", aws_texts.RESOURCE_FORM.format(resource=text))
    if len(segments) > 2 and not all(isinstance(part, str) for part in segments[2]):
        raise _malformed(text, f"the service of `{text}` must be written out", aws_texts.RESOURCE_VENDOR)
    inner_star = any(Wildcard.MANY in segment[:-1] for segment in segments[: _SEGMENTS - 1])
    return text + ":*" * (_SEGMENTS - len(segments)), inner_star


def _segments(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts between colons; those of a variable's key are none."""
    segments: list[list[Part]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        first, *others = part.split(":", _SEGMENTS - len(segments))
        if first:
            segments[-1].append(first)
        segments.extend([other] if other else [] for other in others)
    return segments


def _malformed(text: str, message: str, aws: str) -> PolicyMalformed:
    return PolicyMalformed(message, resource=text, aws_message=aws)
