"""Terraform and OpenTofu plans as `terraform show -json` writes them (JSON output format 1.x)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import PolicyUnsupported
from daypass.trust.sources import terraform_document
from daypass.trust.sources.found import FoundPolicy, ProviderFacts, RoleFacts, Where
from daypass.trust.sources.json_file import embedded, entries, fixed, members, number_of, text_of, texts
from daypass.trust.unknown import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import Path


def is_plan(document: dict[str, JsonValue]) -> bool:
    """Whether a document is a plan, or a state."""
    return "format_version" in document and bool({"resource_changes", "planned_values", "values"} & document.keys())


def policies(name: str, text: str, document: dict[str, JsonValue]) -> Iterator[FoundPolicy]:
    """The trust policy of each role that will be there when the plan is applied."""
    changes = list(_changes(document))
    providers = tuple(_providers(text, changes))
    documents = {address: after for _, address, kind, after in changes if kind == "aws_iam_policy_document"}
    for path, address, kind, after in changes:
        if kind != "aws_iam_role":
            continue
        where = Where(name, address)
        role = RoleFacts(
            name=text_of(after.get("name")) or address,
            max_session_duration=number_of(after.get("max_session_duration")),
        )
        policy = after.get("assume_role_policy")
        if isinstance(policy, str) and policy != unknown("assume_role_policy"):
            yield embedded(policy, where, fixed(text, (*path, "assume_role_policy")), role=role, providers=providers)
            continue
        source = documents.get(_source(document, address) or "")
        if source is None or not terraform_document.is_whole(source):
            fault = PolicyUnsupported(
                f"the trust policy of `{address}` is known only after apply",
                advice="Lint the role with `aws iam get-role` when it is there, or write its policy with"
                " `aws_iam_policy_document`.",
                later=True,
            )
            yield FoundPolicy(where, "", None, fault, fixed(text, path), role, providers)
            continue
        yield embedded(terraform_document.render(source), where, fixed(text, path), role=role, providers=providers)


def _changes(document: dict[str, JsonValue]) -> Iterator[tuple[Path, str, str, dict[str, JsonValue]]]:
    """Path of the values, address, type and values of each resource; unknown values marked."""
    if "resource_changes" in document:
        for index, each in enumerate(entries(document["resource_changes"])):
            resource, change = members(each), members(members(each).get("change"))
            if change.get("after") is not None:
                after = _marked(change["after"], change.get("after_unknown"), "")
                yield (
                    ("resource_changes", index, "change", "after"),
                    text_of(resource.get("address")) or "",
                    text_of(resource.get("type")) or "",
                    members(after),
                )
        for path, resource in _resources(members(document.get("prior_state")).get("values"), ("prior_state", "values")):
            if resource.get("mode") == "data":
                yield _as_change(path, resource)
        return
    root = "planned_values" if "planned_values" in document else "values"
    for path, resource in _resources(document.get(root), (root,)):
        yield _as_change(path, resource)


def _as_change(path: Path, resource: dict[str, JsonValue]) -> tuple[Path, str, str, dict[str, JsonValue]]:
    address, kind = text_of(resource.get("address")) or "", text_of(resource.get("type")) or ""
    return (*path, "values"), address, kind, members(resource.get("values"))


def _resources(values: JsonValue, path: Path) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    pending: list[tuple[Path, JsonValue]] = [((*path, "root_module"), members(values).get("root_module"))]
    while pending:
        here, module = pending.pop()
        for index, resource in enumerate(entries(members(module).get("resources"))):
            yield (*here, "resources", index), members(resource)
        for index, child in enumerate(entries(members(module).get("child_modules"))):
            pending.append(((*here, "child_modules", index), child))


def _marked(after: JsonValue, later: JsonValue, name: str) -> JsonValue:
    """The values with what is known after apply marked; `later` mirrors them with `true` where that is."""
    if later is True:
        return unknown(name or "value")
    if isinstance(later, dict):
        known = members(after)
        names = [*known, *(each for each in later if each not in known)]
        return {each: _marked(known.get(each), later.get(each), each) for each in names}
    if isinstance(later, list):
        known_entries = after if isinstance(after, list) else []
        return [
            _marked(
                known_entries[index] if index < len(known_entries) else None,
                later[index] if index < len(later) else None,
                name,
            )
            for index in range(max(len(known_entries), len(later)))
        ]
    return after


def _providers(text: str, changes: list[tuple[Path, str, str, dict[str, JsonValue]]]) -> Iterator[ProviderFacts]:
    for path, _, kind, after in changes:
        url = text_of(after.get("url"))
        if kind == "aws_iam_openid_connect_provider" and url is not None:
            yield ProviderFacts(
                url=url,
                arn=text_of(after.get("arn")),
                client_ids=texts(after["client_id_list"]) if isinstance(after.get("client_id_list"), list) else None,
                thumbprints=texts(after.get("thumbprint_list")),
                place=fixed(text, (*path, "url"))(()),
            )


def _source(document: dict[str, JsonValue], address: str) -> str | None:
    """The address of the data source that the role's policy is taken from, as the configuration says."""
    *modules, kind, name = _split(address)
    module = members(members(document.get("configuration")).get("root_module"))
    for step in modules:
        module = members(members(members(module.get("module_calls")).get(step)).get("module"))
    for resource in map(members, entries(module.get("resources"))):
        if resource.get("address") == f"{kind}.{name}":
            expression = members(members(resource.get("expressions")).get("assume_role_policy"))
            for reference in texts(expression.get("references")):
                if reference.startswith("data.aws_iam_policy_document.") and not reference.endswith(".json"):
                    return f"{address[: address.rindex(kind)]}{reference}"
    return None


def _split(address: str) -> list[str]:
    """The names of the modules on the way, and the resource's type and name; indexes left out."""
    parts = [part.partition("[")[0] for part in address.split(".")]
    modules = [parts[index + 1] for index in range(len(parts) - 1) if parts[index] == "module"]
    return [*modules, *parts[-2:]]
