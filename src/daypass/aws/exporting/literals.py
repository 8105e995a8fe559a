"""How text becomes a literal of each language, and never code. Pure.

This is the only place where quotes are written. What comes out is printable ASCII on every line: nothing hides in
blanks, in control characters or in letters that are read from right to left, and no line ends inside a literal.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BARE_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TEMPLATE: Final = re.compile(r"([$%])(?=\{)")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "for"})
"""Names that YAML or HCL may read as something else than text."""
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_ENCODING: Final = re.compile(r"(?<=coding)[:=]")
_WIDTH: Final = 88


@dataclass(frozen=True, slots=True)
class Code:
    """Text that is code of the language already: names that we chose, never anything from a file."""

    text: str


def one_line(text: str) -> str:
    """Text for a comment that ends with its line: printable ASCII, everything else by its number.

    So is what would tell Python of another encoding, in which the rest of the file could be code (PEP 263).
    """
    text = _ENCODING.sub(lambda found: _escape(found[0]), text)
    return "".join(char if " " <= char <= "~" else _escape(char) for char in text)


def python(text: str) -> str:
    """A string of Python."""
    return _quoted(text)


def javascript(text: str) -> str:
    """A string of JavaScript and TypeScript, which JSON's are (ECMA-262, section 12.9.4)."""
    return json_text(text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON. Its strings have DEL as a number, which `json` leaves as it is."""
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def yaml(text: str) -> str:
    """A scalar of YAML between double quotes (YAML 1.2.2, section 5.7)."""
    return _quoted(text)


def hcl(text: str) -> str:
    """A string of HCL: no part of it is a template (HCL native syntax specification, "Template Literals")."""
    return terraform_template(_quoted(text))


def terraform_template(text: str) -> str:
    """Text that Terraform reads as a template and takes literally, as it does every string of `.tf.json`."""
    return _TEMPLATE.sub(r"\1\1", text)


def shell(text: str) -> str:
    """A word of bash. It may go over several lines; no character of it means anything to the shell.

    What is not printable ASCII is written by its bytes (Bash Reference Manual, "ANSI-C Quoting"), which no locale
    reads differently.
    """
    if all(" " <= char <= "~" or char == "\n" for char in text):
        return shlex.quote(text)
    return "$'" + "".join(map(_shell_byte, text.encode())) + "'"


def _shell_byte(byte: int) -> str:
    char = chr(byte)
    if char in "\\'":
        return "\\" + char
    return char if " " <= char <= "~" else f"\\x{byte:02x}"


def _quoted(text: str) -> str:
    return '"' + "".join(_SHORT.get(char) or (char if " " <= char <= "~" else _escape(char)) for char in text) + '"'


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


@dataclass(frozen=True, slots=True)
class Notation:
    """How a language writes nested values over several lines.

    Attributes:
        text: writes a string.
        key: writes a member's name, with what parts it from the value.
        words: for True, False and None.
        indent: of each level.
    """

    text: Callable[[str], str]
    key: Callable[[str], str]
    words: tuple[str, str, str]
    indent: str

    def write(self, value: Any, margin: str = "", *, before: int = 0) -> str:
        """A value whose first line begins after `before` characters, and whose other lines begin with `margin`."""
        inner = margin + self.indent
        if isinstance(value, dict):
            members = [
                self.key(key) + self.write(each, inner, before=len(self.key(key))) for key, each in value.items()
            ]
            return _block("{", members, "}", margin, inner)
        if isinstance(value, (list, tuple)):
            if not any(isinstance(each, (dict, list)) for each in value):
                line = "[" + ", ".join(self.write(each) for each in value) + "]"
                if len(margin) + before + len(line) < _WIDTH:
                    return line
            return _block("[", [self.write(each, inner) for each in value], "]", margin, inner)
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if isinstance(value, Code):
            return value.text
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return self.words[2 if value is None else 0 if value else 1]
        return json.dumps(value)


def _block(opening: str, items: Sequence[str], closing: str, margin: str, inner: str) -> str:
    if not items:
        return opening + closing
    return opening + "\n" + "".join(f"{inner}{item},\n" for item in items) + margin + closing


PYTHON: Final = Notation(python, lambda key: f"{python(key)}: ", ("True", "False", "None"), "    ")
TYPESCRIPT: Final = Notation(javascript, lambda key: f"{javascript(key)}: ", ("true", "false", "null"), "  ")


def write_yaml(value: Any, margin: str = "") -> str:
    """A nested value as YAML that begins on the next line, each line with its end; `Code` is written as it is."""
    if isinstance(value, dict):
        return "".join(f"{margin}{yaml_key(key)}:{_yaml_below(each, margin)}" for key, each in value.items())
    lines = []
    for each in value:
        if isinstance(each, (dict, list, tuple)) and each:
            below = write_yaml(each, margin + "  ")
            lines.append(f"{margin}- {below[len(margin) + 2 :]}")
        else:
            lines.append(f"{margin}-{_yaml_below(each, margin)}")
    return "".join(lines)


def yaml_key(key: str) -> str:
    """A member's name: bare when no reader of YAML can take it for anything but text."""
    return key if _is_bare(key) else yaml(key)


def _is_bare(key: str) -> bool:
    return bool(_BARE_KEY.fullmatch(key)) and key.lower() not in _WORDS


def _yaml_below(value: Any, margin: str) -> str:
    if isinstance(value, (dict, list, tuple)) and value:
        return "\n" + write_yaml(value, margin + "  ")
    if isinstance(value, Code):
        return f" {value.text}\n"
    if isinstance(value, str):
        return f" {yaml(value)}\n"
    return f" {json.dumps(value)}\n"


def write_hcl(value: Any, margin: str = "") -> str:
    """A nested value as an expression of HCL, with the equals signs aligned as `terraform fmt` does it."""
    inner = margin + "  "
    if isinstance(value, dict):
        return _hcl_object(value, margin, inner)
    if isinstance(value, (list, tuple)):
        if not any(isinstance(each, (dict, list)) for each in value):
            line = "[" + ", ".join(write_hcl(each) for each in value) + "]"
            if len(margin) + len(line) < _WIDTH:
                return line
        return _block("[", [write_hcl(each, inner) for each in value], "]", margin, inner)
    if isinstance(value, Code):
        return value.text
    if isinstance(value, str):
        return hcl(value)
    return json.dumps(value)


def _hcl_object(value: dict[str, Any], margin: str, inner: str) -> str:
    if not value:
        return "{}"
    members = [(key if _is_bare(key) else hcl(key), write_hcl(each, inner)) for key, each in value.items()]
    return "{\n" + aligned(members, inner) + margin + "}"


def aligned(members: Sequence[tuple[str, str]], margin: str) -> str:
    """Lines of `name = value`, aligned with neighbouring lines; a value of several lines parts those around it."""
    lines: list[str] = []
    group: list[tuple[str, str]] = []

    def close() -> None:
        width = max((len(name) for name, _ in group), default=0)
        lines.extend(f"{margin}{name.ljust(width)} = {text}\n" for name, text in group)
        group.clear()

    for name, text in members:
        if "\n" in text:
            close()
            lines.append(f"{margin}{name} = {text}\n")
        else:
            group.append((name, text))
    close()
    return "".join(lines)


def call(name: str, arguments: Sequence[str], options: Mapping[str, Any], margin: str) -> str:
    """A call in Python: `arguments` are written already, `options` are values by name. One line where it fits."""
    inner = margin + "    "
    written = [
        *arguments,
        *(f"{key}={PYTHON.write(value, inner, before=len(key) + 1)}" for key, value in options.items()),
    ]
    line = f"{name}({', '.join(written)})"
    if len(written) < 4 and "\n" not in line and len(margin) + len(line) < _WIDTH // 2:
        return line
    return f"{name}(\n" + "".join(f"{inner}{each},\n" for each in written) + f"{margin})"
