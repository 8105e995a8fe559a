"""Every token format, from the identity provider through AWS's login: who is meant gets in, and a stranger does not.

The policies are those of the format's vectors, with the issuer and the ids of this run in place of the vectors'.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from daypass.bootstrap.server import free_port
from daypass.testing import local_aws
from support.serving import Serving
from support.vectors import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from daypass.testing.local_aws import LocalAws

pytestmark = pytest.mark.journey

FORMATS = {name: document for name, document in documents("formats") if "cases" in document}


def elsewhere(case: dict[str, Any]) -> bool:
    """Whether the case is of an issuer whose claims AWS knows by its name, which no issuer of ours has."""
    return "issuer" in case.get("request_changed", {}) or "own_issuer" in case.get("facts_changed", {})


def told(document: dict[str, Any], ids: list[str]) -> list[dict[str, Any]]:
    return [case for case in document["cases"] if case["id"] in ids and not elsewhere(case)]


ROUND_TRIPS = [
    pytest.param(name, policy, id=f"{name}::{policy['about']}")
    for name, document in FORMATS.items()
    for policy in document["policies"]
    if told(document, policy["lets_in"]) or not policy["lets_in"]
]


@dataclass
class Place:
    """An identity provider, a local AWS that trusts its certificate, and what the formats' organizations have there."""

    admin: httpx.Client
    aws: LocalAws
    made: dict[str, dict[str, Any]]

    def asked(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.admin.request(method, path, **options)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def organization(self, slug: str, token_format: str) -> dict[str, Any]:
        """An organization with that format, a project and an issuer of its own, which AWS knows as a provider."""
        if slug not in self.made:
            body = {"slug": slug, "own_issuer": True, "token_format": token_format}
            made = self.asked("POST", "/v1/organizations", json=body)
            project = self.asked("POST", f"/v1/organizations/{slug}/projects", json={"slug": "own"})
            audiences = audiences_of(FORMATS[token_format], made["issuer"])
            self.asked("PATCH", f"/v1/organizations/{slug}", json={"audiences": audiences})
            arn = self.aws.client("iam").create_open_id_connect_provider(Url=made["issuer"], ClientIDList=audiences)
            provider = arn["OpenIDConnectProviderArn"]
            self.made[slug] = {**made, "project_id": project["id"], "provider": provider}
        return self.made[slug]

    def token(self, token_format: str, case: dict[str, Any], organization: dict[str, Any]) -> tuple[str, str]:
        """What a workload of the case gets, and the workload's id."""
        document = FORMATS[token_format]
        slug, chosen = organization["slug"], case.get("subject_claims", [])
        change = {"subject_claims": chosen, "allow_subject_claims": chosen}
        self.asked("PATCH", f"/v1/organizations/{slug}", json=change)
        facts = document["defaults"]["facts"] | case.get("facts_changed", {})
        body = {"kind": facts["workload_kind"], "name": facts["workload_name"], "attributes": facts["attributes"]}
        made = self.asked("POST", f"/v1/organizations/{slug}/projects/own/workloads", json=body)
        request = document["defaults"]["request"] | case.get("request_changed", {})
        audience = [at(text, document, organization["issuer"]) for text in request["audience"]]
        answer = self.admin.post(
            f"/o/{slug}/v1/id-tokens",
            headers={"authorization": f"Bearer {made['secret']}"},
            json={"audience": audience} | ({"scope": request["scope"]} if "scope" in request else {}),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["token"], made["id"]

    def login(self, role: str, token: str) -> Any:
        return self.aws.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="round-trip", WebIdentityToken=token
        )


def at(text: str, document: dict[str, Any], issuer: str) -> str:
    """A text of the vectors, with our issuer in place of theirs."""
    theirs: str = document["defaults"]["request"]["issuer"]
    return text.replace(theirs, issuer)


def audiences_of(document: dict[str, Any], issuer: str) -> list[str]:
    """All audiences that the format's cases ask for."""
    asked = document["defaults"]["request"]["audience"]
    for case in document["cases"]:
        if not elsewhere(case):
            asked = [*asked, *case.get("request_changed", {}).get("audience", [])]
    return list(dict.fromkeys(at(text, document, issuer) for text in asked))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("formats"), free_port()
    settings = {"issuer": f"https://localhost:{port}/idp", "listen": f"127.0.0.1:{port}"}
    with (
        Serving(folder, **settings) as serving,
        serving.client(serving.admin_token) as admin,
        local_aws(as_issuers=(), trust_ca=[folder / "ca.pem"]) as aws,
    ):
        yield Place(admin, aws, {})


def role_for(place: Place, name: str, organization: dict[str, Any], condition: dict[str, Any]) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": organization["provider"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = place.aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


@pytest.mark.parametrize(("token_format", "policy"), ROUND_TRIPS)
def test_a_token_of_the_format_logs_in_and_a_strangers_does_not(
    token_format: str, policy: dict[str, Any], place: Place
) -> None:
    document = FORMATS[token_format]
    facts = document["defaults"]["facts"]
    organization = place.organization(token_format, token_format)
    entitled = [place.token(token_format, case, organization) for case in told(document, policy["lets_in"])]
    strangers = [
        place.token(
            token_format,
            case,
            place.organization(f"{token_format}-stranger", token_format)
            if "organization_id" in case.get("facts_changed", {})
            else organization,
        )
        for case in told(document, policy["keeps_out"])
    ]
    text = at(json.dumps(policy["condition"]), document, organization["issuer"])
    text = text.replace("ISSUER", organization["issuer"].removeprefix("https://"))
    ours = {"organization_id": organization["id"], "project_id": organization["project_id"]}
    if entitled:
        ours["workload_id"] = entitled[0][1]
    for fact, value in ours.items():
        text = text.replace(facts[fact], value)
    name = f"{token_format}-{document['policies'].index(policy)}"
    role = role_for(place, name, organization, json.loads(text))
    for token, _ in entitled:
        answer = place.login(role, token)
        assert answer["Provider"] == organization["provider"]
        assert answer["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{name}/round-trip")
    for token, _ in strangers:
        with pytest.raises(ClientError) as refused:
            place.login(role, token)
        assert refused.value.response["Error"]["Code"] in {"AccessDenied", "InvalidIdentityToken"}


def test_a_token_without_an_audience_is_refused_by_every_role(place: Place) -> None:
    document = FORMATS["gitlab-jwt-v1"]
    organization = place.organization("gitlab-jwt-v1", "gitlab-jwt-v1")
    role = role_for(place, "gitlab-jwt-v1", organization, {})
    token, _ = place.token("gitlab-jwt-v1", document["cases"][0], organization)
    with pytest.raises(ClientError, match="Missing a required claim: aud"):
        place.login(role, token)


def test_every_format_makes_the_round_trip() -> None:
    assert {param.values[0] for param in ROUND_TRIPS} | {"gitlab-jwt-v1"} == FORMATS.keys()
