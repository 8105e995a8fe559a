"""Whole processes, from start to end, as ratios to a bare interpreter of the same rounds."""

from __future__ import annotations

import subprocess
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 21
_MOST_PASSES = 3

Command = tuple[list[str], dict[str, str]]


def best(
    commands: dict[str, Command],
    limits: dict[str, float],
    *,
    base: str,
    also: Callable[[dict[str, float]], bool] = lambda _: True,
) -> dict[str, float]:
    """Milliseconds of each command, the best of all rounds: what a busy machine adds is not ours.

    Each round runs every command once, one after the other, so that a busy moment meets all of them. Rounds go on, to
    three times as many, while a ratio to `base` is above its limit, or `also` says no to the milliseconds so far: what
    is slow stays so, and bad luck does not.
    """
    found: dict[str, list[float]] = {name: [] for name in commands}
    for command, environment in commands.values():
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    for _ in range(_MOST_PASSES):
        for _ in range(ROUNDS):
            for name, (command, environment) in commands.items():
                begun = perf_counter()
                subprocess.run(
                    command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
                )
                found[name].append((perf_counter() - begun) * 1e3)
        least = {name: min(values) for name, values in found.items()}
        if all(least[name] / least[base] <= limit for name, limit in limits.items()) and also(least):
            break
    return least


def row(what: str, milliseconds: float, base: float, limit: float | None) -> dict:
    """Print a figure, and give it with whether it exceeds its limit as `failures`."""
    ratio = milliseconds / base
    over = limit is not None and ratio > limit
    told = "" if limit is None else f"   limit {limit:g}{'  EXCEEDED' if over else ''}"
    print(f"  {what:<58} {milliseconds:>7.1f} ms  {ratio:>5.2f} x python -I{told}")
    return {"what": what, "ms": round(milliseconds, 2), "ratio": round(ratio, 3), "limit": limit, "failures": int(over)}
