"""The administration commands' client: the admin API of `DAYPASS_URL`, with `DAYPASS_ADMIN_TOKEN_FILE`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from daypass import files
from daypass.ambient.service import Service, secret_from
from daypass.cli import output
from daypass.errors import DaypassError, ServiceAnswerInvalid, SettingInvalid, UsageInvalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.tokens.strict_json import JsonObject, JsonValue

PAGE: Final = 1000


def connect(environ: Mapping[str, str] | None = None) -> Service:
    """The API as the environment names it.

    Raises:
        SettingInvalid: when the URL or the admin token is not set; the advice is the line to add.
        FileUnsafe: when others can open the token's file.
    """
    found = os.environ if environ is None else environ
    url, secret = found.get("DAYPASS_URL"), secret_from(found, "DAYPASS_ADMIN_TOKEN")
    if not url:
        raise SettingInvalid(
            "DAYPASS_URL is not set",
            advice="Add: export DAYPASS_URL=https://idp.example.com",
            key="DAYPASS_URL",
            reason="not set",
        )
    if secret is None:
        raise SettingInvalid(
            "there is no admin token",
            advice="Add: export DAYPASS_ADMIN_TOKEN_FILE=/path/to/the/admin/token",
            key="DAYPASS_ADMIN_TOKEN_FILE",
            reason="not set",
        )
    return Service(url, secret, environ=found)


def path(*parts: str) -> str:
    """A path below `/v1/`, each part quoted, so that a name cannot become two.

    Raises:
        UsageInvalid: for an empty part, or one that URLs read as "this" or "above".
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise UsageInvalid(f"`{part}` is not a name or id")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def items(service: Service, list_path: str, **query: object) -> Iterator[JsonObject]:
    """All items of a list, page after page; `query` is what the list takes beside.

    Raises:
        ServiceAnswerInvalid: when a page is not one.
    """
    after: str | None = None
    while True:
        paging = {"limit": str(PAGE)} if after is None else {"limit": str(PAGE), "after": after}
        page = service.get(f"{list_path}?{urlencode({**paging, **query})}")
        found, following = page.get("items"), page.get("next")
        if not isinstance(found, list) or (following is not None and (not isinstance(following, str) or not found)):
            raise ServiceAnswerInvalid("the identity provider answered with something that is not a list")
        for item in found:
            if not isinstance(item, dict):
                raise ServiceAnswerInvalid("the identity provider's list has something in it that is not an object")
            yield item
        if following is None or following == after:
            return
        after = following


def given(**values: object) -> dict[str, object]:
    """Those of the values that were given, for a body in which absent means default."""
    return {name: value for name, value in values.items() if value is not None}


def print_list(arguments: argparse.Namespace, found: Iterator[JsonObject], columns: Sequence[str]) -> int:
    """Print items as a table of some of their fields, or all of them as JSON."""
    if arguments.json:
        output.as_json(list(found))
    else:
        output.table(
            [name.replace("_", " ") for name in columns],
            [[shown(item.get(name)) for name in columns] for item in found],
        )
    return 0


def print_one(arguments: argparse.Namespace, thing: JsonObject) -> int:
    """Print one thing's fields, or the thing as JSON."""
    if arguments.json:
        output.as_json(thing)
    else:
        output.fields({name: shown(value) for name, value in thing.items()})
    return 0


def shown(value: JsonValue) -> str:
    """A field's value for people."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, list):
        return " ".join(shown(entry) for entry in value)
    return value if isinstance(value, str) else output.compact(value)


def print_created(
    arguments: argparse.Namespace, service: Service, created: JsonObject, *, revoke_path: str, setting: str
) -> int:
    """Print a thing that came with a secret: the secret into `--token-file`, or else once, here.

    A secret that could not be written is one that nobody will ever use, so what it belongs to is revoked again.

    Raises:
        FileUnsafe, FileUnavailable: see `files.write_atomic`.
        ServiceAnswerInvalid: when there is no secret.
    """
    secret = created.get("secret")
    if not isinstance(secret, str) or not secret:
        raise ServiceAnswerInvalid("the identity provider answered without a secret")
    if arguments.token_file:
        file = Path(os.path.abspath(arguments.token_file))
        try:
            files.write_atomic(file, f"{secret}\n".encode())
        except DaypassError as error:
            service.post(f"{revoke_path}/{quote(str(created.get('id')), safe='')}/revoke")
            error.advice = f"{error.advice or ''} What was made for it is revoked again.".strip()
            raise
        created = {name: value for name, value in created.items() if name != "secret"} | {"token_file": str(file)}
    print_one(arguments, created)
    if arguments.token_file:
        output.note(f"To use it: export {setting}_FILE={created['token_file']}")
    else:
        output.note("The secret is shown this once. Keep it in a file of mode 0600.")
    return 0
