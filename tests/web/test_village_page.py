"""The page as the server renders it: what each situation looks like in words."""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import replace

import pytest

from gateway.clock import Clock
from gateway.clock.trust import begin
from gateway.domain.signs import SignKind
from gateway.domain.supply import Reason
from gateway.store.database import Database
from gateway.store.signs import Turn, save_turns
from gateway.store.status import mark_status
from gateway.web import words
from tests.village import HOUSE
from tests.web.stage import (
    NOW_S,
    TOKEN,
    Answer,
    ask,
    build,
    clock_at,
    counted,
    house,
    on_chain,
    put,
    serving,
    supplied,
    used,
)

PAGE_BUDGET_B = 30_000


def text_of(answer: Answer) -> str:
    """What a person reads, with single plain spaces."""
    plain = html.unescape(re.sub(r"<[^>]+>", " ", answer.text))
    plain = plain.replace(words.NBSP, " ").replace(words.MINUS, "-").replace(words.NOTHING, "-")
    return re.sub(r"\s+", " ", plain)


async def page_of(database: Database, clock: Clock | None = None) -> str:
    async with serving(database, clock) as port:
        answer = await ask(port, "/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return text_of(answer)


async def test_an_empty_village_says_what_to_do(database: Database) -> None:
    page = await page_of(database)
    assert "Wed 21 Jan 2026, 13:32:0" in page
    assert "EAT" in page
    assert "No meters yet. Name them in the gateway's configuration file" in page
    assert "None: no batch has been settled yet." in page
    assert "Never reached No connection has been made yet." in page
    assert "Needs a person" not in page


async def test_a_meter_without_readings_claims_nothing(database: Database) -> None:
    await build(database, house("house-01"))
    page = await page_of(database)
    assert "No readings No meter has been read yet." in page
    assert "house-01 bus main, unit 1 Not decided yet" in page
    assert "- not known 0 Wh - not seen on chain yet - nothing waiting None yet" in page


async def test_a_healthy_house_in_a_line(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 5_430)
    await on_chain(database, point, total_wh=5_000, balance=12 * TOKEN)
    await supplied(database, point, "connected", "credit")
    await used(database, point, NOW_S - NOW_S % 900, 430)
    page = await page_of(database)
    assert f"Connected {Reason.CREDIT.sentence} Confirmed by the meter: power flows." in page
    assert "128 W 430 Wh 12.00 ELECTRIC as of 3 min ago" in page
    assert "5.00 kWh 430 Wh waiting" in page
    assert re.search(r"1[2-6] s ago Settlement", page)
    assert "430 Wh waiting oldest from 13:30" in page
    assert "Needs a person" not in page


async def test_usage_that_is_not_settled_is_taken_off_as_an_estimate(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 2_000)
    await on_chain(database, point, balance=TOKEN)
    await put(
        database,
        "chain_price",
        version=1,
        effective_from_s=0,
        off_peak=TOKEN,
        standard=TOKEN,
        peak=TOKEN,
        daily=TOKEN,
        weekly=TOKEN,
    )
    await used(database, point, NOW_S - NOW_S % 900 - 7_200, 2_000)
    page = await page_of(database)
    assert "-1.00 ELECTRIC arrears; estimate; on chain 1.00 ELECTRIC 3 min ago" in page


async def test_arrears_are_named_not_only_coloured(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10)
    await on_chain(database, point, balance=-3 * TOKEN)
    await supplied(database, point, "disconnected", "no_credit")
    page = await page_of(database)
    assert "-3.00 ELECTRIC arrears; as of 3 min ago" in page
    assert f"Disconnected {Reason.NO_CREDIT.sentence} {Reason.NO_CREDIT.remedy}" in page
    assert "1 without supply" in page


async def test_a_running_plan_shows_its_end_in_local_time(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await on_chain(database, point, plan=2, paid_until_s=NOW_S + 3 * 86_400)
    page = await page_of(database)
    assert "Weekly plan until Sat 24 Jan 13:32 as of 3 min ago" in page
    assert "ELECTRIC" not in page


async def test_debt_beside_a_running_plan_is_not_hidden(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await on_chain(database, point, plan=1, paid_until_s=NOW_S + 60, balance=-TOKEN)
    page = await page_of(database)
    assert "Daily plan until 13:33 as of 3 min ago -1.00 ELECTRIC arrears" in page


@pytest.mark.parametrize(
    ("mode", "flags", "text"),
    [("postpaid", 1 | 2 << 3, "billed afterwards"), ("streaming", 1 | 1 << 3, "paid hour by hour")],
)
async def test_who_is_charged_elsewhere_has_no_balance_here(
    database: Database, mode: str, flags: int, text: str
) -> None:
    [point] = await build(database, house("house-01", mode=mode))
    await on_chain(database, point, flags=flags)
    assert f"- {text}" in await page_of(database)


async def test_power_after_disconnection_needs_a_person(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10)
    await supplied(database, point, "disconnected", "no_credit", "contradicted")
    page = await page_of(database)
    assert (
        "house-01 Disconnected. Contradicted by the meter: power still flows. "
        "Check the relay and its wiring."
    ) in page


async def test_a_critical_supply_and_a_mere_meter_are_marked(database: Database) -> None:
    clinic = replace(HOUSE, label="clinic", critical=True, relay="node:clinic")
    await build(database, replace(clinic, address="node/clinic"), house("feeder", relay="none"))
    page = await page_of(database)
    assert "clinic critical node clinic" in page
    assert "No switch This supply is only measured." in page


async def test_a_silent_meter_shows_no_live_power(database: Database) -> None:
    talking, silent = await build(database, house("talking"), house("silent"))
    await counted(database, talking, 10)
    await counted(database, silent, 10, power_mw=900_000, ago_s=3 * 3_600)
    page = await page_of(database)
    assert "- was 900 W" in page
    assert "3 h ago silent since 10:32" in page
    assert "128 W now" in page
    assert "1 silent" in page
    assert "out of date" not in page


async def test_the_page_says_that_it_is_out_of_date(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10, ago_s=600)
    page = await page_of(database)
    assert "This page is out of date No meter has been read since 13:22 (10 min ago)." in page


async def test_while_the_time_is_not_known_the_page_says_so_and_calls_no_meter_silent(
    database: Database,
) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10, ago_s=6 * 3_600)
    await mark_status(database, "clock", "alarm", "the time is not known: no NTP.", NOW_S)
    clock = clock_at(NOW_S)
    clock.standing = begin("boot", clock.monotonic_ms(), 0, NOW_S * 1000, 0, 0)
    clock.standing = replace(clock.standing, floor_ms=0, offset_ms=NOW_S * 1000)
    clock.standing = replace(
        clock.standing, offset_ms=clock.standing.offset_ms - clock.monotonic_ms()
    )
    page = await page_of(database, clock)
    assert "or later: the time is not known" in page
    assert "Needs a person Clock The time is not known: no NTP." in page
    assert "0 silent" in page
    assert "out of date" not in page


async def test_a_driven_village_is_not_called_silent_for_its_pace(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10, ago_s=600)
    assert "out of date" not in await page_of(database, clock_at(NOW_S, factor=60.0))


async def test_what_the_gateway_is_doing_alarms_first(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10)
    since_s = NOW_S - 7_200
    await mark_status(database, "bus:main", "online", "40 meters answer.", since_s)
    await mark_status(database, "broker", "offline", "No answer from 127.0.0.1:1883.", since_s)
    await mark_status(database, "settlement", "alarm", "Another writer has settled.", since_s)
    page = await page_of(database)
    assert "Needs a person Settlement Another writer has settled. Since 11:32." in page
    assert "Bus main Online 40 meters answer. for 2 h" in page
    assert "Broker Offline No answer from 127.0.0.1:1883. for 2 h" in page
    assert "Settlement Alarm Another writer has settled. for 2 h" in page


async def test_signs_and_losses_read_well_and_point_to_the_meter(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10)
    turns = [
        Turn(SignKind.FEEDER_DEAD, "north", began=True, reason="All 9 meters are mute."),
        Turn(SignKind.METER_DEAD, "house-01", began=True, reason="It is mute while 8 answer."),
    ]
    await save_turns(database, turns, NOW_S - 7_200)
    await mark_status(database, "losses:north", "alarm", "900 Wh (9.0 %) are missing.", NOW_S - 60)
    page = await page_of(database)
    assert "Feeder north is dead All 9 meters are mute. Since 11:32. Look at its breaker" in page
    assert "house-01: meter dead It is mute while 8 answer. Since 11:32. Go there" in page
    assert "Energy is missing on feeder north 900 Wh (9.0 %) are missing. Since 13:31." in page
    assert "Sign" not in page
    async with serving(database) as port:
        assert '<a href="#m4294967296">house-01: meter dead</a>' in (await ask(port, "/")).text


async def test_power_behind_an_open_relay_is_said_once(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 10)
    await supplied(database, point, "disconnected", "no_credit", "contradicted")
    kind = SignKind.POWER_WHILE_DISCONNECTED
    await save_turns(database, [Turn(kind, "house-01", began=True, reason="90 W flow.")], NOW_S)
    page = await page_of(database)
    assert "Check the relay and its wiring." in page
    assert "90 W flow" not in page


async def test_a_feeders_day_in_a_line(database: Database) -> None:
    day_s = NOW_S - NOW_S % 86_400 - 3 * 3_600
    for feeder, start_s, hours, complete in (
        ("north", day_s, 13, 1),
        ("south", day_s - 86_400, 24, 0),
    ):
        await put(
            database,
            "feeder_balance",
            span_s=86_400,
            start_s=start_s,
            feeder=feeder,
            hours=hours,
            feeder_wh=10_000,
            meters_wh=9_500 if complete else 9_950,
            technical_wh=100,
            meters=4,
            complete=complete,
        )
    page = await page_of(database)
    assert "north today, 13 h 10.00 kWh 9.50 kWh 100 Wh 400 Wh 4.0 % of delivered" in page
    assert (
        "south yesterday, 24 h; some hours are incomplete 10.00 kWh 9.95 kWh 100 Wh "
        "-50 Wh -0.5 % of delivered"
    ) in page


async def test_without_a_feeders_meter_there_is_no_table_of_losses(database: Database) -> None:
    assert "Losses" not in await page_of(database)


async def test_many_healthy_nodes_are_one_line_and_a_lost_one_is_not(database: Database) -> None:
    for number in range(20):
        await mark_status(database, f"node:n{number}", "online", "Reports.", NOW_S)
    await mark_status(database, "node:lost", "offline", "Last will.", NOW_S - 300)
    page = await page_of(database)
    assert "Nodes Online 20 nodes report." in page
    assert "Node lost Offline Last will. for 5 min" in page


async def test_backlog_and_receipt(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 9_000)
    await on_chain(database, point, total_wh=1_000)
    hour_s = NOW_S - NOW_S % 3_600
    await put(
        database,
        "chain_receipt",
        site=1,
        writer="00" * 16,
        sequence=41,
        previous_digest="",
        digest="",
        from_s=hour_s - 7_200,
        to_s=hour_s - 3_600,
        price_version=1,
        accepted_wh=900,
        residue_wh=0,
        total_wh=1_000,
        total_residue_wh=0,
        closed_s=NOW_S - 720,
        ledger=99,
        as_of_s=NOW_S - 60,
    )
    await put(
        database,
        "outbox",
        outbox_id=7,
        kind="batch",
        state="pending",
        attempts=3,
        message="no route to host",
        created_s=NOW_S,
        updated_s=NOW_S,
    )
    await put(
        database,
        "batch",
        outbox_id=7,
        site=1,
        writer="00" * 16,
        sequence=42,
        from_s=hour_s - 3_600,
        to_s=hour_s,
        price_version=1,
        previous_digest="",
        digest="",
    )
    page = await page_of(database)
    assert (
        "8.00 kWh waiting oldest from 12:00; batch 42 pending, tried 3 times: no route to host"
    ) in page
    assert "Batch 41, accepted 12 min ago usage before 12:00 is settled" in page


async def test_a_reason_from_a_newer_version_is_shown_as_it_is(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    await supplied(database, point, "disconnected", "moon_phase")
    assert "Disconnected Reason: moon_phase." in await page_of(database)


async def test_labels_are_text_and_never_markup(database: Database) -> None:
    await build(database, house("<img src=x onerror=alert(1)>"))
    async with serving(database) as port:
        answer = await ask(port, "/")
    assert "<img" not in answer.text
    assert "&lt;img src=x" in answer.text


async def test_the_refreshed_part_is_the_part_on_the_page(database: Database) -> None:
    await build(database, house("house-01"))
    async with serving(database) as port:
        page = await ask(port, "/")
        [url] = re.findall(r'data-url="([^"]+)"', page.text)
        part = await ask(port, url)
        other = await ask(port, "/live/older")
    assert 'id="m4294967296"' in part.text
    assert "<html" not in part.text
    assert part.headers["cache-control"] == "no-store"
    assert other.status == 404


async def test_every_answer_carries_the_security_headers(database: Database) -> None:
    async with serving(database) as port:
        answers = [await ask(port, path) for path in ("/", "/nowhere", "/healthz", "/api/nothing")]
    assert [answer.status for answer in answers] == [200, 404, 200, 404]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers
        assert "evil.example" not in answer.text


async def test_health_is_plain_text(database: Database) -> None:
    async with serving(database) as port:
        answer = await ask(port, "/healthz")
    assert (answer.headers["content-type"], answer.text) == ("text/plain; charset=utf-8", "ok\n")


async def test_static_files_are_named_by_content_and_kept_for_ever(database: Database) -> None:
    async with serving(database) as port:
        page = await ask(port, "/")
        urls = re.findall(r'"(/static/[^"]+)"', page.text)
        answers = [await ask(port, url) for url in urls]
        odd = [await ask(port, f"/static/{name}") for name in ("page.css", "..%2fapp.py", "%00")]
    assert len(urls) == 3
    assert all(re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", url) for url in urls)
    assert [answer.status for answer in answers] == [200] * 3
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    assert [answer.status for answer in odd] == [404] * 3


async def test_a_village_of_ten_fits_in_thirty_kilobytes_with_all_its_files(
    database: Database,
) -> None:
    points = await build(database, *(house(f"house-{number:02d}") for number in range(10)))
    for point in points:
        await counted(database, point, 5_430)
        await on_chain(database, point, balance=12 * TOKEN)
        await supplied(database, point, "disconnected", "no_credit")
    async with serving(database) as port:
        page = await ask(port, "/")
        urls = re.findall(r'"(/static/[^"]+)"', page.text)
        size_b = len(page.body) + sum([len((await ask(port, url)).body) for url in urls])
    assert size_b < PAGE_BUDGET_B


async def test_two_hundred_meters_travel_compressed(database: Database) -> None:
    points = await build(database, *(house(f"house-{number:03d}") for number in range(200)))
    for point in points:
        await counted(database, point, 5_430 + point.slot)
        await on_chain(database, point, balance=point.slot * TOKEN)
        await supplied(database, point, "connected", "credit")
    async with serving(database) as port:
        answer = await ask(port, "/", "GET", "Accept-Encoding: gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < PAGE_BUDGET_B
    assert gzip.decompress(answer.body).decode().count('scope="row"') == 200
