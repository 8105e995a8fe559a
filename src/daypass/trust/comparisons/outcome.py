"""What comes out of comparing one value, and how a negated operator turns it around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from daypass.trust.context import Context
from daypass.trust.variables import Template

Test = Callable[[str, Context], bool | None]
"""Whether one value of the request holds under an operator, its negation included.

None: a value of the policy cannot be read, and AWS fails closed: no Allow applies, and a Deny does.
"""


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one key under one operator, as written, and whether `${` means something in them."""

    texts: tuple[str, ...]
    variables: bool

    def templates(self) -> tuple[Template, ...]:
        """The values taken apart.

        Raises:
            PolicyUnsupported: when a `${` begins nothing that AWS is known to read.
        """
        return tuple(Template.parse(value, variables=self.variables) for value in self.texts)


class Compiler(Protocol):
    """Makes the test for the values of a policy."""

    def __call__(self, values: Values, *, negated: bool) -> Test:
        """Compile.

        Raises:
            PolicyMalformed: AWS would not take a value.
            PolicyUnsupported: a value cannot be evaluated here.
        """


def negatable(equal: Callable[[str, Context], bool], *, negated: bool) -> Test:
    """The test of a comparison that a negation simply turns around."""
    return (lambda found, context: not equal(found, context)) if negated else equal
