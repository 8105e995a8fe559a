"""Terraform's JSON configuration, `.tf.json`: what is written, before any plan; expressions stay unknown values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from daypass.errors import JsonMalformed, PolicyUnsupported
from daypass.trust.sources import terraform_document, terraform_expression
from daypass.trust.sources.found import FoundPolicy, ProviderFacts, RoleFacts, Where
from daypass.trust.sources.json_file import embedded, entries, fixed, members, number_of, read, text_of, texts
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import Path

_ROLE: Final = "aws_iam_role"
_DOCUMENT: Final = "aws_iam_policy_document"
_PROVIDER: Final = "aws_iam_openid_connect_provider"


def is_configuration(name: str, document: dict[str, JsonValue]) -> bool:
    """Whether a JSON file is Terraform's."""
    return name.endswith((".tf.json", ".tofu.json")) or _ROLE in members(document.get("resource"))


def policies(name: str, text: str, document: dict[str, JsonValue]) -> Iterator[FoundPolicy]:
    """The trust policy of each `aws_iam_role`."""
    resources, data = members(document.get("resource")), members(document.get("data"))
    providers = tuple(_providers(text, resources))
    for label, path, block in _blocks(resources, ("resource",), _ROLE):
        role = RoleFacts(
            name=_known(block.get("name")) or label, max_session_duration=number_of(block.get("max_session_duration"))
        )
        where, at = Where(name, f"{_ROLE}.{label}"), fixed(text, (*path, "assume_role_policy"))
        policy = _policy(block.get("assume_role_policy"), data, providers)
        if policy is None:
            fault = PolicyUnsupported(
                f"the trust policy of `{_ROLE}.{label}` is an expression that is known only to Terraform",
                advice="Lint the plan: terraform show -json PLAN.",
                later=True,
            )
            yield FoundPolicy(where, "", None, fault, at, role, tuple(facts for _, facts in providers))
        else:
            yield embedded(policy, where, at, role=role, providers=tuple(facts for _, facts in providers))


def _policy(
    value: JsonValue, data: dict[str, JsonValue], providers: tuple[tuple[str, ProviderFacts], ...]
) -> JsonValue:
    """The policy as an object or as JSON text; None when only Terraform knows it."""
    if not isinstance(value, str):
        return None
    written = terraform_expression.evaluate(value)
    for label, _, block in _blocks(data, ("data",), _DOCUMENT):
        if written == terraform_expression.reference(f"data.{_DOCUMENT}.{label}.json"):
            if not terraform_document.is_whole(block):
                return None
            return _with_arns(terraform_document.render(members(terraform_expression.deep(block))), providers)
    if isinstance(written, str):
        return _from_text(written, providers)
    return _with_arns(written, providers)


def _from_text(text: str, providers: tuple[tuple[str, ProviderFacts], ...]) -> JsonValue:
    try:
        return _with_arns(read(text), providers)
    except JsonMalformed:
        return text if text.lstrip().startswith("{") or not has_unknown(text) else None


def _with_arns(value: JsonValue, providers: tuple[tuple[str, ProviderFacts], ...]) -> JsonValue:
    """What refers to the ARN of a provider of the same file, with that ARN, but for its account."""
    text = json.dumps(value, ensure_ascii=False)
    for label, facts in providers:
        account = terraform_expression.reference("account")
        arn = f"arn:aws:iam::{account}:oidc-provider/{facts.url.rpartition('://')[2]}"
        text = text.replace(terraform_expression.reference(f"{_PROVIDER}.{label}.arn"), arn)
    result: JsonValue = json.loads(text)
    return result


def _providers(text: str, resources: dict[str, JsonValue]) -> Iterator[tuple[str, ProviderFacts]]:
    for label, path, block in _blocks(resources, ("resource",), _PROVIDER):
        url, ids = _known(block.get("url")), block.get("client_id_list")
        if url is not None:
            known = isinstance(ids, list) and all(_known(each) is not None for each in ids)
            thumbprints = tuple(each for each in texts(block.get("thumbprint_list")) if _known(each))
            yield (
                label,
                ProviderFacts(
                    url=url,
                    client_ids=texts(ids) if known else None,
                    thumbprints=thumbprints,
                    place=fixed(text, (*path, "url"))(()),
                ),
            )


def _known(value: JsonValue) -> str | None:
    """A text without any expression in it."""
    text = text_of(value)
    return None if text is None or "${" in text or "%{" in text else text


def _blocks(kinds: dict[str, JsonValue], base: Path, kind: str) -> Iterator[tuple[str, Path, dict[str, JsonValue]]]:
    """Label, path and content of each block of a kind; JSON syntax allows an array of blocks."""
    for label, value in members(kinds.get(kind)).items():
        for index, block in enumerate(entries(value)):
            path = (*base, kind, label, index) if isinstance(value, list) else (*base, kind, label)
            yield label, path, members(block)
