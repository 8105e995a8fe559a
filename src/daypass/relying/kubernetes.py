"""Kubernetes: an identity token for the API server, by the exec credential plugin protocol of its clients.

Sources: Kubernetes documentation, Authenticating: client-go credential plugins, and OpenID Connect tokens;
client.authentication.k8s.io/v1 and v1beta1; authentication.k8s.io/v1 SelfSubjectReview; kubeconfig v1.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from daypass.calling.persist import Fate
from daypass.errors import JsonMalformed, RequestInvalid, SettingInvalid, UsageInvalid
from daypass.relying import asking
from daypass.relying.asking import Cause, Party
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

GROUP: Final = "client.authentication.k8s.io"
VERSIONS: Final = ("v1", "v1beta1")
MERGED_VERSION: Final = "v1beta1"
_EXEC_INFO: Final = "KUBERNETES_EXEC_INFO"
_MAX_INFO_BYTES: Final = 1024 * 1024
PLUGIN: Final = ("idp", "credentials", "kubernetes")
"""The words by which a client's configuration runs us."""
# What an entry of a kubeconfig may be called here, so that it stands in any shell and needs no quotes in YAML.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@:/-]{0,251}[A-Za-z0-9])?")
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_PRIVATE: Final = b"PRIVATE KEY-----"
_SERVER_FORM: Final = "It has the form https://kubernetes.example.com:6443"
_INSTALL_HINT: Final = "daypass gives the token; see its page on other relying parties."

_CAUSES: Final = (
    Cause(
        "Unauthorized",
        "The API server does not say why. Look at these in this order: an authenticator of its"
        " AuthenticationConfiguration (or --oidc-issuer-url) has the token's iss to the letter; its audiences (or"
        " --oidc-client-id) hold the token's aud; the server can fetch the issuer's discovery document and key set; its"
        " claimValidationRules hold; the clocks agree. Its log says which it was.",
        Fate.FINAL,
    ),
    Cause("Forbidden", "The token is taken; its user may not ask who it is. Bind system:basic-user to it."),
)


class Cluster(NamedTuple):
    """An API server, and what a client calls it. `authority` is a PEM bundle, or None for the system's authorities."""

    name: str
    server: str
    authority: bytes | None

    @classmethod
    def parse(cls, name: str, server: str, authority: bytes | None) -> Self:
        """Check them.

        Raises:
            UsageInvalid: when one of them cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise UsageInvalid(f"`{name}` is not a name for a cluster", advice="Use letters, digits and . _ @ : / -")
        try:
            base = asking.base_address(server)
        except RequestInvalid as error:
            raise UsageInvalid(error.message, advice=_SERVER_FORM) from None
        if not base.startswith("https://"):
            raise UsageInvalid(f"`{base}` is not the address of an API server", advice=_SERVER_FORM)
        if authority is not None and _CERTIFICATE not in authority:
            raise UsageInvalid("the file of --ca holds no PEM certificate", advice="It is what kubeadm calls ca.crt.")
        if authority is not None and _PRIVATE in authority:
            raise UsageInvalid("the file of --ca holds a private key", advice="Name the certificate alone.")
        return cls(name, base, authority)

    @property
    def audience(self) -> str:
        """Who a token is for when nobody says: this API server, so that no other one can use it there."""
        return self.server


def parse_name(text: str, what: str) -> str:
    """The name of an entry of a kubeconfig.

    Raises:
        UsageInvalid: when it is none that stands everywhere.
    """
    if not _NAME.fullmatch(text):
        raise UsageInvalid(f"`{text}` is not a name for a {what}", advice="Use letters, digits and . _ @ : / -")
    return text


def parse_namespace(text: str) -> str:
    """A namespace (RFC 1123 label).

    Raises:
        UsageInvalid: when it is none.
    """
    if not _NAMESPACE.fullmatch(text):
        raise UsageInvalid(f"`{text}` is not a namespace")
    return text


def asked_version(exec_info: str | None) -> str:
    """The API version in which a client wants its answer: what `KUBERNETES_EXEC_INFO` says, v1 without one.

    Raises:
        SettingInvalid: when it asks for a version that there is not, or cannot be read.
    """
    if not exec_info:
        return f"{GROUP}/v1"
    try:
        document: JsonValue = strict_json.parse(
            exec_info, max_bytes=_MAX_INFO_BYTES, max_members=100_000, duplicates="last", control_characters=True
        )
    except JsonMalformed:
        document = None
    version = document.get("apiVersion") if isinstance(document, dict) else None
    if version not in [f"{GROUP}/{each}" for each in VERSIONS]:
        raise SettingInvalid(
            f"{_EXEC_INFO} asks for `{version}`, which there is not",
            advice=f"The apiVersion in the kubeconfig is {GROUP}/v1 or {GROUP}/v1beta1.",
            key=_EXEC_INFO,
            reason="unknown version",
        )
    return str(version)


def exec_credential(token: Secret, version: str, expires_at: datetime | None) -> dict[str, object]:
    """What a plugin prints. A client asks again after `expires_at`, and when the API server refuses the token."""
    status: dict[str, object] = {"token": token.reveal()}
    if expires_at is not None:
        status["expirationTimestamp"] = expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


class Entry(NamedTuple):
    """What a kubeconfig gets: a cluster, a user that runs `command`, and a context of both."""

    cluster: Cluster
    user: str
    context: str
    namespace: str | None
    command: Sequence[str]
    version: str

    def document(self) -> dict[str, object]:
        """A whole kubeconfig with this alone."""
        cluster: dict[str, object] = {"server": self.cluster.server}
        if self.cluster.authority is not None:
            cluster["certificate-authority-data"] = base64.b64encode(self.cluster.authority).decode("ascii")
        context = {"cluster": self.cluster.name, "user": self.user}
        if self.namespace is not None:
            context["namespace"] = self.namespace
        plugin = {
            "apiVersion": f"{GROUP}/{self.version}",
            "command": self.command[0],
            "args": list(self.command[1:]),
            "env": None,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
            "installHint": _INSTALL_HINT,
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.cluster.name, "cluster": cluster}],
            "users": [{"name": self.user, "user": {"exec": plugin}}],
            "contexts": [{"name": self.context, "context": context}],
            "current-context": self.context,
        }

    def kubectl(self, ca_file: str | None) -> list[list[str]]:
        """The arguments of `kubectl config` that put the same into a kubeconfig which has more in it.

        It cannot set `interactiveMode` (kubectl 1.33), which v1 demands; so the version is always v1beta1.
        """
        cluster = ["set-cluster", self.cluster.name, f"--server={self.cluster.server}"]
        if ca_file is not None:
            cluster += [f"--certificate-authority={ca_file}", "--embed-certs=true"]
        user = [
            *("set-credentials", self.user, f"--exec-api-version={GROUP}/{MERGED_VERSION}"),
            f"--exec-command={self.command[0]}",
            *(f"--exec-arg={_listed(word)}" for word in self.command[1:]),
        ]
        context = ["set-context", self.context, f"--cluster={self.cluster.name}", f"--user={self.user}"]
        if self.namespace is not None:
            context.append(f"--namespace={self.namespace}")
        return [cluster, user, context]


def _listed(word: str) -> str:
    """One word of a list flag of kubectl, which reads its value as a line of CSV (pflag, StringSlice)."""
    quoted = word.replace('"', '""')
    return f'"{quoted}"'


def is_ours(document: object) -> bool:
    """Whether a kubeconfig has users, and each of them runs us."""
    users = document.get("users") if isinstance(document, dict) else None
    return isinstance(users, list) and bool(users) and all(runs_us(each) for each in users)


def runs_us(user: object) -> bool:
    """Whether a user of a kubeconfig is one that runs us for its token."""
    inner = user.get("user") if isinstance(user, dict) else None
    plugin = inner.get("exec") if isinstance(inner, dict) else None
    args = plugin.get("args") if isinstance(plugin, dict) else None
    words = tuple(args) if isinstance(args, list) else ()
    return any(words[start : start + len(PLUGIN)] == PLUGIN for start in range(len(words)))


def taken(document: object, entry: Entry) -> list[tuple[str, str]]:
    """The entries of a kubeconfig that have the names of an entry and that we did not make: kind and name.

    A cluster may be shared where it is the same server.
    """
    users = {_name(each): runs_us(each) for each in _entries(document, "users")}
    clusters = {_name(each): each.get("cluster") for each in _entries(document, "clusters")}
    contexts = {_name(each): each.get("context") for each in _entries(document, "contexts")}
    pairs = {
        name: (str(context.get("cluster")), users.get(str(context.get("user")), False))
        for name, context in contexts.items()
        if isinstance(context, dict)
    }
    found = []
    if entry.context in contexts and not pairs.get(entry.context, ("", False))[1]:
        found.append(("context", entry.context))
    if not users.get(entry.user, True):
        found.append(("user", entry.user))
    if entry.cluster.name in clusters:
        cluster = clusters[entry.cluster.name]
        same = isinstance(cluster, dict) and cluster.get("server") == entry.cluster.server
        of = [ours for name, ours in pairs.values() if name == entry.cluster.name]
        if not same and not (of and all(of)):
            found.append(("cluster", entry.cluster.name))
    return found


def to_remove(document: object, cluster: str) -> list[tuple[str, str]]:
    """The entries of a kubeconfig that are ours for a cluster, in the order in which they go: kind and name.

    A user that runs us goes with the contexts that have it and this cluster, unless another cluster's have it too; the
    cluster goes when no context of somebody else has it.
    """
    ours = {_name(each) for each in _entries(document, "users") if runs_us(each)}
    contexts = {_name(each): each.get("context") for each in _entries(document, "contexts")}
    pairs = {
        name: (context.get("cluster"), context.get("user"))
        for name, context in contexts.items()
        if isinstance(context, dict)
    }
    gone = {name: user for name, (of, user) in pairs.items() if of == cluster and user in ours}
    left = [pair for name, pair in pairs.items() if name not in gone]
    removed = [("context", name) for name in gone]
    removed += [("user", user) for user in sorted(set(gone.values())) if all(user != other for _, other in left)]
    if gone and all(cluster != of for of, _ in left):
        removed.append(("cluster", cluster))
    return removed


def _entries(document: object, kind: str) -> list[dict[str, object]]:
    found = document.get(kind) if isinstance(document, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _name(entry: dict[str, object]) -> str:
    return str(entry.get("name"))


class User(NamedTuple):
    """Whom the API server takes the token's holder for."""

    name: str
    groups: tuple[str, ...]


def who(party: Party, cluster: Cluster, token: Secret) -> User:
    """Ask the API server whom it takes the token's holder for.

    Raises:
        RelyingPartyRefused: it takes the token for nobody's; `facts` hold `party_code`, `http_status` and `fate`.
        ServiceUnreachable, ServiceAnswerInvalid, SettingInvalid, FileUnavailable: see `asking.ask`.
    """
    told = asking.ask(
        party,
        "POST",
        f"{cluster.server}/apis/authentication.k8s.io/v1/selfsubjectreviews",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token.reveal()}"},
        body=json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode("ascii"),
    )
    if told.status not in (200, 201):
        raise asking.refusal(
            party,
            told,
            code=asking.text_of(told.document, "reason"),
            words=asking.text_of(told.document, "message"),
            causes=_CAUSES,
            advice="Kubernetes has SelfSubjectReview since version 1.28.",
        )
    status = told.document.get("status")
    info = status.get("userInfo") if isinstance(status, dict) else None
    name = asking.text_of(info, "username") if isinstance(info, dict) else ""
    groups = info.get("groups") if isinstance(info, dict) else None
    if not name:
        raise asking.strange(party, "no user")
    return User(name, tuple(each for each in groups if isinstance(each, str)) if isinstance(groups, list) else ())
