"""`daypass idp login kubernetes` and `logout kubernetes`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import yaml

from daypass import files
from daypass.cli import idp_credentials_kubernetes, idp_relying, output
from daypass.errors import AlreadyExists, FileUnavailable, RelyingPartyRefused, Unavailable, UsageInvalid
from daypass.relying import asking, kubernetes

if TYPE_CHECKING:
    import argparse

_MAX_BYTES: Final = 1024 * 1024
_KUBECTL_SECONDS: Final = 30


def log_in(arguments: argparse.Namespace) -> int:
    """Write a kubeconfig of its own, or have kubectl put the entries into the user's."""
    if arguments.unset:
        return log_out(arguments)
    if not arguments.server:
        raise UsageInvalid("no API server is named", advice="Add: --server https://…")
    if arguments.merge and arguments.kubeconfig:
        raise UsageInvalid("--merge goes to the kubeconfig that kubectl uses", advice="Set KUBECONFIG to name it.")
    if arguments.merge and arguments.exec_version == "v1":
        raise UsageInvalid("kubectl cannot write all that v1 demands", advice="Leave --exec-version out.")
    authority = None if arguments.ca is None else files.read_bounded(arguments.ca, _MAX_BYTES)
    cluster = kubernetes.Cluster.parse(arguments.cluster, arguments.server, authority)
    bearer = idp_relying.Bearer(arguments, cluster.audience)
    entry = kubernetes.Entry(
        cluster=cluster,
        user=kubernetes.parse_name(arguments.user or f"daypass-{cluster.name}", "user"),
        context=kubernetes.parse_name(arguments.context or cluster.name, "context"),
        namespace=None if arguments.namespace is None else kubernetes.parse_namespace(arguments.namespace),
        command=idp_relying.own_command(arguments, "kubernetes", bearer.audience),
        version=arguments.exec_version or "v1",
    )
    path = None if arguments.merge else _path(arguments)
    if path is not None:
        _demand_ours(path)
    else:
        _demand_free(entry)
    try:
        user = _check(arguments, cluster, bearer)
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=arguments.json)
    if path is None:
        _merge(entry, arguments.ca)
    else:
        content = yaml.safe_dump(entry.document(), sort_keys=False, default_flow_style=False)
        files.write_atomic(path, content.encode("utf-8"))
    facts: dict[str, object] = {
        "server": cluster.server,
        "audience": bearer.audience,
        "context": entry.context,
        "user": entry.user,
        **({} if path is None else {"kubeconfig": str(path)}),
        **({} if user is None else {"username": user.name, "groups": list(user.groups)}),
    }
    idp_relying.result(arguments, facts)
    if path is None:
        output.note(f"To use it: kubectl --context {entry.context} …")
    else:
        output.note(f"To use it: export KUBECONFIG={path}, or kubectl --kubeconfig {path} …")
    return 0


def log_out(arguments: argparse.Namespace) -> int:
    """Remove what we wrote, a file or entries, and every token that is kept for Kubernetes."""
    if arguments.merge:
        _unmerge(arguments.cluster)
    else:
        path = _path(arguments)
        if path.exists():
            _demand_ours(path)
            files.remove(path)
            output.line(str(path))
    count = 0
    folder = idp_credentials_kubernetes.folder()
    for kept in sorted(folder.glob("*.json")):
        files.remove(kept)
        files.remove(f"{kept}.lock")
        count += 1
    output.note(f"{count} cached token{'' if count == 1 else 's'} removed.")
    output.note("A token that a process has already got lasts until its end.")
    return 0


def _check(
    arguments: argparse.Namespace, cluster: kubernetes.Cluster, bearer: idp_relying.Bearer
) -> kubernetes.User | None:
    if not arguments.check:
        return None
    party = asking.Party("Kubernetes", "--server", Path(arguments.ca) if arguments.ca else None, "--ca", os.environ)
    return idp_relying.attempt(bearer, lambda token: kubernetes.who(party, cluster, token), arguments.wait)


def _path(arguments: argparse.Namespace) -> Path:
    if arguments.kubeconfig:
        return Path(os.path.abspath(arguments.kubeconfig))
    name = quote(kubernetes.parse_name(arguments.cluster, "cluster"), safe="@")  # a/b and a:b are two clusters
    return Path.home() / ".kube" / f"daypass-{name}.yaml"


def _demand_ours(path: Path) -> None:
    """Leave a kubeconfig alone that has anybody else's user in it."""
    try:
        document = yaml.safe_load(files.read_bounded(path, _MAX_BYTES))
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return
        raise
    except (yaml.YAMLError, RecursionError):
        document = None
    if not kubernetes.is_ours(document):
        raise AlreadyExists(
            f"`{path}` is there, and holds more than what Daypass wrote",
            advice="Name a file of its own with --kubeconfig, or let kubectl put it among the others with --merge.",
            path=str(path),
        )


def _demand_free(entry: kubernetes.Entry) -> None:
    """Leave the entries of a kubeconfig alone that have the same names and are somebody else's: kubectl would not."""
    for kind, name in kubernetes.taken(_view(), entry):
        raise AlreadyExists(
            f"the {kind} `{name}` is in the kubeconfig, and is not one of Daypass's",
            advice="Choose another name with --cluster, --context or --user.",
            kind=kind,
            name=name,
        )


def _merge(entry: kubernetes.Entry, ca_file: str | None) -> None:
    for words in entry.kubectl(None if ca_file is None else os.path.abspath(ca_file)):
        _kubectl(words)


def _unmerge(cluster: str) -> None:
    """Have kubectl remove the entries of a cluster that run us, and the cluster when nobody else uses it."""
    for kind, name in kubernetes.to_remove(_view(), cluster):
        _kubectl([f"delete-{kind}", name])
        output.line(f"{kind} {name}")


def _view() -> object:
    """What kubectl reads, without its secrets."""
    return json.loads(_kubectl(["view", "--output=json"]) or "{}")


def _kubectl(words: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the words are checked
            ["kubectl", "config", *words],  # noqa: S607 - the kubectl that the user has
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_KUBECTL_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise Unavailable("kubectl is not here", advice="Leave --merge out for a file of its own.") from None
    except subprocess.TimeoutExpired:
        raise Unavailable("kubectl did not end", advice="Leave --merge out for a file of its own.") from None
    if done.returncode:
        reason = asking.plain(done.stderr.decode("utf-8", "replace"))
        raise Unavailable(f"kubectl config {words[0]} failed: {reason}", advice="Leave --merge out.")
    return done.stdout.decode("utf-8", "replace")
