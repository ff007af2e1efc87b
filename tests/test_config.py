"""Every missing or wrong setting is named, all at once, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "gateway.example.toml"


def problems(text: str, tmp_path: Path, environment: dict[str, str] | None = None) -> list[str]:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {})
    return caught.value.problems


def test_the_example_file_is_valid() -> None:
    config = load(EXAMPLE, {})
    assert config.gateway.site == 1
    assert len(config.meter_point) >= 2


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    found = problems(
        """
[gateway]
name = "Kijiji"
site = "1"
databse = "usage.db"
[chain]
rpc = ["ftp://nowhere"]
contract_id = "C123"
[[bus]]
name = "main"
port = "/dev/ttyUSB0"
baud = 1234
""",
        tmp_path,
    )
    text = "\n".join(found)
    assert "gateway.databse is not a setting: did you mean database?" in text
    assert "gateway.site: expected a whole number, found '1'" in text
    assert "gateway.database is missing" in text
    assert "chain.rpc: expected an address that starts with http:// or https://" in text
    assert "chain.contract_id: expected a contract's address" in text
    assert "chain.key_file is missing" in text
    assert "bus[1].baud: expected one of 2400, 4800, 9600" in text
    assert len(found) == 7


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("slot = 1", "meter_point: slot 0 is used 2 times"),
        ('bus = "main"\nunit_id = 2', "there is no bus 'other'; known: main"),
        ('timezone = "Africa/Lagos"', "is no time zone"),
        ('rpc = ["https://soroban-testnet.stellar.org"]', "is used 2 times"),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    change: str, sentence: str, tmp_path: Path
) -> None:
    wrong = {
        "slot = 1": "slot = 0",
        'bus = "main"\nunit_id = 2': 'bus = "other"\nunit_id = 2',
        'timezone = "Africa/Lagos"': 'timezone = "Africa/Nowhere"',
        'rpc = ["https://soroban-testnet.stellar.org"]': 'rpc = ["https://a.b", "https://a.b"]',
    }
    text = EXAMPLE.read_text()
    assert change in text
    found = problems(text.replace(change, wrong[change], 1), tmp_path)
    assert any(sentence in problem for problem in found), found


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ('[[cashier]]\nname = "a"\ndaily_limit = 5', "daily_limit: expected text in quotes"),
        (
            '[[cashier]]\nname = "a"\ndaily_limit = "1e3"',
            'an amount of tokens in quotes, like "12.5"',
        ),
        (
            '[[cashier]]\nname = "a"\ndaily_limit = "5"\n' * 2,
            "cashier: name a is used 2 times; it must be unique",
        ),
        ("[tokens]\nunit_stroops = 1", "tokens.keys_file is missing"),
        ('[tokens]\nkeys_file = "k"\nunit_stroops = 0', "tokens.unit_stroops: expected"),
        ('[payments]\nsecret_file = "s"\nmost = "lots"', "payments.most: expected an amount"),
    ],
)
def test_settings_of_money_that_are_wrong_are_named(
    section: str, sentence: str, tmp_path: Path
) -> None:
    found = problems(f"{EXAMPLE.read_text()}\n{section}\n", tmp_path)
    assert any(sentence in problem for problem in found), found


def test_environment_wins_over_the_file() -> None:
    contract_id = "C" + "B" * 55
    config = load(EXAMPLE, {"USAGE_EVENTS_DB_PATH": "/data/u.db", "CONTRACT_ID": contract_id})
    assert config.gateway.database == "/data/u.db"
    assert config.chain.contract_id == contract_id


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gateway\n", "isn't valid TOML"),
        ("gateway = 3\n", "gateway: expected a table"),
        ("", "gateway is missing: add the section [gateway]"),
        ("a = 1\na = 2\n", "isn't valid TOML: Cannot overwrite a value"),
        ("a = " + "[" * 5_000, "it is nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration_says_so(text: str, sentence: str, tmp_path: Path) -> None:
    assert any(sentence in problem for problem in problems(text, tmp_path))


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ('"gpio:17"', '"gpio:99"', 'expected "gpio:LINE" with a line from 0 to 27'),
        ('"gpio:17"', '"gpio:07"', 'expected "gpio:LINE" with a line from 0 to 27'),
        ("port = 1883", 'port = "1883"', "mqtt.port: expected a whole number, found '1883'"),
        ('"house-01"', '"house 01"', "label: expected a name of letters, digits, dots and dashes"),
        ("unit_id = 2", "unit_id = 1", "meter address main/1 is used 2 times"),
        ('host = "127.0.0.1"', 'host = "a..b"', "mqtt.host: expected a host's name or address"),
        ('"/var/lib/gateway/usage.db"', '""', "gateway.database: expected the path of a file"),
        ('"/etc/gateway/keys/mqtt"', '"a\\u0000b"', "expected the path of a file"),
        ("https://soroban-testnet.stellar.org", "http://h:99999", "http://h:99999 is no address"),
        ("https://soroban-testnet.stellar.org", "http://[::1", "http://[::1 is no address"),
        ("Africa/Lagos", "Africa", "'Africa' is no time zone"),
        ("[supply]", '[supply]\nno_disconnect = ["24:00-06:00"]', 'expected hours like "20:00-06'),
        ("[supply]", '[supply]\nno_disconnect = ["mon-fri-sun 20:00-06:00"]', "expected hours"),
        ("[supply]", '[supply]\nno_disconnect = ["Mon 20:00-06:00"]', "expected hours like"),
        ("[supply]", "[supply]\nvery_low_credit_stroops = 1", "low_credit_stroops: exchange them"),
        ("critical = true", "critical = true\nload_limit_w = 500", "so give it no load_limit_w"),
        (
            "[supply]",
            "[supply]\nemergency_credit_stroops = 10000000000000000000",
            "supply.emergency_credit_stroops: expected a whole number <= 1000000000000000, found",
        ),
        ("slot = 0", "slot = 0\nload_limit_w = 5", "load_limit_w: expected a whole number"),
    ],
)
def test_a_wrong_value_is_named(right: str, wrong: str, sentence: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert right in text
    found = problems(text.replace(right, wrong, 1), tmp_path)
    assert any(sentence in problem for problem in found), found


FEEDER = '[[feeder]]\nname = "north"\nbus = "main"\nunit_id = 100\n'
"""A feeder that is right, and the only one."""


def with_feeders(text: str) -> str:
    """The example file with these tables in it."""
    example = EXAMPLE.read_text()
    return example.replace("[mqtt]", f"{text}\n[mqtt]", 1)


def test_every_meter_point_hangs_on_the_only_feeder(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(with_feeders(FEEDER))
    config = load(path, {})
    assert [feeder.address for feeder in config.feeder] == ["main/100"]
    assert config.feeder[0].alarm_percent == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FEEDER.replace("100", "1"), "meter address main/1 is used 2 times"),
        (FEEDER.replace("unit_id = 100", ""), "feeder north: give both bus and unit_id"),
        (FEEDER.replace('"main"', '"far"'), "feeder north: there is no bus 'far'; known: main"),
        (FEEDER.replace("north", "clinic"), "feeder clinic: a meter point has that label"),
        (FEEDER + "alarm_percent = 0\n", "feeder[1].alarm_percent: expected a number >= 0.1"),
        (
            FEEDER + "resistance_mohm = 1\nresistive_ppm_per_kw = 1\n",
            "feeder north: give either resistive_ppm_per_kw or resistance_mohm",
        ),
        (
            FEEDER + '[[feeder]]\nname = "south"\n',
            "meter_point clinic: say on which feeder it hangs: north or south",
        ),
        (
            FEEDER + '[[feeder]]\nname = "south"\n',
            "feeder north: no meter point hangs on it, so all it delivers would look lost",
        ),
        (FEEDER + '[[feeder]]\nname = "north"\n', "feeder: name north is used 2 times"),
    ],
)
def test_a_feeder_that_contradicts_the_rest_is_named(
    text: str, sentence: str, tmp_path: Path
) -> None:
    found = problems(with_feeders(text), tmp_path)
    assert any(sentence in problem for problem in found), found


def test_a_feeder_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("slot = 1\n", 'slot = 1\nfeeder = "west"\n', 1)
    found = problems(text, tmp_path)
    assert found == ["meter_point clinic: there is no feeder 'west'; known: none yet"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "[gateway]".encode("utf-16")])
def test_a_file_that_is_no_text_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is no text file in UTF-8"):
        load(path, {})


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(tmp_path, {})


def test_an_editor_s_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(EXAMPLE.read_text(), "utf-8-sig")
    assert load(path, {"CONTRACT_ID": ""}) == load(EXAMPLE, {})


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="copy the example file"):
        load(tmp_path / "missing.toml", {})
