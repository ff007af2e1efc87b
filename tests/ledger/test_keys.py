"""The signing key signs and is never seen."""

from __future__ import annotations

import copy
import logging
import pickle
from pathlib import Path

import pytest
from stellar_sdk import Keypair

from gateway.errors import Permanent, Transient
from gateway.ledger.keys import SigningKey
from gateway.store.database import Database
from tests.ledger.village import HOUR_S, START_S, Village, client_of, use
from tests.ledger.wire import Fault, lose, tapped

KEYPAIR = Keypair.random()


def key_file(folder: Path, content: str = KEYPAIR.secret, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_key_is_loaded_from_a_private_file(tmp_path: Path) -> None:
    key = SigningKey.load(key_file(tmp_path, KEYPAIR.secret + "\n"))
    assert key.address == KEYPAIR.public_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode=mode)
    with pytest.raises(Permanent, match=f"chmod 600 {path}"):
        SigningKey.load(path)


def test_a_systemd_credential_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(tmp_path, mode=0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert SigningKey.load(Path("key")).address == KEYPAIR.public_key


def test_what_a_wrong_file_holds_is_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as caught:
        SigningKey.load(key_file(tmp_path, KEYPAIR.secret[:-1]))
    assert KEYPAIR.secret[:-1] not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(Permanent, match="cannot be read"):
        SigningKey.load(tmp_path / "none")


def test_a_key_can_be_neither_printed_nor_copied_out() -> None:
    key = SigningKey(KEYPAIR)
    assert f"{key} {key!r}" == f"{key} SigningKey({KEYPAIR.public_key})"
    assert KEYPAIR.secret not in f"{key!r}{key}"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stays in its process"):
            attempt(key)


async def test_neither_secret_nor_envelope_is_ever_logged(
    village: Village, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    secret = Keypair.random()
    village = village.with_key(SigningKey(secret))
    village.localnet.fund(village.key.address)
    use(database, 0, START_S, 10)
    now = village.until(START_S + HOUR_S + 200)
    for allowed in (False, True):
        if allowed:
            await village.allow(village.key)
        for cut_off in (True, False):
            method = "sendTransaction" if cut_off else "nothing"
            cut = tapped(village.localnet.url, lose(method, Fault.LOSE_ANSWER))
            async with cut as wire, client_of(wire.url) as client:
                submitter = village.submitter(database, client)
                for _ in range(5):
                    try:
                        await submitter.tick(now)
                    except Transient:
                        logging.getLogger("gateway").exception("transient")
    assert "settled batch=1" in caplog.text
    assert secret.secret not in caplog.text
    assert "AAAA" not in caplog.text
