"""Issued subjects, and whose they are, in SQL: the primary key decides who was first, over all replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from daypass.errors import AlreadyExists, NotFound
from daypass.idp.model import IssuedSubject
from daypass.store.engine import reading, writing
from daypass.store.schema import issued_subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Engine, Row

_TABLE: Final = issued_subjects


class SqlSubjectStore:
    """A `SubjectStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, wanted: IssuedSubject) -> IssuedSubject:
        """See `SubjectStore`, as of all methods here."""
        kept = self.issued_subject(wanted.issuer, wanted.subject)
        if kept is not None:
            return kept
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(_TABLE).values(_row(wanted)))
        except AlreadyExists:
            first = self.issued_subject(wanted.issuer, wanted.subject)
            assert first is not None, "rows are never taken out"
            return first
        return wanted

    def issued_subject(self, issuer: str, subject: str) -> IssuedSubject | None:  # noqa: D102
        try:
            with reading(self._engine) as connection:
                row = connection.execute(select(_TABLE).where(_is(issuer, subject))).one_or_none()
        except NotFound:
            return None
        return None if row is None else _issued(row)

    def change_subject(self, changed: IssuedSubject, *, was: IssuedSubject) -> bool:  # noqa: D102
        still = (
            _is(was.issuer, was.subject),
            _TABLE.c.owner == was.owner,
            _TABLE.c.released_at.is_not_distinct_from(was.released_at),
        )
        with writing(self._engine) as connection:
            return connection.execute(update(_TABLE).where(*still).values(_row(changed))).rowcount == 1

    def issued_subjects(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[IssuedSubject]:
        query = select(_TABLE).where(_TABLE.c.organization_id == organization_id)
        if after is not None:
            query = query.where(_TABLE.c.subject > after)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_TABLE.c.subject, _TABLE.c.issuer).limit(limit)).all()
        return [_issued(row) for row in rows]


def _is(issuer: str, subject: str) -> ColumnElement[bool]:
    return (_TABLE.c.issuer == issuer) & (_TABLE.c.subject == subject)


def _row(issued: IssuedSubject) -> dict[str, object]:
    return {
        "issuer": issued.issuer,
        "subject": issued.subject,
        "owner": issued.owner,
        "organization_id": issued.organization_id,
        "issued_at": issued.issued_at,
        "released_at": issued.released_at,
    }


def _issued(row: Row[Any]) -> IssuedSubject:
    return IssuedSubject(**row._asdict())
