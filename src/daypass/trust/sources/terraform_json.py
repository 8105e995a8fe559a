"""Terraform's JSON configuration, `.tf.json`: what is written, before any plan.

Local values of the same file are followed. Other expressions stay unknown values.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from daypass.errors import JsonMalformed, PolicyUnsupported
from daypass.trust.sources import terraform_document, terraform_expression
from daypass.trust.sources.found import FoundPolicy, ProviderFacts, RoleFacts, Where
from daypass.trust.sources.json_file import embedded, entries, fixed, members, number_of, read, text_of, texts
from daypass.trust.unknown import UNKNOWN, has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import Path

_ROLE: Final = "aws_iam_role"
_DOCUMENT: Final = "aws_iam_policy_document"
_PROVIDER: Final = "aws_iam_openid_connect_provider"
_MOST_FOLLOWED: Final = 256
_CHOICE: Final = re.compile(r"[^?:]+\?([^?:]+):([^?:]+)")
"""The conditional expression of HCL: its two results."""


def is_configuration(name: str, document: dict[str, JsonValue]) -> bool:
    """Whether a JSON file is Terraform's."""
    return name.endswith((".tf.json", ".tofu.json")) or any(
        _ROLE in kinds for _, kinds in _objects(document.get("resource"), ())
    )


def policies(name: str, text: str, document: dict[str, JsonValue]) -> Iterator[FoundPolicy]:
    """The trust policy of each `aws_iam_role`."""
    providers = tuple(_providers(text, document))
    for label, path, block in _blocks(document, "resource", _ROLE):
        role = RoleFacts(
            name=_known(block.get("name")) or label, max_session_duration=number_of(block.get("max_session_duration"))
        )
        where, at = Where(name, f"{_ROLE}.{label}"), fixed(text, (*path, "assume_role_policy"))
        policy = _policy(block.get("assume_role_policy"), document)
        if policy is None:
            fault = PolicyUnsupported(
                f"the trust policy of `{_ROLE}.{label}` is an expression that is known only to Terraform",
                advice="Lint the plan: terraform show -json PLAN.",
                later=True,
            )
            yield FoundPolicy(where, "", None, fault, at, role, tuple(facts for _, facts in providers))
        else:
            yield embedded(policy, where, at, role=role, providers=tuple(facts for _, facts in providers))


def _policy(value: JsonValue, document: dict[str, JsonValue]) -> JsonValue:
    """The policy as an object or as JSON text; None when only Terraform knows it."""
    if not isinstance(value, str):
        return None
    written = _Locals(document).follow(terraform_expression.evaluate(value))
    for label, _, block in _blocks(document, "data", _DOCUMENT):
        if written == terraform_expression.reference(f"data.{_DOCUMENT}.{label}.json"):
            if not terraform_document.is_whole(block):
                return None
            rendered = terraform_document.render(members(terraform_expression.deep(block)))
            return _with_arns(_Locals(document).follow(rendered), document)
    if isinstance(written, str):
        return _from_text(written, document)
    return _with_arns(written, document)


class _Locals:
    """The local values of a file, put in place of what refers to them; not too often: they could grow without end."""

    def __init__(self, document: dict[str, JsonValue]) -> None:
        found = _objects(document.get("locals"), ())
        self._values = {
            terraform_expression.reference(f"local.{name}"): value
            for _, members_ in found
            for name, value in members_.items()
        }
        self._left = _MOST_FOLLOWED

    def follow(self, value: JsonValue, within: frozenset[str] = frozenset()) -> JsonValue:
        """A value without references; `within` are those that it is part of, which stay."""
        if isinstance(value, dict):
            return {_text(self.follow(name, within), name): self.follow(each, within) for name, each in value.items()}
        if isinstance(value, list):
            return [self.follow(each, within) for each in value]
        if not isinstance(value, str) or not has_unknown(value):
            return value
        if value in self._values:
            return self._value(value, within)
        return re.sub(UNKNOWN, lambda found: _text(self._value(found[0], within), found[0]), value)

    def _value(self, mark: str, within: frozenset[str]) -> JsonValue:
        if mark not in self._values or mark in within or self._left == 0:
            return mark
        self._left -= 1
        return self.follow(terraform_expression.deep(self._values[mark]), within | {mark})


def _text(value: JsonValue, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def _from_text(text: str, document: dict[str, JsonValue]) -> JsonValue:
    try:
        return _with_arns(read(text), document)
    except JsonMalformed:
        return text if text.lstrip().startswith("{") or not has_unknown(text) else None


def _with_arns(value: JsonValue, document: dict[str, JsonValue]) -> JsonValue:
    """What refers to the ARN of a provider of the same file, with that ARN, but for its account."""
    urls = {
        f"{prefix}{_PROVIDER}.{label}.arn": url
        for base, prefix in (("resource", ""), ("data", "data."))
        for label, _, block in _blocks(document, base, _PROVIDER)
        if (url := _known(block.get("url"))) is not None
    }
    account = terraform_expression.reference("account")

    def arn(found: re.Match[str]) -> str:
        url = _chosen(found[0][1:-1], urls)
        return found[0] if url is None else f"arn:aws:iam::{account}:oidc-provider/{url.rpartition('://')[2]}"

    result: JsonValue = json.loads(re.sub(UNKNOWN, arn, json.dumps(value, ensure_ascii=False)))
    return result


def _chosen(expression: str, urls: dict[str, str]) -> str | None:
    """The URL of the provider whose ARN an expression is, also when it is one of two providers of one URL."""
    choice = _CHOICE.fullmatch(expression)
    operands = choice.groups() if choice else (expression,)
    found = {urls.get(each.strip().replace("[0]", "")) for each in operands}
    return found.pop() if len(found) == 1 else None


def _providers(text: str, document: dict[str, JsonValue]) -> Iterator[tuple[str, ProviderFacts]]:
    for label, path, block in _blocks(document, "resource", _PROVIDER):
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


def _blocks(document: dict[str, JsonValue], base: str, kind: str) -> Iterator[tuple[str, Path, dict[str, JsonValue]]]:
    """Label, path and content of each block of a kind; at every level an array of objects is allowed."""
    for at_kinds, kinds in _objects(document.get(base), (base,)):
        for at_labels, labels in _objects(kinds.get(kind), (*at_kinds, kind)):
            for label, value in labels.items():
                for path, block in _objects(value, (*at_labels, label)):
                    yield label, path, block


def _objects(value: JsonValue, path: Path) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    for index, each in enumerate(entries(value)):
        yield ((*path, index) if isinstance(value, list) else path), members(each)
