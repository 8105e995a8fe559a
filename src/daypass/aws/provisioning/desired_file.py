"""`daypass-aws.yaml`, read strictly: what it says means one thing, or its line and column are told.

`desired.schema.json` beside this file is the same in JSON Schema, for editors; a test holds the two together.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass import files
from daypass.aws.provisioning.desired import (
    DEFAULT_SESSION_SECONDS,
    DEFAULT_STACK,
    AccountWay,
    AutomaticThumbprints,
    Desired,
    DesiredProvider,
    DesiredRole,
    Entrance,
    InlinePolicy,
    Tags,
    canonical,
)
from daypass.aws.provisioning.places import Mistake, Placed, Steps, Unquoted, read_yaml
from daypass.aws.provisioning.trust_policies import trust_policy
from daypass.aws.provisioning.value_reader import ValueReader
from daypass.errors import DaypassError, PolicyMalformed, RequestInvalid
from daypass.names import IssuerUrl, RoleArn, is_loopback_host, parse_account_id
from daypass.permissions.document import PermissionsPolicy
from daypass.subjects.grammars import GRAMMARS
from daypass.subjects.patterns import did_you_mean
from daypass.trust.document import Policy
from daypass.trust.lint.model import Known, Severity
from daypass.trust.lint.run import lint_text
from daypass.trust.role_trust import check_role_trust

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

FILE_NAME: Final = "daypass-aws.yaml"
MAX_BYTES: Final = 1024 * 1024
_MOST_CHARACTERS: Final = 4096
"""The highest quota of a trust policy (IAM User Guide, "IAM and AWS STS quotas"); an account has 2048 unless raised."""
_SOME_ACCOUNT: Final = "210987654321"
FORMATS: Final = tuple(grammar.name for grammar in GRAMMARS)

_ROOT: Final = ("stack", "providers", "roles", "accounts")
_PROVIDER: Final = ("issuer", "audiences", "thumbprints", "tags")
_ROLE: Final = (
    *("who", "provider", "path", "description", "max_session"),
    *("managed_policies", "inline_policies", "boundary", "tags"),
)
_BESIDE: Final = ("subject", "claims", "session_tags")
_ACCOUNT: Final = ("profile", "assume_role", "account")

_STACK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ROLE_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_ROLE_PATH: Final = re.compile(r"/(?:[\x21-\x7e]{1,509}/)?")
_POLICY_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_POLICY_ARN: Final = re.compile(
    r"arn:(?:aws[a-z-]*|\{partition\}):iam::(?:aws|[0-9]{12}|\{account\}):policy/[\x21-\x7e]+"
)
_THUMBPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")
_TAG_TEXT: Final = re.compile(r"[\w\s.:/=+@-]*")
_LENGTH: Final = re.compile(r"([0-9]{1,5})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_DESCRIPTION: Final = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}")


def read_desired_file(file: pathlib.Path) -> Desired:
    """What a file wants.

    Raises:
        DesiredStateInvalid: with `file`, `line`, `column`, `path` and `mistake` (see `Mistake`) among the facts.
        FileUnavailable: when it cannot be read.
    """
    try:
        text = files.read_bounded(file, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise Placed(str(file), None, {}).fault((), Mistake.NOT_YAML, "it is not UTF-8") from None
    return read_desired(text, str(file))


def read_desired(text: str, name: str = FILE_NAME) -> Desired:
    """What the text of such a file wants.

    Raises:
        DesiredStateInvalid: see `read_desired_file`.
    """
    return desired(read_yaml(text, name))


def desired(document: Placed) -> Desired:
    """What a document wants, wherever it is from.

    Raises:
        DesiredStateInvalid: see `read_desired_file`.
    """
    return _Reader(document).desired()


class _Reader(ValueReader):
    """Reads what the file as a whole says."""

    def desired(self) -> Desired:
        found = self._mapping(self._document.value, (), _ROOT, required=("providers", "roles"))
        stack = self._matching(found.get("stack", DEFAULT_STACK), ("stack",), _STACK, "a name of a stack")
        providers = self._list(found["providers"], ("providers",), self._provider, least=1)
        issuers = [provider.issuer for provider in providers]
        for index, issuer in enumerate(issuers):
            if issuer in issuers[:index]:
                raise self._no(("providers", index), Mistake.BAD_VALUE, f"the issuer `{issuer}` is there twice")
        roles = self._roles(found["roles"], ("roles",), providers)
        accounts = self._list(found.get("accounts", []), ("accounts",), self._account)
        return Desired(providers, roles, accounts, stack)

    def _provider(self, value: Any, path: Steps) -> DesiredProvider:
        found = self._mapping(value, path, _PROVIDER, required=("issuer", "audiences"))
        issuer = self._parsed(found["issuer"], (*path, "issuer"), IssuerUrl.parse)
        if issuer.port is not None and not is_loopback_host(issuer.host):  # the local AWS takes those of this machine
            raise self._no((*path, "issuer"), Mistake.BAD_VALUE, "AWS takes no issuer with a port")
        audiences = self._texts(found["audiences"], (*path, "audiences"), least=1)
        for index, audience in enumerate(audiences):
            if len(audience) > 255:
                raise self._no((*path, "audiences", index), Mistake.BAD_VALUE, "it is longer than 255 characters")
        if len(audiences) > 100:
            raise self._no((*path, "audiences"), Mistake.BAD_VALUE, "AWS takes at most 100 audiences")
        thumbprints = self._thumbprints(found.get("thumbprints", []), (*path, "thumbprints"))
        return DesiredProvider(issuer, audiences, thumbprints, self._tags(found.get("tags", {}), (*path, "tags")))

    def _thumbprints(self, value: Any, path: Steps) -> tuple[str, ...] | AutomaticThumbprints:
        if value == "auto":
            return AutomaticThumbprints()
        found = self._texts(value, path, words="`auto` or a list")
        if len(found) > 5:
            raise self._no(path, Mistake.BAD_VALUE, "AWS takes at most 5 thumbprints")
        for index, each in enumerate(found):
            self._matching(each, (*path, index), _THUMBPRINT, "a thumbprint of 40 hex digits")
        return tuple(each.lower() for each in found)

    def _roles(self, value: Any, path: Steps, providers: tuple[DesiredProvider, ...]) -> tuple[DesiredRole, ...]:
        found = self._mapping(value, path, None)
        roles: list[DesiredRole] = []
        for name, role in found.items():
            at = (*path, name)
            self._matching(name, at, _ROLE_NAME, "a role's name: 1 to 64 of A-Z a-z 0-9 _ + = , . @ -")
            twin = next((each.name for each in roles if each.name.lower() == name.lower()), None)
            if twin is not None:
                raise self._no(at, Mistake.DUPLICATE_KEY, f"AWS does not tell it from `{twin}`: letter case is ignored")
            roles.append(self._role(name, role, at, providers))
        return tuple(roles)

    def _role(self, name: str, value: Any, path: Steps, providers: tuple[DesiredProvider, ...]) -> DesiredRole:
        found = self._mapping(value, path, _ROLE, required=("who",))
        provider = self._provider_of(found, path, providers)
        entrances = self._list(found["who"], (*path, "who"), self._entrance, least=1)
        inline = self._mapping(found.get("inline_policies", {}), (*path, "inline_policies"), None)
        role = DesiredRole(
            name=name,
            entrances=entrances,
            provider=provider.issuer,
            path=self._matching(found.get("path", "/"), (*path, "path"), _ROLE_PATH, "a path such as /ci/"),
            description=self._matching(
                found.get("description", ""), (*path, "description"), _DESCRIPTION, "a description that AWS takes"
            ),
            max_session_seconds=self._length(found.get("max_session", DEFAULT_SESSION_SECONDS), (*path, "max_session")),
            managed_policies=self._managed(found.get("managed_policies", []), (*path, "managed_policies")),
            inline_policies=tuple(
                self._inline(each, document, (*path, "inline_policies", each))
                for each, document in sorted(inline.items())
            ),
            boundary=None
            if found.get("boundary") is None
            else self._policy_arn(found["boundary"], (*path, "boundary")),
            tags=self._tags(found.get("tags", {}), (*path, "tags")),
        )
        self._check_trust(role, provider, path)
        return role

    def _provider_of(
        self, role: Mapping[str, Any], path: Steps, providers: tuple[DesiredProvider, ...]
    ) -> DesiredProvider:
        if "provider" not in role:
            if len(providers) == 1:
                return providers[0]
            raise self._no(path, Mistake.MISSING_KEY, "`provider` is missing, and there are several")
        named = self._text(role["provider"], (*path, "provider"))
        issuers = [str(provider.issuer) for provider in providers]
        if named not in issuers:
            raise self._no(
                (*path, "provider"),
                Mistake.BAD_VALUE,
                f"`{named}` is the issuer of no provider here",
                did_you_mean(named, issuers),
            )
        return providers[issuers.index(named)]

    def _entrance(self, value: Any, path: Steps) -> Entrance:
        found = self._mapping(value, path, (*FORMATS, *_BESIDE))
        formats = [name for name in found if name in FORMATS]
        if len(formats) > 1:
            raise self._no((*path, formats[1]), Mistake.UNKNOWN_KEY, f"`{formats[0]}` is named already: begin another")
        if not formats and not {"subject", "claims"} & {*found}:
            raise self._no(
                path, Mistake.MISSING_KEY, "it names nobody", f"Name one of {', '.join(FORMATS)}, or `subject`."
            )
        if formats and "subject" in found:
            raise self._no((*path, "subject"), Mistake.UNKNOWN_KEY, f"`{formats[0]}` says what the subject is")
        return Entrance(
            format=formats[0] if formats else None,
            words=self._words(found[formats[0]], (*path, formats[0])) if formats else (),
            subject=self._text(found["subject"], (*path, "subject")) if "subject" in found else None,
            claims=self._words(found["claims"], (*path, "claims")) if "claims" in found else (),
            session_tags=self._texts(found.get("session_tags", []), (*path, "session_tags")),
        )

    def _words(self, value: Any, path: Steps) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found = self._mapping(value, path, None)
        if not found:
            raise self._no(path, Mistake.MISSING_KEY, "it says nothing")
        return tuple((name, self._choices(each, (*path, name))) for name, each in found.items())

    def _choices(self, value: Any, path: Steps) -> tuple[str, ...]:
        """One value or a list of them; ids may be written as numbers."""
        several = value if isinstance(value, list) else [value]
        if not several:
            raise self._no(path, Mistake.BAD_VALUE, "the list is empty, and would let nobody in")
        found = []
        for index, each in enumerate(several):
            at = (*path, index) if isinstance(value, list) else path
            number = isinstance(each, int) and not isinstance(each, bool)
            found.append(str(each) if number else self._text(each, at))
        return tuple(found)

    def _check_trust(self, role: DesiredRole, provider: DesiredProvider, path: Steps) -> None:
        """Who may enter must be something that can be said of the issuer, in whatever account it is."""
        # The local AWS takes ports of this machine, and is no reason to find fault with a policy.
        judged = replace(provider, issuer=IssuerUrl.parse(f"https://{provider.issuer.host}{provider.issuer.path}"))
        try:
            trust = trust_policy(role, judged, _SOME_ACCOUNT)
        except RequestInvalid as fault:
            index = fault.facts.get("entrance")
            at: Steps = (*path, "who") if not isinstance(index, int) else (*path, "who", index)
            entrance = role.entrances[index] if isinstance(index, int) else role.entrances[0]
            word = fault.facts.get("word")
            for holder in ((entrance.format or "",), ("claims",), ()):
                if isinstance(word, str) and (*at, *holder, word) in self._document.places:
                    at = (*at, *holder, word)
                    break
            raise self._no(at, Mistake.UNKNOWN_WORD, fault.message, fault.advice) from None
        self._demand_good_trust(trust.text, role, judged, (*path, "who"))

    def _demand_good_trust(self, text: str, role: DesiredRole, provider: DesiredProvider, path: Steps) -> None:
        """Refuse a trust policy that IAM would not take, or in which our own lint finds an error."""
        try:
            check_role_trust(Policy.parse(text), max_characters=_MOST_CHARACTERS)
        except PolicyMalformed as fault:
            reason = str(fault.facts.get("aws_message", fault.message))
            raise self._no(path, Mistake.TRUST_REFUSED, f"AWS would not take the trust policy: {reason}") from None
        format_name = next((each.format for each in role.entrances if each.format is not None), None)
        known = Known() if format_name is None else Known(issuers={provider.issuer.without_scheme: format_name})
        error = next((each for each in lint_text(text, known) if each.severity is Severity.ERROR), None)
        if error is not None:
            raise self._no(path, Mistake.TRUST_REFUSED, f"{error.code}: {error.message}", error.advice)

    def _account(self, value: Any, path: Steps) -> AccountWay:
        found = self._mapping(value, path, _ACCOUNT)
        if "profile" not in found and "assume_role" not in found:
            raise self._no(path, Mistake.MISSING_KEY, "it needs `profile` or `assume_role`")
        account = found.get("account")
        if isinstance(account, int):
            digits = "" if isinstance(account, bool) or not 0 < account < 10**12 else f"{account:012}"
            advice = f'Write "{digits}".' if digits else 'Write its 12 digits, in quotes: "210987654321".'
            raise self._no((*path, "account"), Mistake.WRONG_TYPE, "an account id is text", advice)
        return AccountWay(
            profile=self._text(found["profile"], (*path, "profile")) if "profile" in found else None,
            assume_role=(
                self._parsed(found["assume_role"], (*path, "assume_role"), RoleArn.parse)
                if "assume_role" in found
                else None
            ),
            account=None if account is None else self._parsed(account, (*path, "account"), parse_account_id),
        )

    def _managed(self, value: Any, path: Steps) -> tuple[str, ...]:
        found = self._texts(value, path)
        return tuple(self._policy_arn(each, (*path, index)) for index, each in enumerate(found))

    def _policy_arn(self, value: Any, path: Steps) -> str:
        return self._matching(value, path, _POLICY_ARN, "the ARN of a managed policy")

    def _inline(self, name: str, value: Any, path: Steps) -> InlinePolicy:
        self._matching(name, path, _POLICY_NAME, "a policy's name: 1 to 128 of A-Z a-z 0-9 _ + = , . @ -")
        self._mapping(value, path, None)
        self._demand_json(value, path)
        text = canonical(value)
        try:
            PermissionsPolicy.parse(text)
        except DaypassError as fault:
            raise self._no(path, Mistake.BAD_VALUE, f"AWS would not take the policy: {fault.message}") from None
        return InlinePolicy(name, text)

    def _demand_json(self, value: Any, path: Steps) -> None:
        if isinstance(value, Unquoted):
            raise self._unquoted(value, path)
        items: Sequence[tuple[str | int, Any]] = []
        if isinstance(value, dict):
            items = [*value.items()]
        elif isinstance(value, list):
            items = [*enumerate(value)]
        for key, item in items:
            self._demand_json(item, (*path, key))

    def _length(self, value: Any, path: Steps) -> int:
        seconds = value
        if isinstance(value, str) and (found := _LENGTH.fullmatch(value)):
            seconds = int(found[1]) * _SECONDS[found[2]]
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise self._no(path, Mistake.WRONG_TYPE, "it is not a length of time", "Write 1h, 90m or seconds.")
        if not 3600 <= seconds <= 43200:
            raise self._no(path, Mistake.BAD_VALUE, "a role's longest session is 1h to 12h")
        return seconds

    def _tags(self, value: Any, path: Steps) -> Tags:
        found = self._mapping(value, path, None)
        if len(found) > 48:
            raise self._no(path, Mistake.BAD_VALUE, "AWS takes 50 tags, and two are ours")
        tags = []
        for key, each in sorted(found.items()):
            at = (*path, key)
            if not 1 <= len(key) <= 128 or not _TAG_TEXT.fullmatch(key) or key.lower().startswith("aws:"):
                raise self._no(at, Mistake.BAD_VALUE, f"`{key}` is not a tag key that AWS takes")
            if key.startswith("daypass:"):
                raise self._no(at, Mistake.BAD_VALUE, "keys that begin with `daypass:` say whose a thing is")
            text = (
                str(each) if isinstance(each, int) and not isinstance(each, bool) else self._text(each, at, empty=True)
            )
            if len(text) > 256 or not _TAG_TEXT.fullmatch(text):
                raise self._no(at, Mistake.BAD_VALUE, f"`{text}` is not a tag value that AWS takes")
            tags.append((key, text))
        return tuple(tags)
