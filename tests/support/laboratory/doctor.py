"""The doctor, asked about an issuer of the laboratory through its Python API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from daypass.doctor.examine import Question, examine
from daypass.doctor.facts import AccountFacts, ProviderFacts, RoleFacts
from daypass.fetching import Limits
from daypass.names import RoleArn
from daypass.secret import Secret
from support.laboratory.laboratory import ACCOUNT

if TYPE_CHECKING:
    from daypass.doctor.facts import Facts
    from support.laboratory.laboratory import Laboratory, Specimen

REPEAT: Final = 3


def question(laboratory: Laboratory, specimen: Specimen) -> Question:
    """What a person would ask who has the issuer, the token and the role."""
    return Question(
        issuer=specimen.issuer,
        token=Secret(specimen.token),
        role_arn=RoleArn.parse(specimen.case.role_arn),
        ca_files=(laboratory.ca_file,),
        connect_to=specimen.connect_to,
        repeat=REPEAT,
        limits=Limits(total_seconds=laboratory.budget),
    )


def account(specimen: Specimen, thumbprint: str) -> AccountFacts:
    """The case's account, as IAM would tell of it."""
    case = specimen.case
    role = None if case.trust_policy is None else RoleFacts(case.role_arn, case.trust_policy, "AROA", 3600)
    providers = tuple(
        ProviderFacts(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url.removeprefix('https://')}", client_ids, (thumbprint,))
        for url, client_ids in specimen.providers
    )
    return AccountFacts("iam", ACCOUNT, case.role_arn, providers, role, role_absent=role is None)


def examined(laboratory: Laboratory, specimen: Specimen, known: AccountFacts | None) -> Facts:
    """Everything that the doctor sees of it, at the case's time."""
    return asyncio.run(examine(question(laboratory, specimen), lambda: specimen.now, account=known))
