"""Nothing is sent that should not be: wrong keys, networks, machines, files and addresses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.commands.admin import key as keys
from gateway.commands.admin.places import Places
from gateway.errors import Permanent
from gateway.ledger.contracts import meter
from tests.commands.admin.laptop import Laptop
from tests.ledger.localnet import ROOT

STRANGER = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"


def entries(laptop: Laptop, site: str) -> object:
    """Whatever a dry run must leave as it is."""
    contract = laptop.contract("meter")
    keys = [meter.page_key(contract, int(site), 0), meter.price_key(contract, 1)]
    found = laptop.with_client(lambda client: client.read(keys)).found
    shown = {key: entry.to_xdr() for key, entry in found.items()}
    return shown, laptop.ledger(), laptop.lumens(laptop.provider), laptop.addresses.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["site", "add", "4000000001"],
        ["signer", "allow", "SITE", STRANGER],
        ["meter", "register", "SITE/0", "--max-power=2000"],
        ["price", "set", "--from=2026-01-01", "--off-peak=1", "--standard=1", "--peak=1"],
        ["pause", "meter"],
        ["market", "set"],
        ["market", "rates", "--commission=2.5", "--refund=90"],
        ["certifier", "add", STRANGER],
        ["oracle", "allow", "SITE", STRANGER],
        ["token", "mint", STRANGER, "12.5"],
        ["admin", "transfer", "meter", STRANGER],
        ["schedule", "provider", STRANGER],
        ["upgrade", "announce", "token", f"--wasm={ROOT}/contracts/wasm/oracle.wasm"],
        ["extend"],
    ],
    ids=lambda words: "_".join(words[:2]),
)
def test_a_dry_run_shows_everything_and_changes_nothing(
    laptop: Laptop, site: str, words: list[str]
) -> None:
    before = entries(laptop, site)
    said = laptop.admin(*(word.replace("SITE", site) for word in words), "--dry-run")
    assert said.status == 0, said
    assert "not sent: this is a dry run" in said.out
    assert re.search(rf"^  signed by +{laptop.provider.address}$", said.out, re.MULTILINE)
    assert re.search(r"^  costs +at most \d+\.\d+ XLM", said.out, re.MULTILINE)
    assert said.transactions == []
    assert entries(laptop, site) == before


def test_a_dry_run_says_every_argument_with_its_unit(laptop: Laptop, site: str) -> None:
    said = laptop.admin("meter", "register", f"{site}/0", "--max-power=2000", "--dry-run")
    rows = dict(line.strip().split("  ", 1) for line in said.out.splitlines()[1:-1])
    assert {name: value.strip() for name, value in rows.items() if name != "costs"} == {
        "contract": laptop.contract("meter"),
        "meter": f"{site}/0",
        "owner": laptop.provider.address,
        "max power": "2000 W",
        "mode": "prepaid",
        "signed by": laptop.provider.address,
    }
    assert "XLM (resources and rent " in rows["costs"]


def test_another_key_is_refused_before_it_costs_anything(laptop: Laptop, site: str) -> None:
    stranger = laptop.person("stranger")
    before = laptop.lumens(stranger)
    complaint = laptop.refused("meter", "register", f"{site}/0", "--max-power=1", key=stranger)
    assert f"this needs the signature of {laptop.provider.address}" in complaint
    assert f"the key is that of {stranger.address}" in complaint
    assert laptop.lumens(stranger) == before


def test_a_key_without_an_account_is_told_to_get_some_lumens(laptop: Laptop) -> None:
    poor = laptop.person("poor", funded=False)
    assert "does not exist on this network: send it some XLM" in laptop.refused(
        "pause", "meter", key=poor
    )


def test_an_unknown_meter_is_said_to_be_unknown(laptop: Laptop, site: str) -> None:
    complaint = laptop.refused("meter", "deactivate", f"{site}/9")
    assert complaint == (
        "meter refuses deactivate_meter: "
        "the contract does not know this meter: register it first (error 3)\n"
    )


def test_a_server_of_another_network_is_found_out_before_anything_is_signed(
    laptop: Laptop,
) -> None:
    said = laptop.type("pause", "meter", f"--rpc-url={laptop.localnet.url}")
    assert said.status == 1
    assert "belongs to local, not to testnet: correct --network or --rpc-url" in said.err


def test_mainnet_has_no_server_by_default(laptop: Laptop) -> None:
    said = laptop.type("pause", "meter", "--network=mainnet")
    assert (said.status, said.err) == (
        1,
        "mainnet has no server by default: name one with --rpc-url\n",
    )


def test_a_network_out_of_reach_is_said_to_be(laptop: Laptop) -> None:
    said = laptop.type("status", "--network=local", "--rpc-url=http://127.0.0.1:9")
    assert said.status == 1
    assert "can't be reached: no internet, or the server is away" in said.err


def test_no_key_at_all_says_where_to_put_one(laptop: Laptop) -> None:
    url = f"--rpc-url={laptop.localnet.url}"
    said = laptop.type("pause", "meter", "--network=local", url)
    assert said.status == 1
    assert "name its file with --key-file, or set ADMIN_SECRET_KEY" in said.err
    assert laptop.type("admin", "show", "meter", "--network=local", url).status == 0


@pytest.mark.parametrize(
    ("mode", "content", "sentence"),
    [
        (0o644, "", "others may read"),
        (0o600, "SAAA", "holds no secret key: one line that starts with S"),
        (None, "", "can't be read: No such file or directory"),
    ],
)
def test_a_key_file_that_is_wrong_is_refused_and_never_repeated(
    laptop: Laptop, tmp_path: Path, mode: int | None, content: str, sentence: str
) -> None:
    path = tmp_path / "key"
    if mode is not None:
        path.write_text(content)
        path.chmod(mode)
    url = f"--rpc-url={laptop.localnet.url}"
    said = laptop.type("pause", "meter", "--network=local", url, f"--key-file={path}")
    assert said.status == 1
    assert sentence in said.err
    assert "SAAA" not in said.err


def test_the_secret_of_the_environment_signs_and_is_never_printed(
    laptop: Laptop, site: str
) -> None:
    """A process of its own, as a person starts it."""
    secret = laptop.provider.key_file.read_text()
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "gateway", "admin", "signer", "allow", site, STRANGER),
            *("--network=local", f"--rpc-url={laptop.localnet.url}"),
        ],
        cwd=laptop.folder,
        env=os.environ | {"ADMIN_SECRET_KEY": secret, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran
    assert f"signed by {laptop.provider.address}" in ran.stdout
    assert secret not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["signer", "allow", "7", STRANGER[:-1] + "A"], "the checksum tells"),
        (["meter", "register", "7/0", "--max-power=700000"], "it is from 1 to 655350"),
        (["price", "set", "--from=tomorrow"], "write 2026-03-01"),
        (["meter", "register", "--csv=/nowhere.csv"], "/nowhere.csv isn't there"),
        (["pause", "mete"], "invalid choice: 'mete'"),
        (["producer", "revoke", STRANGER, "--reason", "x" * 201], "1 to 200 bytes long, this is"),
        (["site", "add"], "the following arguments are required: SITE"),
    ],
)
def test_a_wrong_command_line_is_explained_in_a_line(
    laptop: Laptop, words: list[str], sentence: str
) -> None:
    said = laptop.type(*words)
    assert said.status == 2
    assert sentence in said.err
    assert said.err.splitlines()[-1].startswith("see `gateway admin ")
    assert "usage:" not in said.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["meter", "register"], "give SITE/SLOT and --max-power, or --csv FILE and --site"),
        (["meter", "migrate"], "give either SITE/SLOT or --site"),
        (["market", "limits"], "give --total, --producer or both"),
        (["market", "rates"], "give --commission, --refund or both"),
        (["plan", "set", "--from=2030-01-01"], "give --daily, --weekly or both"),
    ],
)
def test_what_is_left_out_is_asked_for(laptop: Laptop, words: list[str], sentence: str) -> None:
    assert laptop.refused(*words) == sentence + "\n"


def test_a_file_with_a_bad_line_sends_nothing_of_it(laptop: Laptop, site: str) -> None:
    roll = laptop.folder / "bad.csv"
    roll.write_text(
        "slot,max_power_w,owner\n0,2000,\n1,many,\n2,2000\n3,2000,GABC\n0,100,\n4,10,\n"
    )
    complaint = laptop.refused("meter", "register", f"--csv={roll}", f"--site={site}")
    assert "nothing was sent:" in complaint
    assert "line 3: 'many' is not a power in W: write a whole number" in complaint
    assert "line 4: it has another number of fields than the head line" in complaint
    assert "line 5: 'GABC' is no address" in complaint
    assert "line 6: slot 0 is on line 2 already" in complaint
    assert "line 2:" not in complaint


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "the head line must be slot,max_power_w"),
        ("slot,power\n0,1\n", "the head line must be slot,max_power_w"),
        ("slot,max_power_w\n", "it names no meter"),
        ('slot,max_power_w\n0,"1\n', "can't be read as CSV"),
    ],
)
def test_a_file_of_another_form_is_explained(
    laptop: Laptop, site: str, content: str, sentence: str
) -> None:
    roll = laptop.folder / "form.csv"
    roll.write_text(content)
    complaint = laptop.refused("meter", "register", f"--csv={roll}", f"--site={site}")
    assert sentence in complaint


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[testnt]\n", "testnt is no network; known: [local], [testnet], [mainnet]"),
        ('[local]\nmetre = "C"\n', "local.metre is not a contract; known: token, meter"),
        ('[local]\nmeter = "CA"\n', "local.meter is no contract's address"),
        ('[local]\nsites = ["x"]\n', "local.sites is a list of sites' numbers"),
        ("[local", "isn't valid TOML"),
    ],
)
def test_a_file_of_addresses_that_is_wrong_is_named(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "provider.toml"
    path.write_text(content)
    with pytest.raises(Permanent) as caught:
        Places.load(path, "local", {})
    assert sentence in str(caught.value)


def test_addresses_of_other_networks_stay_and_the_environments_is_not_written_down(
    laptop: Laptop, tmp_path: Path
) -> None:
    path = tmp_path / "provider.toml"
    market, named = laptop.contract("market"), laptop.contract("meter")
    path.write_text(f'[testnet]\nmarket = "{market}"\nsites = [3]\n')
    places = Places.load(path, "local", {"CONTRACT_ID": named})
    assert places.find("meter") == named
    places.sites.append(7)
    places.save()
    assert Places.load(path, "testnet", {}).find("market") == market
    assert Places.load(path, "testnet", {}).sites == [3]
    assert Places.load(path, "local", {}).sites == [7]
    with pytest.raises(Permanent, match="names no meter contract on local: deploy it"):
        Places.load(path, "local", {}).find("meter")


@pytest.mark.parametrize(
    "sign", ["etc/village-gateway/x", "etc/systemd/system/gateway-field.service"]
)
def test_a_villages_gateway_is_no_place_for_the_providers_key(tmp_path: Path, sign: str) -> None:
    keys.refuse_appliance(tmp_path)
    (tmp_path / sign).parent.mkdir(parents=True)
    (tmp_path / sign).touch()
    with pytest.raises(Permanent, match="its key must never be on a gateway"):
        keys.refuse_appliance(tmp_path)


def test_the_command_itself_looks_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").touch()
    monkeypatch.setattr(keys, "SIGNS", (str(tmp_path / "here").lstrip("/"),))
    assert main(["admin", "status"]) == 1
    assert "this looks like a village's gateway" in capsys.readouterr().err
