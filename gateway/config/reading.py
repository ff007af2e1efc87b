"""A TOML document becomes a section, field by field, and everything wrong in it a sentence."""

from __future__ import annotations

import ast
import difflib
import re
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from gateway.config.sections import LISTS, PATTERNS, SECTIONS

T = TypeVar("T", bound=Struct)


def read_struct(kind: type[T], document: object, where: str, problems: list[str]) -> T | None:
    """Convert a table field by field, so that every problem is found and not just the first.

    Args:
        kind: the section.
        document: what the file says.
        where: the section's name with a dot, or nothing for the whole file.
        problems: gets a sentence for each thing that is wrong.

    Returns:
        The section, or None when anything in it was wrong.
    """
    if not isinstance(document, dict):
        problems.append(f"{where.rstrip('.')}: expected a table, written [{where.rstrip('.')}]")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    types = get_type_hints(kind, include_extras=True)
    before = len(problems)
    problems += [_unknown(where + key, key, list(fields)) for key in document if key not in fields]
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in document:
            values[name] = _value(types[name], document[name], where + name, problems)
        elif field.required:
            problems.append(f"{where}{name} is missing: {_meaning(kind, name)}")
    return kind(**values) if len(problems) == before else None


def _value(kind: object, value: object, where: str, problems: list[str]) -> object:
    section = SECTIONS.get(where)
    if section is None:
        try:
            return msgspec.convert(value, type=kind)
        except msgspec.ValidationError as error:
            problems.append(f"{where}: {_expected(kind, error)}, found {value!r}")
            return None
    if where not in LISTS:
        return read_struct(section, value, f"{where}.", problems)
    if not isinstance(value, list):
        problems.append(f"{where}: expected tables, each written [[{where}]]")
        return None
    return [
        read_struct(section, item, f"{where}[{number}].", problems)
        for number, item in enumerate(value, start=1)
    ]


def _unknown(where: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return f"{where} is not a setting: {hint}"


def _meaning(kind: type[Struct], name: str) -> str:
    """What a setting is for, from the section's docstring."""
    found = re.search(rf"^\s+{name}: (.+?)\.?$", kind.__doc__ or "", re.MULTILINE)
    return found[1] if found else f"add the section [{name}]"


def _plain(message: str) -> str:
    words = {
        "`int`": "a whole number",
        "`float`": "a number",
        "`str`": "text in quotes",
        "`bool`": "true or false",
        "`array`": "a list",
        "`null`": "nothing",
    }
    message = re.sub(r", got .*| - at .*", "", message)
    for term, word in words.items():
        message = message.replace(term, word)
    pattern = re.search(r"text in quotes matching regex '(.+)'", message)
    if pattern:
        # msgspec writes the pattern as Python would, backslashes doubled.
        message = message.replace(pattern[0], PATTERNS[ast.literal_eval(f"'{pattern[1]}'")])
    return message[:1].lower() + message[1:]


def _expected(kind: object, error: msgspec.ValidationError) -> str:
    options = get_args(kind) if get_origin(kind) is Literal else ()
    if options:
        return f"expected one of {', '.join(str(option) for option in options)}"
    return _plain(str(error))
