"""One tree of everything Daypass refuses to do, or cannot do.

    DaypassError
    ├── Refused        the answer is no
    │   ├── TokenRefused          a token that is not accepted
    │   ├── KeyRefused            a key that must not verify or sign anything
    │   ├── CallerRefused         an API caller who is unknown, expired or not allowed
    │   ├── RequestRefused        an understood request that is against the rules of what it asks for
    │   ├── AwsRefused            AWS, or the local AWS, said no
    │   └── RelyingPartyRefused   another service that takes identity tokens said no
    ├── Invalid        the request itself is wrong: a name, an argument, a setting, a document
    └── Unavailable    nothing is known: a network, a service, a file or a store did not do its part

The three families answer the one question every surface asks (no / wrong / do not know) and so decide the exit
status of a command. The code of each leaf is part of the API: stable and documented. Edges translate codes by
table; nothing here knows of HTTP, AWS or exit statuses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class DaypassError(Exception):
    """Something Daypass refuses to do, or cannot do.

    Args:
        message: one sentence for people: lower case, no full stop, their input in backticks. It may change.
        advice: the next step, as a sentence of its own, or None when there is nothing to advise.
        facts: what a program may want to know (wanted, found, line, column, …). Never a secret.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, advice: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.facts = facts


# ---------------------------------------------------------------------------------------------------- refused


class Refused(DaypassError):
    """The answer is no."""

    code = "refused"


class TokenRefused(Refused):
    """A token that is not accepted."""

    code = "token_refused"


class TokenMalformed(TokenRefused):
    """The text is not a compact JWT: three base64url segments, two of them JSON objects (RFC 7519 section 3)."""

    code = "token_malformed"


class TokenTooLarge(TokenRefused):
    """The token is longer than what is read at all."""

    code = "token_too_large"


class TokenAlgorithmRefused(TokenRefused):
    """The header asks for an algorithm that is not on the allow-list, or that the key is not for (RFC 8725 3.1)."""

    code = "token_algorithm_refused"


class TokenHeaderRefused(TokenRefused):
    """The header carries a member that must not decide anything: `jwk`, `jku`, `x5c`, `x5u`, `crit`, `b64`."""

    code = "token_header_refused"


class TokenKeyUnknown(TokenRefused):
    """No usable key of the issuer has the header's `kid`, or there is no `kid` and more than one key."""

    code = "token_key_unknown"


class TokenSignatureInvalid(TokenRefused):
    """The signature is not the issuer's."""

    code = "token_signature_invalid"


class TokenKindWrong(TokenRefused):
    """Another kind of token is passed off as an ID token (RFC 8725 3.11)."""

    code = "token_kind_wrong"


class TokenIssuerMismatch(TokenRefused):
    """`iss` is not, byte for byte, the issuer whose keys were asked."""

    code = "token_issuer_mismatch"


class TokenAudienceMismatch(TokenRefused):
    """The token was issued for another relying party."""

    code = "token_audience_mismatch"


class TokenClaimMissing(TokenRefused):
    """A required claim is absent."""

    code = "token_claim_missing"


class TokenClaimInvalid(TokenRefused):
    """A claim has the wrong type or is out of range."""

    code = "token_claim_invalid"


class TokenExpired(TokenRefused):
    """`exp` has passed."""

    code = "token_expired"


class TokenNotYetValid(TokenRefused):
    """`nbf` or `iat` lies in the future."""

    code = "token_not_yet_valid"


class KeyRefused(Refused):
    """A key that must not verify or sign anything: too short, wrong curve, private members, wrong use."""

    code = "key_refused"


class CallerRefused(Refused):
    """An API caller who is unknown, expired or not allowed."""

    code = "caller_refused"


class CredentialMissing(CallerRefused):
    """The request carries no bearer credential."""

    code = "credential_missing"


class CredentialUnknown(CallerRefused):
    """The bearer credential is not one of ours, or was revoked. The two are not told apart for the caller."""

    code = "credential_unknown"


class CredentialExpired(CallerRefused):
    """The bearer credential is past the expiry it was bound to."""

    code = "credential_expired"


class ScopeMissing(CallerRefused):
    """The admin token is good, but not for this."""

    code = "scope_missing"


class RequestRefused(Refused):
    """An understood request that is against the rules of what it asks for."""

    code = "request_refused"


class ExchangeRefused(RequestRefused):
    """The upstream token was not exchanged. What is behind it is told to the connection's owner."""

    code = "exchange_refused"


class ExchangeGrantUnsupported(RequestRefused):
    """The token endpoint does not know that grant type."""

    code = "unsupported_grant_type"


class ConnectionUnknown(RequestRefused):
    """No connection takes tokens of that issuer."""

    code = "connection_unknown"


class ConnectionAmbiguous(RequestRefused):
    """More than one connection takes the token, and the request names none."""

    code = "connection_ambiguous"


class ConnectionAuditing(RequestRefused):
    """The connection writes down what it would do, and gives out nothing."""

    code = "connection_auditing"


class ClaimRulesUnmet(RequestRefused):
    """The upstream token is genuine, and its claims are not what the connection demands."""

    code = "claim_rules_unmet"


class ContextRefused(RequestRefused):
    """The job runs in a context that the connection does not let in: a fork's merge request, say."""

    code = "context_refused"


class TokenReplayed(RequestRefused):
    """The upstream token was exchanged before (RFC 7519 section 4.1.7)."""

    code = "token_replayed"


class TokenChained(RequestRefused):
    """The token brought to the exchange came out of one."""

    code = "token_chained"


class AudienceNotOffered(RequestRefused):
    """The workload's organization does not offer this audience."""

    code = "audience_not_offered"


class AwsClaimsRefused(RequestRefused):
    """The AWS claims that were asked for are not offered, or AWS would not take them."""

    code = "aws_claims_refused"


class FormNotOffered(RequestRefused):
    """The organization's tokens have no such form now: it never had a previous one, or its period is over."""

    code = "form_not_offered"


class SubjectTaken(RequestRefused):
    """The subject was given to something else before. What trusts it would now trust another thing."""

    code = "subject_taken"


class ClaimUnavailable(RequestRefused):
    """The token format needs a fact that this workload does not have."""

    code = "claim_unavailable"


class SubjectTooLong(RequestRefused):
    """The `sub` would be longer than the configured limit (AWS accepts 255 characters)."""

    code = "subject_too_long"


class AlgorithmNotOffered(RequestRefused):
    """No active key of this issuer signs with that algorithm."""

    code = "algorithm_not_offered"


class ClaimsTooLarge(RequestRefused):
    """The token would be longer than relying parties read (AWS: 20,000 characters)."""

    code = "claims_too_large"


class DocumentsRefused(Refused):
    """An issuer's documents that must not be published: private members, twins, too many keys, a foreign issuer."""

    code = "documents_refused"


class PublishingRefused(Refused):
    """The place to publish at does not let us read or write there. `facts` hold `place`."""

    code = "publishing_refused"


class AuditBroken(Refused):
    """The audit log's hash chain does not hold. `facts` hold `sequence`, of the first row that is not as written."""

    code = "audit_broken"


class AwsRefused(Refused):
    """AWS, or the local AWS, said no. `facts` hold `aws_code` and `http_status`."""

    code = "aws_refused"


class AwsAccessDenied(AwsRefused):
    """The trust policy did not let the token in, or the role is not there: AWS says the same of both."""

    code = "aws_access_denied"


class AwsPermissionMissing(AwsRefused):
    """The credentials may not do what was asked of AWS. `facts` hold `action` and `resource`."""

    code = "aws_permission_missing"


class AwsQuotaReached(AwsRefused):
    """AWS allows no more of it: providers of an account, policies of a role. AWS calls it `LimitExceeded`."""

    code = "aws_quota_reached"


class ProvisioningRefused(Refused):
    """A change that is not made without being asked for: it would let more in, or touch what is somebody else's."""

    code = "provisioning_refused"


class AccountUnexpected(Refused):
    """The role is of another AWS account than the one that is expected. `facts` hold `wanted` and `found`."""

    code = "account_unexpected"


class RelyingPartyRefused(Refused):
    """Vault, Google, Entra or Kubernetes said no. `facts` hold `party`, `party_code` and `http_status`."""

    code = "relying_party_refused"


# ---------------------------------------------------------------------------------------------------- invalid


class Invalid(DaypassError):
    """The request itself is wrong."""

    code = "invalid"


class RequestInvalid(Invalid):
    """A parameter or body that is not what the call takes."""

    code = "request_invalid"


class SubjectUnsafe(Invalid):
    """A `sub` that somebody else could come to have: chosen or personal claims, or without its organization."""

    code = "subject_unsafe"


class NotFound(Invalid):
    """There is no such thing."""

    code = "not_found"


class AlreadyExists(Invalid):
    """There is such a thing already, and its name must be unique."""

    code = "already_exists"


class ChangedMeanwhile(Invalid):
    """Somebody else changed the same thing at the same moment. Nothing was changed here."""

    code = "changed_meanwhile"


class UsageInvalid(Invalid):
    """A command line that cannot be carried out as written."""

    code = "usage_invalid"


class DatabaseUrlInvalid(Invalid):
    """The URL of the database cannot be read, or is of a kind that is not supported."""

    code = "database_url_invalid"


class SettingInvalid(Invalid):
    """A setting that cannot be used. `facts` hold `file`, `key` and `reason`."""

    code = "setting_invalid"


class TokenSourceIncomplete(Invalid):
    """A platform runs this job and gives it no identity token, as the job is set up. `advice` is what to add."""

    code = "token_source_incomplete"


class IssuerUrlInvalid(Invalid):
    """Not an issuer URL (OpenID Connect Discovery 1.0 section 3; AWS's rules for a provider URL)."""

    code = "issuer_url_invalid"


class ArnInvalid(Invalid):
    """Not an ARN of the kind asked for."""

    code = "arn_invalid"


class SessionNameInvalid(Invalid):
    r"""Not a role session name: 2 to 64 of `[A-Za-z0-9_+=,.@-]`."""

    code = "session_name_invalid"


class DurationInvalid(Invalid):
    """Not a number of seconds that AWS takes for a role session: 900 to 43200."""

    code = "duration_invalid"


class ProfileNameInvalid(Invalid):
    """A profile name that an AWS credentials file cannot hold safely."""

    code = "profile_name_invalid"


class ProfileTaken(Invalid):
    """A profile that holds credentials from elsewhere, which are not Daypass's to change. `facts` hold `profile`."""

    code = "profile_taken"


class JsonMalformed(Invalid):
    """Not strict JSON (RFC 8259). `facts` hold `line`, `column`, `offset` (all of the fault) and `reason`."""

    code = "json_malformed"


class KeySetMalformed(Invalid):
    """Not a key set (RFC 7517 section 5), or one that names two keys alike. `facts` hold `reason`."""

    code = "key_set_malformed"


class PolicyMalformed(Invalid):
    """A policy document that AWS would not accept, or that cannot be evaluated. `facts` may hold a position."""

    code = "policy_malformed"


class PolicyUnsupported(Invalid):
    """A policy document that AWS knows and this version cannot evaluate yet; refused rather than guessed."""

    code = "policy_unsupported"


class TemplateMalformed(Invalid):
    """A template, or what is given with it, that CloudFormation would not take; the message is CloudFormation's."""

    code = "template_malformed"


class DesiredStateInvalid(Invalid):
    """A file of providers and roles that cannot be used. `facts` hold `file`, `line`, `column`, `path`, `mistake`."""

    code = "desired_state_invalid"


class ExportImpossible(Invalid):
    """What AWS should have cannot be said in the files of another tool. `facts` hold `text`, which the tool changes."""

    code = "export_impossible"


# ------------------------------------------------------------------------------------------------ unavailable


class Unavailable(DaypassError):
    """Nothing is known: a network, a service, a file or a store did not do its part."""

    code = "unavailable"


class RateLimited(Unavailable):
    """One asks too often. `facts` hold `limit`, `per_minute`, and `retry_after_seconds`, after which it is not so."""

    code = "rate_limited"


class IssuerUnreachable(Unavailable):
    """An issuer's discovery document or key set could not be fetched, or is unusable."""

    code = "issuer_unreachable"


class AddressForbidden(Unavailable):
    """The address behind an issuer's name is not one that may be asked: private, loopback, link-local, metadata."""

    code = "address_forbidden"


class ServiceUnreachable(Unavailable):
    """A service that was named by the user's settings did not answer."""

    code = "service_unreachable"


class ServiceAnswerInvalid(Unavailable):
    """A service answered with something that is not its protocol."""

    code = "service_answer_invalid"


class NoTokenSource(Unavailable):
    """Nothing here can issue a token: no Daypass workload, no platform that is known."""

    code = "no_token_source"


class TokenSourceFailed(Unavailable):
    """The platform's program or service was asked for a token and did not give one."""

    code = "token_source_failed"


class AwsUnavailable(Unavailable):
    """AWS did not answer, or answered that it cannot now: throttling, a fault of the service, no way to it."""

    code = "aws_unavailable"


class AwsCredentialsUnusable(Unavailable):
    """No AWS credentials were found here, or AWS does not take the ones that were."""

    code = "aws_credentials_unusable"


class ProvisioningIncomplete(Unavailable):
    """Some changes were made and some were not. `facts` hold `done`, `failed` and `left`."""

    code = "provisioning_incomplete"


class FileUnsafe(Unavailable):
    """A file with secrets that may not be used: wider modes, a foreign owner, an odd file type."""

    code = "file_unsafe"


class FileUnavailable(Unavailable):
    """A file could not be read, locked or written."""

    code = "file_unavailable"


class StoreUnavailable(Unavailable):
    """The store did not take or give what was asked."""

    code = "store_unavailable"


class AuditUnavailable(Unavailable):
    """The audit row could not be committed, so nothing was issued."""

    code = "audit_unavailable"


class KeyUnavailable(Unavailable):
    """A signing key exists and cannot be used: wrong passphrase, missing key file, signer out of reach."""

    code = "key_unavailable"


class KeysChanged(Unavailable):
    """Another process changed the issuer's keys at the same moment, again and again. Nothing was changed here."""

    code = "keys_changed"


class PartMissing(Unavailable):
    """An optional part of Daypass is not installed. `advice` names the extra."""

    code = "part_missing"
