"""The local AWS: IAM and STS of our own, other services behind them, on one port of this machine.

It refuses what AWS refuses: request signatures, session tokens and their expiry, the web identity token, the provider
and the trust policy are checked on every call, and there is no switch to turn that off. What it does not do yet: the
permissions of a role's own policies are NOT evaluated, so a session may use every service here. `NOTICE` says so to
whoever starts it.
"""

from __future__ import annotations

from typing import Final

NOTICE: Final = (
    "the local AWS does not evaluate permissions policies yet: a session of any role may use every service here"
)
