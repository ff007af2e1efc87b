"""Real money is asked about once more: a ledger that says it is mainnet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.admin.places import NETWORKS
from tests.commands.admin.laptop import Laptop, Said, opened


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    with opened(tmp_path, NETWORKS["mainnet"].passphrase) as one:
        yield one


def deploy(laptop: Laptop, *words: str) -> Said:
    return laptop.type(
        *("deploy", "token", "--network=mainnet", f"--rpc-url={laptop.localnet.url}"),
        *(f"--key-file={laptop.provider.key_file}", *words),
    )


class Typed(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_without_a_person_it_has_to_be_said_on_the_command_line(laptop: Laptop) -> None:
    before = laptop.ledger()
    said = deploy(laptop)
    assert (said.status, said.err) == (1, "this is mainnet: add --yes-mainnet when you are sure\n")
    assert deploy(laptop, "--dry-run").status == 0
    assert laptop.ledger() == before
    said = deploy(laptop, "--yes-mainnet")
    assert said.status == 0, said
    assert len(said.transactions) == 2


@pytest.mark.parametrize(("typed", "sent"), [("mainnet\n", 2), ("yes\n", 0), ("", 0)])
def test_a_person_has_to_type_its_name_once(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, typed: str, sent: int
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed))
    said = deploy(laptop)
    assert len(said.transactions) == sent
    assert said.status == (0 if sent else 1)
    assert said.out.count("with real money. Type mainnet to go on") == 1
