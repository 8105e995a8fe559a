"""A file of desired things, and an account without a socket to try it on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from daypass.aws.provisioning.account import read_account
from daypass.aws.provisioning.apply import Patience, Progress, apply
from daypass.aws.provisioning.desired_file import read_desired
from daypass.aws.provisioning.plan import plan
from support.memory_iam import ACCOUNT, MemoryIam

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.aws.provisioning.changes import Change, Plan
    from daypass.aws.provisioning.desired import Desired

FILE = """
stack: shop
providers:
  - issuer: https://gitlab.com
    audiences: [https://gitlab.com]
roles:
  shop-deploy:
    who:
      - gitlab: {project: tidewater/shop, project_id: 42, branch: main}
    managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
"""


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(lambda: self.now, self.sleep, lambda: 1.0)


@dataclass
class Bench:
    """An account, and a file to apply to it."""

    iam: MemoryIam
    time: Time
    events: list[Progress]

    def plan(self, text: str = FILE, **options: Any) -> Plan:
        wanted = read_desired(text)
        return plan(wanted, read_account(self.iam, wanted, ACCOUNT), **options)

    def apply(
        self,
        text: str = FILE,
        *,
        allow_wider: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> tuple[Change, ...]:
        return apply(
            self.iam,
            self.plan(text, **options),
            plan_again=lambda: self.plan(text, **options),
            patience=self.time.patience,
            allow_wider=allow_wider,
            progress=self.events.append,
            stopped=stopped,
        )

    def trust(self, role: str = "shop-deploy") -> dict[str, Any]:
        """The trust policy of a role, as it is."""
        found = self.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        document: dict[str, Any] = json.loads(unquote(found))
        return document

    def set_trust(self, document: dict[str, Any], role: str = "shop-deploy") -> None:
        """Change it by hand."""
        self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    @staticmethod
    def desired(text: str = FILE) -> Desired:
        return read_desired(text)
