"""Each party's recorded requests and answers, over real TLS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from daypass.errors import RelyingPartyRefused, ServiceUnreachable
from daypass.relying import azure, gcp, kubernetes, vault
from daypass.relying.asking import Party
from daypass.secret import Secret
from support.relying import TOKEN, Recorded
from support.services import Reply, Service, https_service
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = cases("relying")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with https_service(tmp_path_factory.mktemp("service"), lambda _: Reply(404)) as running:
        yield running


def party(service: Service, title: str) -> Party:
    return Party(title, "URL_SETTING", service.authority, "CA_SETTING", {})


def ask_vault(service: Service, ask: dict[str, Any]) -> dict[str, Any]:
    server = vault.Server(service.url, ask["namespace"], party(service, "Vault"))
    got = vault.log_in(server, Secret(TOKEN), role=ask["role"], path=ask["path"])
    assert got.token.reveal().startswith("hv")
    assert got.token.reveal() not in repr(got)
    found = got._asdict()
    del found["token"]
    return {**found, "policies": list(got.policies)}


def ask_gcp(service: Service, ask: dict[str, Any]) -> dict[str, Any]:
    federation = gcp.Federation(
        gcp.Provider.parse(ask["provider"]), ask["service_account"], ask["lifetime_seconds"], service.url, service.url
    )
    return {"seconds": gcp.exchange(party(service, "Google"), federation, Secret(TOKEN))}


def ask_azure(service: Service, ask: dict[str, Any]) -> dict[str, Any]:
    application = azure.Application.parse(ask["client_id"], ask["tenant_id"], service.url)
    return {"seconds": azure.check(party(service, "Entra"), application, Secret(TOKEN), scope=ask["scope"])}


def ask_kubernetes(service: Service, ask: dict[str, Any]) -> dict[str, Any]:
    cluster = kubernetes.Cluster.parse("demo", service.url, None)
    user = kubernetes.who(party(service, "Kubernetes"), cluster, Secret(TOKEN))
    return {"name": user.name, "groups": list(user.groups)}


ASK = {"vault": ask_vault, "gcp": ask_gcp, "azure": ask_azure, "kubernetes": ask_kubernetes}


@pytest.mark.parametrize("case", CASES)
def test_recorded(case: dict[str, Any], service: Service, request: pytest.FixtureRequest) -> None:
    ask = ASK[request.node.callspec.id.partition("::")[0]]
    server = service.answer = Recorded(case["exchanges"])
    expected = case["expect"]
    if "granted" in expected:
        assert ask(service, case["ask"]) == expected["granted"]
    elif "unreachable" in expected:
        with pytest.raises(ServiceUnreachable) as away:
            ask(service, case["ask"])
        assert away.value.facts["transient"] is True
        assert expected["unreachable"]["words"] in away.value.message
    else:
        refused = expected["refused"]
        with pytest.raises(RelyingPartyRefused) as no:
            ask(service, case["ask"])
        assert (no.value.facts["party_code"], no.value.facts["fate"]) == (refused["code"], refused["fate"])
        assert refused["words"] in no.value.message
        assert refused["advice"] in (no.value.advice or "")
        assert TOKEN not in f"{no.value.message} {no.value.advice} {no.value.facts}"
    assert server.wrong == []
    assert server.served == len(case["exchanges"])


def test_the_records_are_as_their_schema_says() -> None:
    schema = json.loads((VECTORS / "relying" / "schema.json").read_text())
    for _, document in documents("relying"):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("causes", [vault._CAUSES, gcp._EXCHANGE_CAUSES, gcp._IMPERSONATION_CAUSES])
def test_no_cause_hides_another(causes: tuple[Any, ...]) -> None:
    """The first that fits counts, so a mark that is part of a later one would take its place."""
    for number, cause in enumerate(causes):
        assert not [later.mark for later in causes[number + 1 :] if cause.mark in later.mark]
