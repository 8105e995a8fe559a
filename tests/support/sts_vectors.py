"""The vectors of AssumeRoleWithWebIdentity as the pure decision takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.names import ProviderArn, RoleArn
from daypass.sts.decide import KeysUnavailable, Provider, Role
from daypass.testing.conformance import vectors
from daypass.tokens.key_set import KeySet
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from daypass.testing.conformance.cases import Case

ROLE_ID = "AROAEXAMPLEEXAMPLE123"


def sts_cases() -> list[ParameterSet]:
    """Every vector, for `parametrize`."""
    return [pytest.param(vector.content, id=vector.name) for vector in vectors.read()]


def provider(case: Case) -> Provider | None:
    """The provider as the decision takes it."""
    return None if case.client_ids is None else Provider(ProviderArn.parse(case.provider_arn), case.client_ids)


def keys(case: Case) -> KeySet | KeysUnavailable:
    """The keys as the decision takes them."""
    if case.key_set is None or case.fault is not None:
        return KeysUnavailable("the issuer did not answer")
    return KeySet.parse(case.key_set, duplicates="last")


def role(case: Case) -> Role | None:
    """The role as the decision takes it."""
    if case.trust_policy is None:
        return None
    return Role(RoleArn.parse(case.role_arn), ROLE_ID, Policy.parse(case.trust_policy), case.max_session_seconds)
