"""`--token-source`: the token that a command logs in with, and a word about where it is from."""

from __future__ import annotations

from daypass.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.secret import Secret


class TokenSource:
    """Gives a token each time it is asked; says once, where several platforms are here, which one it is from.

    Args:
        source: what `--token-source` says.
        audience: who the token is for; at least one.
        environ: the job's environment.
        insisted: whether the user named the audience.
        scope: passed to the platform where it knows such a thing.
        more: what only Daypass's own identity provider knows.
        verbose: say it in any case.
    """

    def __init__(
        self,
        source: str,
        audience: Sequence[str],
        environ: Mapping[str, str],
        *,
        insisted: bool = True,
        scope: str | None = None,
        more: Mapping[str, object] | None = None,
        verbose: bool = False,
    ) -> None:
        self._source = source
        self._audience = tuple(audience)
        self._environ = environ
        self._insisted = insisted
        self._scope = scope
        self._more = more
        self._verbose = verbose
        self._told = False
        self.found_at: str | None = None

    def token(self) -> Secret:
        """A token, a new one where the platform makes new ones.

        Raises:
            NoTokenSource: when no platform is recognized.
            DaypassError: what `ambient.find` raises.
        """
        from daypass.ambient import find_or_raise

        found = find_or_raise(
            self._audience,
            self._environ,
            source=self._source,
            insisted=self._insisted,
            scope=self._scope,
            more=self._more,
        )
        self.found_at = f"{found.source}: {found.place}"
        if not self._told and (found.also or self._verbose):
            output.note(f"token from {self.found_at}")
            if found.also:
                also = ", ".join(found.also)
                output.note(f"This job also runs where {also} could give one; --token-source chooses.")
        self._told = True
        return found.token

    def patiently(self) -> Secret:
        """As `token`, asked again when what stands in the way may pass; for who does not try again himself.

        Raises:
            As `token` does.
        """
        from daypass.errors import Unavailable

        try:
            return self.token()
        except Unavailable as error:
            failures = [error]
        from daypass.calling.persist import persist
        from daypass.cli.clocks import waiting

        def once() -> Secret:
            if failures:
                raise failures.pop()
            return self.token()

        return persist(once, waiting=waiting())
