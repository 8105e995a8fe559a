"""Faults that a test arranges: the next calls of an operation are answered with one, to see what the client does then.

Some answers of AWS come from AWS's own troubles, and nothing that a client sends calls them up: throttling, an
identity provider that AWS could not reach, a region that an account has switched off. Here they are asked for. What is
arranged can only refuse: nobody gets by it what he would not get without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.localaws.faults import AwsError, Fault
from daypass.sts import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.faults import Protocol

FAULTS: Final[Mapping[str, Fault]] = {
    "ExpiredToken": Fault.SESSION_EXPIRED,
    "InternalFailure": Fault.INTERNAL,
    "MissingParameter": Fault.PARAMETER_MISSING,
    "ServiceUnavailable": Fault.UNAVAILABLE,
    "Throttling": Fault.THROTTLED,
}
"""What every operation may answer, each service in its own words."""
OF_STS: Final[Mapping[str, answers.Text]] = {
    "IDPCommunicationError": answers.IDP_OUT_OF_REACH,
    "IDPRejectedClaim": answers.FACEBOOK_REFUSES,
    "ExpiredTokenException": answers.EXPIRED,
    "InvalidIdentityToken": answers.NO_VERIFICATION_KEY,
    "RegionDisabledException": answers.REGION_DISABLED,
}
"""What STS may answer besides."""
CODES: Final = (*sorted({*FAULTS, *OF_STS}),)
MOST_TIMES: Final = 1_000_000
_MOST: Final = 100
_OPERATION: Final = re.compile(r"(?:[a-z0-9-]{1,64}:)?(?:[A-Za-z0-9]{1,128}|\*)")


@dataclass(slots=True)
class Arranged:
    """A fault that waits.

    Attributes:
        operation: as `why --list` shows what was asked: `sts:AssumeRole`; also without its service, or `sts:*`.
        code: one of `CODES`.
        times: how many calls it still answers.
        region: that must be asked, None for any.
        message: instead of AWS's text.
    """

    operation: str
    code: str
    times: int = 1
    region: str | None = None
    message: str | None = None

    def meets(self, asked: str, region: str) -> bool:
        """Whether it is for what is `asked` (`sts:AssumeRole`) in this region."""
        service, _, name = asked.partition(":")
        return self.operation in {asked, name, "*", f"{service}:*"} and self.region in {None, region}


class ArrangedFaults:
    """Those that wait, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Arranged] = []

    def arrange(self, fault: Arranged) -> None:
        """Let the next calls of an operation fail.

        Raises:
            RequestInvalid: for what there is not.
        """
        if not _OPERATION.fullmatch(fault.operation):
            raise RequestInvalid(
                f"`{fault.operation}` is no operation", advice="Such as sts:AssumeRoleWithWebIdentity, or sts:*."
            )
        if fault.code not in CODES:
            raise RequestInvalid(f"`{fault.code}` cannot be arranged", advice=f"There are {', '.join(CODES)}.")
        if not 1 <= fault.times <= MOST_TIMES:
            raise RequestInvalid(f"`times` is not a whole number from 1 to {MOST_TIMES}")
        if len(self._waiting) >= _MOST:
            raise RequestInvalid(f"{_MOST} faults wait already", advice="Clear them first.")
        self._waiting.append(fault)

    def waiting(self) -> list[Arranged]:
        """Those that wait."""
        return list(self._waiting)

    def clear(self) -> None:
        """Let none wait."""
        self._waiting.clear()

    def next(self, asked: str, protocol: Protocol, *, region: str, account: str, now: int) -> AwsError | None:
        """The answer to a call that is to fail, which is one call less then; None for all others.

        Args:
            asked: service and operation, such as `sts:AssumeRole`.
            protocol: of the answer.
            region: that was asked.
            account: for the text.
            now: for the text, in seconds since 1970.
        """
        for fault in self._waiting:
            if fault.meets(asked, region):
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return _error(fault, protocol, account=account, now=now)
        return None


def _error(fault: Arranged, protocol: Protocol, *, account: str, now: int) -> AwsError:
    why = "this answer was asked for at /_daypass/faults"
    if fault.code in FAULTS:
        error = FAULTS[fault.code].error(protocol, why=why)
    else:
        text = OF_STS[fault.code]
        # AWS prints its tolerance of 300 s into the time of an expired token.
        told = text.template.format(account=account, now=now - 300, exp=now - 301)
        error = AwsError(text.answer.code, text.answer.http_status, told, detail=why)
    message = error.message if fault.message is None else fault.message
    return AwsError(error.code, error.http_status, message, detail=why)
