"""A bash script that uses the AWS CLI, version 1 or 2, and may be run again and again.

Text from the file goes to the AWS CLI as JSON: version 1 fetches an argument that begins with `https://`, and version 2
reads some that look like JSON (observed with AWS CLI 1.46, September 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import AccountText, Open
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.literals import json_text, shell

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, Document, ExportedProvider, ExportedRole

_USAGE: Final = (
    "bash daypass-roles.sh",
    "It may be run again: a provider and roles that are there are brought to what is written here.",
    "It takes nothing away: neither audiences nor policies that others added.",
)
_FUNCTIONS: Final = r"""
set -euo pipefail
export AWS_PAGER=""

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
caller=$(aws sts get-caller-identity --query Arn --output text)
IFS=: read -r _ partition _ _ account _ <<<"$caller"

# Prints what AWS answers, as JSON. Status 1 says that there is no such thing; 3 is any other error.
found() {
  if aws iam "$@" --output json 2>"$errors"; then return 0; fi
  if grep -q '(NoSuchEntity)' "$errors"; then return 1; fi
  cat "$errors" >&2
  return 3
}

made=false # whether what comes next belongs to something that was made just now, with all that it needs

# ARN, request to create it, then each audience as JSON.
ensure_provider() {
  local arn=$1 request=$2 have status=0 audience
  shift 2
  made=false
  have=$(found get-open-id-connect-provider --open-id-connect-provider-arn "$arn" --query ClientIDList) || status=$?
  case $status in
    0) ;;
    1)
      aws iam create-open-id-connect-provider --cli-input-json "$request" >/dev/null
      printf 'created %s\n' "$arn"
      made=true
      return
      ;;
    *) exit "$status" ;;
  esac
  for audience in "$@"; do
    case $have in
      *"$audience"*) ;;
      *)
        aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$arn" \
          --cli-input-json "{\"ClientID\": $audience}"
        printf 'changed %s: added an audience\n' "$arn"
        ;;
    esac
  done
}

# Name, path as JSON, request to create it, request to update it, trust policy, then options of create-role.
ensure_role() {
  local name=$1 path=$2 create=$3 update=$4 trust=$5 have status=0
  shift 5
  made=false
  have=$(found get-role --role-name="$name" --query Role.Path) || status=$?
  case $status in
    0) ;;
    1)
      aws iam create-role --cli-input-json "$create" --assume-role-policy-document "$trust" "$@" >/dev/null
      printf 'created %s\n' "$name"
      made=true
      return
      ;;
    *) exit "$status" ;;
  esac
  if [ "$have" != "$path" ]; then
    printf '%s has the path %s, and AWS changes no role'\''s path\n' "$name" "$have" >&2
    exit 1
  fi
  have=$(found get-role --role-name="$name" --query Role.AssumeRolePolicyDocument)
  if [ "$have" != "$trust" ]; then
    aws iam update-assume-role-policy --role-name="$name" --policy-document "$trust"
    printf 'changed %s: set who may enter\n' "$name"
  fi
  case $update in
    *'"Description": '*) ;;
    *) # UpdateRole takes away a description that it is not told
      have=$(found get-role --role-name="$name" --query Role.Description)
      if [ "$have" != null ]; then update="${update%\}}, \"Description\": $have}"; fi
      ;;
  esac
  aws iam update-role --cli-input-json "$update" >/dev/null
}
"""


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    labels = Labels.snake(of)
    body = [_provider(each, labels.provider(each)) for each in of.providers]
    body += [_role(each, labels) for each in of.roles]
    top = "#!/usr/bin/env bash\n" + commented(header(of, "aws-cli", _USAGE), "#")
    return {"daypass-roles.sh": top + _FUNCTIONS + "".join(f"\n{part}" for part in body)}


def _provider(provider: ExportedProvider, label: str) -> str:
    request: dict[str, Any] = {"Url": provider.issuer, "ClientIDList": [*provider.client_ids]}
    if provider.thumbprints:
        request["ThumbprintList"] = [*provider.thumbprints]
    if provider.tags:
        request["Tags"] = _tags(provider)
    variable = f"{label}_arn"
    text = f'{variable}="arn:$partition:iam::$account:oidc-provider/"{shell(provider.without_scheme)}\n'
    audiences = [shell(json_text(each)) for each in provider.client_ids]
    text += _command("ensure_provider", f'"${variable}"', _json(request), *audiences)
    given = f'--open-id-connect-provider-arn "${variable}"'
    if provider.thumbprints:
        request = {"ThumbprintList": [*provider.thumbprints]}
        text += _command(
            "$made || aws iam update-open-id-connect-provider-thumbprint", given, f"--cli-input-json {_json(request)}"
        )
    if provider.tags:
        text += _command(
            "$made || aws iam tag-open-id-connect-provider",
            given,
            f"--cli-input-json {_json({'Tags': _tags(provider)})}",
        )
    return text


def _role(role: ExportedRole, labels: Labels) -> str:
    label = labels.role(role)
    update: dict[str, Any] = {"RoleName": role.name}
    if role.description:
        update["Description"] = role.description
    update["MaxSessionDuration"] = role.max_session_seconds
    create: dict[str, Any] = {**update, "Path": role.path}
    if role.tags:
        create["Tags"] = _tags(role)
    trust = _document(role.trust, f'"${labels.provider(role.issuer)}_arn"')
    text = commented(who_may_enter(role), "#") + f"{label}_trust={trust}\n"
    more = [f"--permissions-boundary {_arn(role.boundary)}"] if role.boundary else []
    name = f"--role-name={shell(role.name)}"
    text += _command(
        *("ensure_role", shell(role.name), shell(json_text(role.path)), _json(create), _json(update)),
        *(f'"${label}_trust"', *more),
    )
    if role.boundary:
        text += _command("$made || aws iam put-role-permissions-boundary", name, *more)
    for each in role.managed_policies:
        text += _command("aws iam attach-role-policy", name, f"--policy-arn {_arn(each)}")
    for policy, document in role.inline_policies:
        text += _command(
            *("aws iam put-role-policy", name, f"--policy-name={shell(policy)}"),
            f"--policy-document {_document(document, '')}",
        )
    if role.tags:
        text += _command("$made || aws iam tag-role", name, f"--cli-input-json {_json({'Tags': _tags(role)})}")
    return text


def _command(name: str, *words: str) -> str:
    return " \\\n  ".join([name, *words]) + "\n"


def _json(value: object) -> str:
    return shell(json_text(value))


def _document(document: Document, arn: str) -> str:
    """A policy as one word, laid out as the AWS CLI prints it, with the variable `arn` where it names the provider."""
    mark = "provider"
    while mark in json_text(referring(document, "")):
        mark += "-"
    parts = json_text(referring(document, mark), indent=4).split(mark)
    return arn.join(map(shell, parts))


def _arn(arn: AccountText) -> str:
    return "".join(f'"${part.name}"' if isinstance(part, Open) else shell(part) for part in arn.parts)


def _tags(of: ExportedProvider | ExportedRole) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in of.tags]
