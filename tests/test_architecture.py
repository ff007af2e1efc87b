"""The house keeps its rooms apart: who may import whom, and what each module must say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gateway"
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {"clock", "broker", "errors", "config", "rhythm"}
MAY_IMPORT = {
    "domain": set(),
    "wire": {"errors"},
    "clock": set(),
    "errors": set(),
    "config": {"errors"},
    "broker": {"errors", "clock"},
    "rhythm": {"errors", "clock"},
    "store": {"domain", "wire", "errors", "clock", "rhythm"},
    "simulation": {"domain", "wire", "errors", "clock"},
    "app": {"*"},
    "commands": {"*"},
    "__main__": {"*"},
    "__init__": set(),
} | {
    room: {"domain", "wire", "store", *LEAVES - {"config"}}
    for room in ("sources", "relays", "ledger", "billing", "notices", "web")
}
ONLY_STANDARD_LIBRARY = {"domain"}
STANDARD_LIBRARY_FORBIDDEN = {"asyncio", "logging", "sqlite3", "socket", "subprocess", "os"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_stands_below_it(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT[room]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "gateway" or len(parts) == 1 or name == "gateway.__version__":
            continue
        assert parts[1] == room or "*" in allowed or parts[1] in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) == "domain"], ids=str)
def test_the_domain_is_pure(path: Path) -> None:
    source = path.read_text("utf-8")
    for name in imports(path):
        assert name.split(".")[0] not in STANDARD_LIBRARY_FORBIDDEN, f"{path} imports {name}"
    assert ".now(" not in source
    assert "time.time(" not in source


def test_only_the_ledger_loads_the_stellar_sdk() -> None:
    users = {
        room_of(path)
        for path in MODULES
        if any(name.split(".")[0] == "stellar_sdk" for name in imports(path))
    }
    assert users <= {"ledger", "commands"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path} has no docstring"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager", "base"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert not list(PACKAGE.rglob(f"{name}.py"))


def test_sql_lives_in_the_store_only() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM")
    for path in MODULES:
        if room_of(path) in {"store", "simulation"} or "demo" in path.parts:
            continue  # the demo judges and shows with SQL of its own
        text = path.read_text("utf-8")
        assert not any(word in text for word in words), f"{path} holds SQL"
