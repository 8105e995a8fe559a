"""What became of the cases, for people, for programs and for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daypass.testing.conformance.run import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.testing.conformance.run import Result
    from daypass.testing.conformance.vectors import Vector


@dataclass(frozen=True, slots=True)
class Row:
    """One case, and what became of it at each endpoint, by the endpoint's name."""

    vector: Vector
    results: Mapping[str, Result]


def agreed(rows: Sequence[Row]) -> bool:
    """Whether nothing differed anywhere."""
    return not any(result.differences for row in rows for result in row.results.values())


def counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """How many cases agree, differ and were left out, by endpoint."""
    names = rows[0].results if rows else ()
    return {
        name: {
            verdict: sum(row.results[name].verdict == verdict for row in rows)
            for verdict in ("agree", "differ", "left out")
        }
        for name in names
    }


def as_text(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table: a verdict for each endpoint and case, and what differs below."""
    names = list(rows[0].results) if rows else []
    widths = [max(len(name), 8) for name in names]
    yield "  ".join(f"{name:<{width}}" for name, width in zip(names, widths, strict=True)) + "  case"
    for row in rows:
        verdicts = (f"{row.results[name].verdict:<{width}}" for name, width in zip(names, widths, strict=True))
        yield _printable("  ".join(verdicts) + f"  {row.vector.name}")
        for name in names:
            result, who = row.results[name], f"{name}: " if len(names) > 1 else ""
            yield from (_printable(f"    {who}{each}") for each in result.differences)
            if result.left_out:
                yield f"    {who}{result.left_out}"
    yield ""
    yield from _summary(rows)


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    for name, count in counts(rows).items():
        yield f"{name}: {count['agree']} agree, {count['differ']} differ, {count['left out']} left out"


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "summary": counts(rows),
        "cases": [
            {
                "case": row.vector.name,
                "about": row.vector.content["about"],
                "source": row.vector.content["source"],
                "observed": row.vector.content["observed"],
                "expect": row.vector.content["expect"],
                "results": {
                    name: {
                        "verdict": result.verdict,
                        "got": result.got,
                        "differences": list(result.differences),
                        "left_out": result.left_out,
                    }
                    for name, result in row.results.items()
                },
            }
            for row in rows
        ],
    }


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a page: the counts, and every case in which an endpoint differs from AWS."""
    yield "| endpoint | agree | differ | left out |"
    yield "| --- | --- | --- | --- |"
    for name, count in counts(rows).items():
        yield f"| {name} | {count['agree']} | {count['differ']} | {count['left out']} |"
    for name in counts(rows):
        differing = [row for row in rows if row.results[name].differences]
        if differing:
            yield ""
            yield f"| case | AWS | {name} |"
            yield "| --- | --- | --- |"
            for row in differing:
                got = _got(row.results[name])
                yield f"| `{row.vector.name}` | {_cell(wanted(row.vector))} | {_cell(got)} |"


def _got(result: Result) -> str:
    """The answer; where it is granted as it should be, what is wrong in it."""
    if not result.got.startswith("200") or any(each.startswith("status:") for each in result.differences):
        return result.got
    return "granted, but not as AWS says: " + ", ".join(each.partition(":")[0] for each in result.differences)


def _cell(text: str) -> str:
    short = text if len(text) <= 140 else f"{text[:140]}…"
    return _printable(short).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
