"""A plain command line, read by the declarations that argparse reads by, without argparse.

Loading argparse and making every command's parser takes longer than asking for a token. A group declares its commands
to a `Declared`: `parsing.Parser`, which knows everything, or `Plain`, which knows `--name value`, `--name=value`, `-n
value` and flags, and gives up on anything else: then argparse reads the same words, or says what is wrong with them.
"""

from __future__ import annotations

from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    class Declared(Protocol):
        """What commands and options are declared to."""

        def group(self, name: str, about: str, *, details: str | None = None) -> Declared:
            """Add a command that has commands itself."""

        def command(
            self, name: str, about: str, action: Callable[[argparse.Namespace], int], *, details: str | None = None
        ) -> Declared:
            """Add a command; `action` gets its arguments and gives the exit status."""

        def add_argument(self, *names: str, **settings: Any) -> object:
            """Add an option, as `argparse.ArgumentParser.add_argument` has it."""


_UNDERSTOOD = frozenset({"action", "choices", "const", "default", "dest", "help", "metavar", "nargs", "required"})


def read(declare: Callable[[Declared], object], words: Sequence[str]) -> argparse.Namespace | None:
    """What argparse would make of a plain command line; None when it is not plain, or not a right one."""
    root = Plain(words)
    declare(root)
    return root.arguments()


def later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """The function `name` of a module that is imported when the command runs, so that others do not wait for it."""

    def action(arguments: argparse.Namespace) -> int:
        from importlib import import_module

        return int(getattr(import_module(module), name)(arguments))

    return action


def run(arguments: argparse.Namespace) -> int:
    """Carry out what `Declared.command` put into the arguments."""
    return int(arguments.action(arguments))


class Plain:
    """The one command among all declared that the words name; `words` None: it is another."""

    def __init__(self, words: Sequence[str] | None, action: Callable[[argparse.Namespace], int] | None = None) -> None:
        self._words = words
        self._action = action
        self._chosen: Plain | None = None
        self._options: dict[str, tuple[str, dict[str, Any]]] = {}
        self._values: dict[str, Any] = {}
        self._required: set[str] = set()
        self._gives_up = False

    def group(self, name: str, about: str, *, details: str | None = None) -> Plain:  # noqa: ARG002 - help is argparse's
        """See `Declared`."""
        return self._below(name)

    def command(
        self,
        name: str,
        about: str,  # noqa: ARG002
        action: Callable[[argparse.Namespace], int],
        *,
        details: str | None = None,  # noqa: ARG002
    ) -> Plain:
        """See `Declared`. What it is about, argparse tells."""
        return self._below(name, action)

    def add_argument(self, *names: str, **settings: Any) -> None:
        """See `Declared`."""
        if self._words is None:
            return
        if not names[0].startswith("-") or not settings.keys() <= _UNDERSTOOD:
            self._gives_up = True
            return
        long = next((name for name in names if name.startswith("--")), names[0])
        field = settings.get("dest") or long.lstrip("-").replace("-", "_")
        self._values[field] = settings.get("default", False if settings.get("action") == "store_true" else None)
        if settings.get("required"):
            self._required.add(field)
        for name in names:
            self._options[name] = field, settings

    def arguments(self) -> argparse.Namespace | None:
        """What was read; None when it takes argparse."""
        if self._chosen is not None:
            return self._chosen.arguments()
        if self._words is None or self._action is None or self._gives_up:
            return None
        rest = iter(self._words)
        for word in rest:
            name, equals, value = word.partition("=")
            if not equals or not name.startswith("--"):
                name, value = word, ""
            field, settings = self._options.get(name, ("", {}))
            if not field or not self._keep(field, settings, value, rest, is_joined=name != word):
                return None
        if self._required:
            return None
        found: Any = SimpleNamespace(**self._values, action=self._action)
        return found  # type: ignore[no-any-return]  # whoever reads a namespace asks for its attributes alone

    def _below(self, name: str, action: Callable[[argparse.Namespace], int] | None = None) -> Plain:
        if not self._words or self._words[0] != name:
            return Plain(None)
        self._chosen = Plain(self._words[1:], action)
        return self._chosen

    def _keep(self, field: str, settings: dict[str, Any], value: str, rest: Any, *, is_joined: bool) -> bool:
        action = settings.get("action", "store")
        if action == "store_true":
            self._values[field] = True
            return not is_joined
        if action not in ("store", "append") or "nargs" in settings:
            return False
        if not is_joined:
            value = next(rest, "-")
            if value.startswith("-"):
                return False
        if "choices" in settings and value not in settings["choices"]:
            return False
        self._values[field] = [*(self._values[field] or ()), value] if action == "append" else value
        self._required.discard(field)
        return True
