"""What became of the cases, for people, for programs and for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.testing.conformance.run import Verdict, wanted

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
    return all(result.verdict in (Verdict.AGREE, Verdict.LEFT_OUT) for row in rows for result in row.results.values())


def ran(rows: Sequence[Row]) -> bool:
    """Whether each endpoint was asked at least one case."""
    names = rows[0].results if rows else ()
    return all(any(row.results[name].verdict is not Verdict.LEFT_OUT for row in rows) for name in names)


def counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """How many cases came to each verdict, by endpoint."""
    names = rows[0].results if rows else ()
    return {
        name: {str(verdict): sum(row.results[name].verdict is verdict for row in rows) for verdict in Verdict}
        for name in names
    }


def as_text(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table: a verdict for each endpoint and case, and what differs below."""
    names = list(rows[0].results) if rows else []
    widths = [max(len(name), 9) for name in names]
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
        yield f"{name}: " + ", ".join(f"{number} {verdict}" for verdict, number in count.items())


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


_HEADINGS: Final = {
    Verdict.LETS_IN: "Lets in what AWS refuses",
    Verdict.KEEPS_OUT: "Refuses what AWS lets in",
    Verdict.DIFFER: "Says something else",
}


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a page: the counts, and every case in which an endpoint differs from AWS."""
    yield "| endpoint | " + " | ".join(Verdict) + " |"
    yield "| --- |" + " --- |" * len(Verdict)
    for name, count in counts(rows).items():
        yield f"| {name} | " + " | ".join(map(str, count.values())) + " |"
    for name in counts(rows):
        for verdict, heading in _HEADINGS.items():
            chosen = [row for row in rows if row.results[name].verdict is verdict]
            if chosen:
                yield from ("", f"## {name}: {heading[0].lower()}{heading[1:]}", "")
                yield from (f"| case | about | AWS | {name} |", "| --- | --- | --- | --- |")
                for row in chosen:
                    about, aws = row.vector.content["about"], wanted(row.vector)
                    told = " | ".join(_cell(text) for text in (about, aws, _got(row.results[name])))
                    yield f"| `{row.vector.name}` | {told} |"


def _got(result: Result) -> str:
    """The answer in short; when it is granted, which of its members are wrong."""
    if not result.got.startswith("200"):
        return result.got
    wrong = sorted({each.partition(":")[0].partition(" ")[0] for each in result.differences})
    return "granted" if result.verdict is Verdict.LETS_IN else f"granted; wrong: {', '.join(wrong)}"


def _cell(text: str) -> str:
    short = text if len(text) <= 140 else f"{text[:140]}…"
    return _printable(short).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
