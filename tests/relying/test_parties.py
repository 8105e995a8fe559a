"""What each party's settings may be, before anybody is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import SettingInvalid, UsageInvalid
from daypass.relying import asking, azure, gcp, kubernetes, vault
from daypass.secret import Secret
from support.relying import TOKEN

PROVIDER = "projects/123456789012/locations/global/workloadIdentityPools/ci-pool/providers/daypass"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_vault_reads_the_environment_as_vault_and_bao_do() -> None:
    assert vault.Server.of({})[:2] == ("https://127.0.0.1:8200", "")
    old = {"VAULT_ADDR": "https://v.example.com/", "VAULT_NAMESPACE": "/a/b/", "VAULT_CAPATH": "/ca"}
    server = vault.Server.of(old)
    assert (server.address, server.namespace, server.party.ca_bundle) == ("https://v.example.com", "a/b", Path("/ca"))
    assert server.party.ca_setting == "VAULT_CAPATH"
    both = vault.Server.of({**old, "BAO_ADDR": "https://b.example.com", "VAULT_CACERT": "/ca.pem"})
    assert (both.address, both.party.ca_bundle) == ("https://b.example.com", Path("/ca.pem"))


@pytest.mark.parametrize("value", ["1", "t", "T", "true", "TRUE", "True"])
@pytest.mark.parametrize("name", ["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"])
def test_vault_is_not_asked_unchecked(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=name):
        vault.Server.of({name: value})


@pytest.mark.parametrize("text", ["", "/", "..", "a/../b", "a//b", "jwt?x", "jwt login", "jwt\n"])
def test_vault_paths_that_are_none(text: str) -> None:
    with pytest.raises(UsageInvalid):
        vault.parse_path(text)


@pytest.mark.parametrize("namespace", ["a b", "a\r\nX-Vault-Token: x", "a?b"])
def test_vault_namespaces_that_are_none(namespace: str) -> None:
    with pytest.raises(SettingInvalid):
        vault.Server.of({"VAULT_NAMESPACE": namespace})


@pytest.mark.parametrize("before", ["", "//iam.googleapis.com/", "https://iam.googleapis.com/"])
def test_gcp_providers(before: str) -> None:
    provider = gcp.Provider.parse(before + PROVIDER)
    assert provider.audience == f"//iam.googleapis.com/{PROVIDER}"
    assert provider.token_audience == f"https://iam.googleapis.com/{PROVIDER}"


@pytest.mark.parametrize("word", ["a b", "it's", 'a"b', "a\\b", "", "tab\t", "ü"])
def test_gcp_commands_that_libraries_split_differently(word: str) -> None:
    with pytest.raises(UsageInvalid):
        gcp.executable_source(["/usr/bin/daypass", word])


@given(st.lists(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="'\"\\")), min_size=1))
def test_gcp_commands_are_split_alike(words: list[str]) -> None:
    """Go's library splits at blanks, Python's as a shell does."""
    import shlex

    if all(words):
        source = gcp.executable_source(words)["executable"]
        assert isinstance(source, dict)
        assert source["command"].split() == words == shlex.split(source["command"], comments=False)


@pytest.mark.parametrize("text", ["599", "43201", "-600", "1e3", "", "٦٠٠"])
def test_gcp_lifetimes_that_are_none(text: str) -> None:
    with pytest.raises(UsageInvalid):
        gcp.parse_lifetime(text)


@pytest.mark.parametrize(
    "text", ["deploy", "a@b.com", "deploy@demo.iam.gserviceaccount.com/x", "a b@c.gserviceaccount.com"]
)
def test_gcp_service_accounts_that_are_none(text: str) -> None:
    with pytest.raises(UsageInvalid):
        gcp.parse_service_account(text)


@pytest.mark.parametrize(
    ("authority", "host", "audience"),
    [
        (None, "https://login.microsoftonline.com", "api://AzureADTokenExchange"),
        ("https://login.microsoftonline.com/", "https://login.microsoftonline.com", "api://AzureADTokenExchange"),
        ("login.microsoftonline.us", "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
        (
            "https://login.partner.microsoftonline.cn",
            "https://login.partner.microsoftonline.cn",
            "api://AzureADTokenExchangeChina",
        ),
    ],
)
def test_azure_clouds(authority: str | None, host: str, audience: str) -> None:
    application = azure.Application.parse("6731de76-14a6-49ae-97bc-6eba6914391e", "contoso.com", authority)
    assert (application.authority, application.audience) == (host, audience)
    assert application.variables(Path("/t"))["AZURE_AUTHORITY_HOST"] == host + "/"


@pytest.mark.parametrize(
    ("client", "tenant", "authority"),
    [
        ("demo", "contoso.com", None),
        ("6731de76-14a6-49ae-97bc-6eba6914391e", "a/b", None),
        ("6731de76-14a6-49ae-97bc-6eba6914391e", "contoso.com", "http://login.microsoftonline.com"),
        ("6731de76-14a6-49ae-97bc-6eba6914391e", "contoso.com", "https://u:p@login.example.com"),
        ("6731de76-14a6-49ae-97bc-6eba6914391e", "contoso.com", "https://login.example.com/tenant"),
    ],
)
def test_azure_settings_that_are_none(client: str, tenant: str, authority: str | None) -> None:
    with pytest.raises(UsageInvalid):
        azure.Application.parse(client, tenant, authority)


@pytest.mark.parametrize(
    ("name", "server", "authority"),
    [
        ("a b", "https://k.example.com", None),
        ("demo", "http://k.example.com", None),
        ("demo", "https://u:p@k.example.com", None),
        ("demo", "https://k.example.com?x", None),
        ("demo", "https://k.example.com", b"not PEM"),
        ("demo", "https://k.example.com", CERTIFICATE + b"-----BEGIN PRIVATE KEY-----\n"),
    ],
)
def test_kubernetes_clusters_that_are_none(name: str, server: str, authority: bytes | None) -> None:
    with pytest.raises(UsageInvalid) as wrong:
        kubernetes.Cluster.parse(name, server, authority)
    assert "u:p" not in wrong.value.message


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_kubernetes_answers_in_the_version_that_is_asked_for(version: str) -> None:
    info = {"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "spec": {}}
    asked = kubernetes.asked_version(json.dumps(info))
    answer = kubernetes.exec_credential(Secret(TOKEN), asked, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert answer == {
        "apiVersion": info["apiVersion"],
        "kind": "ExecCredential",
        "status": {"token": TOKEN, "expirationTimestamp": "2026-01-02T03:04:05Z"},
    }


def test_kubernetes_knows_its_own_kubeconfigs() -> None:
    cluster = kubernetes.Cluster.parse("demo", "https://k.example.com", CERTIFICATE)
    command = ["/usr/bin/daypass", *kubernetes.PLUGIN, "--audience", cluster.audience]
    entry = kubernetes.Entry(cluster, "daypass-demo", "demo", None, command, "v1")
    assert kubernetes.is_ours(entry.document())
    others: list[object] = [None, [], {}, {"users": []}, {"users": [{"name": "me", "user": {"token": "x"}}]}]
    for other in others:
        assert not kubernetes.is_ours(other)


def test_kubernetes_takes_away_only_what_nobody_else_uses() -> None:
    def user(name: str, *args: str) -> dict[str, object]:
        return {"name": name, "user": {"exec": {"command": "daypass", "args": list(args)}}}

    def context(name: str, cluster: str, user: str) -> dict[str, object]:
        return {"name": name, "context": {"cluster": cluster, "user": user}}

    ours, other = user("ours", *kubernetes.PLUGIN), user("other", "get-token")
    alone = {"users": [ours, other], "contexts": [context("a", "demo", "ours"), context("b", "work", "other")]}
    assert kubernetes.to_remove(alone, "demo") == [("context", "a"), ("user", "ours"), ("cluster", "demo")]
    assert kubernetes.to_remove(alone, "work") == []
    shared = {"users": [ours, other], "contexts": [context("a", "demo", "ours"), context("b", "demo", "other")]}
    assert kubernetes.to_remove(shared, "demo") == [("context", "a"), ("user", "ours")]
    twice = {"users": [ours], "contexts": [context("a", "demo", "ours"), context("b", "work", "ours")]}
    assert kubernetes.to_remove(twice, "demo") == [("context", "a"), ("cluster", "demo")]
    nothings: list[object] = [None, [], {"users": None, "contexts": None}, {"users": ["x"], "contexts": ["x"]}]
    for nothing in nothings:
        assert kubernetes.to_remove(nothing, "demo") == []


def test_a_party_shows_nothing_of_the_environment() -> None:
    server = vault.Server.of({"VAULT_ADDR": "https://v.example.com", "DAYPASS_TOKEN": "s3cret-of-a-workload"})
    assert "s3cret" not in repr(server)


def test_a_partys_words_show_no_token_and_no_end_of_text() -> None:
    assert asking.plain(f"cannot\r\n use  {TOKEN}!") == "cannot use (a token)!"
    assert asking.plain("denied: hvs.CAESIEXAMPLEEXAMPLEEXAMPLE.") == "denied: (a token)"
    assert len(asking.plain("x" * 10_000)) < 700


@pytest.mark.parametrize("code", [TOKEN, "x" * 10_000, "two\nlines", "\x1b[2J"])
def test_a_partys_code_is_not_shown_when_it_is_none(code: str) -> None:
    party = asking.Party("Entra", "--authority-host", None, "REQUESTS_CA_BUNDLE", {})
    error = asking.refusal(party, asking.Told(400, {}, {}), code=code, words="no", causes=())
    assert (error.message, error.facts["party_code"]) == ("Entra refused (status 400): no", "")
