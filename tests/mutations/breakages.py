"""The breakages: which threat, where, what stands there, what is put in its place, and the test that must fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Breakage:
    """One line of the source, broken.

    Attributes:
        threat: its row in docs/security/threats.md.
        file: below src/daypass.
        old: text that is there exactly once.
        new: what is put in its place.
        test: the test that must fail, as pytest takes it, below tests.
    """

    threat: int
    file: str
    old: str
    new: str
    test: str


VERIFY: Final = "tokens/verify.py"
CLAIMS: Final = "tokens/claims.py"
JWK: Final = "tokens/jwk.py"
FETCHER: Final = "fetching/fetcher.py"
ATTACKS: Final = "tokens/test_attacks.py"
VECTORS: Final = "tokens/test_token_vectors.py"
EXCHANGE: Final = "idp/exchange/test_exchange.py"
FETCHING: Final = "test_fetching.py"
ROTATION: Final = "idp/test_key_rotation.py"

BREAKAGES: Final = (
    # A. Token verification
    Breakage(
        1,
        VERIFY,
        "if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in key.algorithms:",
        "if algorithm not in (None, 'none', 'None', 'NONE', 'nOnE') and algorithm not in key.algorithms:",
        f"{ATTACKS}::test_cve_2015_9235_alg_none",
    ),
    Breakage(
        2,
        VERIFY,
        "if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in key.algorithms:",
        'if not str(algorithm).startswith("HS") and algorithm not in key.algorithms:',
        f"{ATTACKS}::test_cve_2016_10555_public_key_as_hmac_secret",
    ),
    Breakage(
        3,
        JWK,
        "    return frozenset((algorithm,))",
        "    return fitting",
        VECTORS,
    ),
    Breakage(
        4,
        VERIFY,
        '_REFUSED_HEADERS: Final = ("jwk", "jku", "x5c", "x5u", "crit", "b64")',
        '_REFUSED_HEADERS: Final = ("jku", "x5u", "crit", "b64")',
        f"{ATTACKS}::test_cve_2018_0114_key_in_the_token",
    ),
    Breakage(
        5,
        VERIFY,
        '_REFUSED_HEADERS: Final = ("jwk", "jku", "x5c", "x5u", "crit", "b64")',
        '_REFUSED_HEADERS: Final = ("jwk", "x5c", "crit", "b64")',
        f"{ATTACKS}::test_rfc_8725_3_10_address_of_a_key_in_the_token",
    ),
    Breakage(
        6,
        JWK,
        "return isinstance(value, str) and _KID.fullmatch(value) is not None",
        "return isinstance(value, str)",
        "tokens/test_jwk.py::test_kid_is_printable_ascii",
    ),
    Breakage(
        7,
        "tokens/key_set.py",
        "        if times > 1:",
        "        if times > 2:",
        "tokens/test_key_set.py::test_two_keys_of_one_kid_are_no_key_set",
    ),
    Breakage(
        8,
        VERIFY,
        '_REFUSED_HEADERS: Final = ("jwk", "jku", "x5c", "x5u", "crit", "b64")',
        '_REFUSED_HEADERS: Final = ("jwk", "jku", "x5c", "x5u", "b64")',
        f"{ATTACKS}::test_cve_2026_32597_crit_that_is_not_understood",
    ),
    Breakage(
        9,
        CLAIMS,
        '    if "typ" in header:',
        '    if "typ" in header and header["typ"] is None:',
        f"{ATTACKS}::test_rfc_8725_3_11_another_kind_of_token",
    ),
    Breakage(
        10,
        "tokens/peek.py",
        '    if token.count(".") != 2:\n'
        '        raise TokenMalformed("the token is not three segments with dots between them", reason="segments")\n'
        '    header, payload, signature = token.split(".")',
        '    header, payload, signature = (token.split(".") + ["", ""])[:3]',
        VECTORS,
    ),
    Breakage(
        11,
        "tokens/peek.py",
        "    if len(token) > max_length:",
        "    if len(token) > 100 * max_length:",
        "tokens/test_verify.py::test_the_length_is_checked_before_anything_else",
    ),
    Breakage(
        12,
        "tokens/strict_json.py",
        '        content.count("{") + content.count("[") > max_depth',
        '        content.count("{") + content.count("[") > 1000 * max_depth',
        f"{ATTACKS}::test_cve_2025_6203_deep_json",
    ),
    Breakage(
        13,
        "tokens/strict_json.py",
        "    if len(found) != len(pairs):",
        "    if len(found) > len(pairs):",
        f"{ATTACKS}::test_rfc_8725_2_4_two_readers_two_subjects",
    ),
    Breakage(
        14,
        "tokens/strict_json.py",
        "    if not math.isfinite(value):",
        "    if value != value:",
        "tokens/test_strict_json.py::test_a_fault_is_refused_with_its_place",
    ),
    Breakage(
        15,
        CLAIMS,
        "if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _TIME_LIMIT:",
        "if isinstance(value, (int, float)):",
        VECTORS,
    ),
    Breakage(
        16,
        CLAIMS,
        "if not entries or any(entry != wanted for entry in entries):",
        "if wanted not in entries:",
        VECTORS,
    ),
    Breakage(
        17,
        CLAIMS,
        'if "iss" in claims and claims["iss"] != wanted:',
        'if "iss" in claims and wanted not in str(claims["iss"]):',
        f"{ATTACKS}::test_cve_2024_53861_issuer_matched_in_part",
    ),
    Breakage(
        18,
        "idp/exchange/connection.py",
        'return f"{self.id}.{readable if len(readable) <= MAX_READABLE else _digest(readable)}"',
        'return f"con.{readable if len(readable) <= MAX_READABLE else _digest(readable)}"',
        f"{EXCHANGE}::test_two_issuers_with_the_same_ids_are_two_workloads",
    ),
    Breakage(
        19,
        "store/audit.py",
        "            new.remove(one.use.key)\n",
        "            pass\n",
        "store/test_exchange_contracts.py::test_threats_19_of_fifty_uses_at_once_one_is_the_first",
    ),
    Breakage(
        20,
        JWK,
        "    if modulus.bit_length() < MIN_RSA_BITS:",
        "    if modulus.bit_length() < MIN_RSA_BITS // 2:",
        "tokens/test_key_set.py",
    ),
    Breakage(
        21,
        "tokens/base64url.py",
        "    if padding is None or (last is not None and data[-1] not in last):",
        "    if padding is None:",
        "tokens/test_base64url.py",
    ),
    Breakage(
        22,
        VERIFY,
        "    claims = verify_signature(unverified, keys.select(unverified.header), algorithms=algorithms)",
        "    claims = VerifiedClaims(unverified, seal=_SEAL)",
        f"{EXCHANGE}::test_a_forged_token_is_judged_by_its_signature_alone",
    ),
    # B. Keys, key sets, caches
    Breakage(
        23,
        FETCHER,
        "if not self._keys_elsewhere and not _site(keys_url).same_as(_site(url)):",
        "if False:",
        f"{FETCHING}::test_discovery_must_be_the_issuers_own",
    ),
    Breakage(
        24,
        "fetching/cache.py",
        "if _lacks(entry, kid) and self._since(entry.hunted_at) >= self._kid_interval:",
        "if _lacks(entry, kid):",
        f"{FETCHING}::test_a_flood_of_unknown_kids_is_one_fetch",
    ),
    Breakage(
        25,
        "fetching/cache.py",
        "            entry.fault = fault\n",
        "            entry.fault, entry.keys = fault, None\n",
        f"{FETCHING}::test_a_failure_keeps_the_last_good_set",
    ),
    Breakage(
        26,
        "fetching/cache.py",
        "        if self._since(entry.fetched_at) >= self._max_age:",
        "        if entry.keys is None:",
        f"{FETCHING}::test_a_set_is_fetched_again_by_age",
    ),
    Breakage(
        27,
        "idp/key_times.py",
        "    return MAX_TOKEN_LIFETIME_SECONDS + CLOCKS_SECONDS + key_set_max_age_seconds + _PROPAGATION_SECONDS",
        "    return MAX_TOKEN_LIFETIME_SECONDS // 4",
        "test_config.py",
    ),
    Breakage(
        27,
        "idp/key_life.py",
        "            if key.kid in waiting:",
        "            if not key.kid:",
        "publishing/test_seen_outside.py::test_a_key_is_not_activated_while_the_bucket_is_stale",
    ),
    Breakage(
        27,
        "publishing/publish.py",
        "                    await to_thread(target.write, found, was=was)",
        "                    await to_thread(target.write, found, was=await to_thread(target.read, found.path))",
        "publishing/test_publish.py::test_whoever_read_older_keys_loses",
    ),
    Breakage(
        28,
        "idp/key_life.py",
        "replace(key, state=KeyState.RETIRED, retired_at=now, revoked_at=now)",
        "replace(key, state=KeyState.RETIRING, retiring_at=now, revoked_at=now)",
        "idp/test_key_ring.py::test_threats_28_a_leaked_key_leaves_at_once_and_another_signs_at_once",
    ),
    Breakage(
        29,
        "store/keys.py",
        "    seen = (key_rings.c.issuer == issuer) & (key_rings.c.version == version)",
        "    seen = key_rings.c.issuer == issuer",
        "store/test_contracts.py",
    ),
    Breakage(
        30,
        "signers/encrypted_file.py",
        "        sealed = self._wrapping.seal(key.to_pkcs8(), _about(key.kid, algorithm), secrets.token_bytes)",
        "        sealed = self._wrapping.seal(key.to_pkcs8(), _about(key.kid, algorithm), secrets.token_bytes)"
        ' | {"plain": key.to_pkcs8().hex()}',
        "signers/test_encrypted_file.py",
    ),
    Breakage(
        31,
        JWK,
        "jwk = {name: str(value) for name, value in self._key.as_dict(private=False).items()}",
        "jwk = {name: str(value) for name, value in self._key.as_dict(private=False).items()} | {'d': 'AQAB'}",
        "tokens/test_key_set.py::test_what_is_published_is_read_back_and_holds_nothing_private",
    ),
    Breakage(
        31,
        "publishing/publication.py",
        "if entry is not None and (name := private_member(entry)):",
        "if entry is None and (name := private_member({})):",
        "publishing/test_publication.py::test_a_private_member_stops_all_of_it",
    ),
    Breakage(
        32,
        "web/discovery.py",
        '"cache-control": f"public, max-age={max_age_seconds}",',
        '"cache-control": "public, max-age=86400",',
        "web/test_issuers.py::test_threats_32_its_documents_are_from_memory_and_may_be_kept",
    ),
    # C. Discovery and network
    Breakage(
        33,
        "idp/exchange/exchange.py",
        '            raise ConnectionUnknown("no connection here takes tokens of that issuer")',
        "            found = list(await self._directory.connections(issuer, None))",
        f"{EXCHANGE}::test_a_stranger_hears_nothing_and_nothing_is_fetched_for_an_unknown_issuer",
    ),
    Breakage(
        34,
        FETCHER,
        "        if response.status_code != httpx.codes.OK:",
        "        if response.status_code >= 400:",
        f"{FETCHING}::test_a_redirect_is_not_followed",
    ),
    Breakage(
        35,
        FETCHER,
        "if target is None and not (private and site.host.lower() in self._allow_private):",
        "if False:",
        f"{FETCHING}::test_one_inner_address_among_public_ones_is_enough_to_refuse",
    ),
    Breakage(
        36,
        FETCHER,
        r"""    if not re.fullmatch(r"https://[\x21-\x7e]+", url) or "\\" in url:""",
        "    if not url:",
        f"{FETCHING}::test_other_schemes_and_odd_urls_are_not_asked",
    ),
    Breakage(
        37,
        FETCHER,
        'headers={**_HEADERS, "host": site.authority},',
        'headers={**_HEADERS, "host": site.authority, "authorization": "Bearer ours"},',
        f"{FETCHING}::test_no_credential_cookie_or_proxy_goes_along",
    ),
    Breakage(
        38,
        FETCHER,
        "            async with asyncio.timeout_at(ends or self._ends()) as deadline:",
        "            async with asyncio.timeout_at((ends or self._ends()) + 30) as deadline:",
        f"{FETCHING}::test_one_deadline_is_over_everything",
    ),
    Breakage(
        39,
        FETCHER,
        "    context.minimum_version = ssl.TLSVersion.TLSv1_2",
        "    context.minimum_version = ssl.TLSVersion.TLSv1_2; context.check_hostname = False",
        f"{FETCHING}::test_the_certificate_must_name_the_issuer",
    ),
    Breakage(
        41,
        FETCHER,
        "        if authorities is None\n",
        "        if True\n",
        "idp/exchange/test_upstream.py::test_threats_41_authorities_are_trusted_alone_and_by_their_connection_alone",
    ),
    # D. Subjects
    Breakage(
        42,
        "subjects/pairs.py",
        "    return value if _PLAIN.fullmatch(value) else quote(value, safe=_KEPT)",
        "    return value",
        "subjects/test_formats.py::test_values_cannot_lean_on_their_neighbours",
    ),
    Breakage(
        43,
        "idp/ids.py",
        "random_bytes(13)",
        "random_bytes(1) * 13",
        "idp/test_rules.py::test_ids_tell_their_kind_and_use_all_their_random_bits",
    ),
    Breakage(
        44,
        "subjects/shaped.py",
        "        if chosen and self.first and chosen[0] not in self.first:",
        "        if False:",
        "subjects/test_subject_safety.py::test_what_an_attacker_chooses_never_comes_first_at_gitlab",
    ),
    Breakage(
        45,
        "subjects/shaped.py",
        "            if self._part(name) is None:",
        "            if False:",
        "subjects/test_subject_safety.py::test_nothing_is_evaluated",
    ),
    Breakage(
        46,
        "idp/exchange/judge.py",
        "    if unwanted:",
        "    if False:",
        EXCHANGE,
    ),
    Breakage(
        47,
        "idp/rules.py",
        '_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")',
        '_SLUG: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")',
        "idp/test_rules.py::test_what_is_not_a_slug",
    ),
    Breakage(
        48,
        "store/registry.py",
        "select(table).where(or_(table.c.id == id_or_slug, table.c.slug == id_or_slug))",
        "select(table).where(table.c.slug.like(id_or_slug))",
        "store/test_contracts.py::TestSqlRegistryStore::test_look_ups_know_no_pattern",
    ),
    Breakage(
        49,
        "idp/rules.py",
        '    normal = unicodedata.normalize("NFC", text)',
        "    normal = text",
        "idp/test_rules.py::test_a_name_is_kept_in_normal_form_c",
    ),
    Breakage(
        50,
        "idp/rules.py",
        '        _refuse_categories(_BREAKING, value, f"the attribute `{key}`")\n',
        "",
        "idp/test_rules.py::test_attributes_outside_the_rules_are_refused",
    ),
    # F. Token exchange
    Breakage(
        60,
        "idp/exchange/exchange.py",
        "await self._judge(one, unverified, now) for one in candidates",
        "(await self._judge(one, unverified, now)) if request.grant is not Grant.JWT_BEARER else Verdict(one,"
        " __import__('daypass.tokens.verify', fromlist=['x']).verify_signature(unverified,"
        " (await self._keys.keys(one, None)).select(unverified.header), algorithms={'RS256'})) for one in candidates",
        f"{EXCHANGE}::test_threats_60_every_grant_passes_every_refusal",
    ),
    Breakage(
        61,
        "idp/issue.py",
        "lifetime_seconds = _within(request.upstream, self._lifetime(request.lifetime_seconds, token_format), now)",
        "lifetime_seconds = self._lifetime(request.lifetime_seconds, token_format)",
        f"{EXCHANGE}::test_nothing_outlives_what_came_in",
    ),
    Breakage(
        62,
        "idp/exchange/connection.py",
        ' else quote(value, safe="").replace(".", "%2E").replace("~", "%7E")',
        ' else quote(value, safe="")',
        "idp/exchange/test_presets.py::test_threats_62_identities_that_look_alike",
    ),
    Breakage(
        63,
        "web/token.py",
        "        if len(values) > 1 and name not in _REPEATABLE:",
        "        if False:",
        "web/test_token.py::TestThreats63Smuggling",
    ),
)
