"""The page in a real Chromium: on a small phone, on a wide screen, without JavaScript."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from gateway.domain.signs import SignKind
from gateway.store.database import Database
from gateway.store.signs import Turn, save_turns
from gateway.store.status import mark_status
from tests.village import HOUSE
from tests.web.stage import (
    DEADLINE_S,
    NOW_S,
    SETTINGS,
    TOKEN,
    build,
    counted,
    house,
    on_chain,
    put,
    serving,
    supplied,
    used,
)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG_LABEL = "Cooperative-Bakery-and-Cold-Store-behind-the-Old-Market-Unit-12"
PHONE, WIDE = 360, 1280
POSTPAID = 1 | 2 << 3


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=FLAGS
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def showing(
    browser: Browser,
    port: int,
    width: int,
    *,
    scripts: bool = True,
    scheme: str = "light",
    may_complain: bool = False,
) -> AsyncIterator[Page]:
    """The page at a width; whatever the browser complains about fails the test."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        java_script_enabled=scripts,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    await page.clock.install()
    await page.goto(f"http://127.0.0.1:{port}/")
    yield page
    assert may_complain or complaints == []
    await context.close()


async def furnish(database: Database) -> None:
    """Eight meter points, each in another situation."""
    a_day_s, quarter_s = 86_400, NOW_S - NOW_S % 900
    clinic = replace(house("clinic"), critical=True)
    node = replace(house("school", mode="postpaid", relay="node:school"), address="node/school")
    points = await build(
        database,
        house("house-01"),
        house("house-02"),
        house("house-03"),
        clinic,
        node,
        house(LONG_LABEL),
        replace(HOUSE, label="feeder", relay="none"),
        house("house-08"),
    )
    credit, plan, arrears, critical, school, bakery, feeder, _ = points
    await put(
        database,
        "chain_price",
        version=1,
        effective_from_s=0,
        off_peak=TOKEN // 10,
        standard=TOKEN // 8,
        peak=TOKEN // 5,
        daily=TOKEN,
        weekly=6 * TOKEN,
    )
    for point, usage_wh, power_mw in (
        (credit, 45_430, 128_400),
        (plan, 112_870, 2_310_000),
        (arrears, 38_020, 0),
        (critical, 260_100, 640_000),
        (school, 81_500, 74_900),
        (bakery, 1_204_900, 5_820_000),
        (feeder, 1_998_000, 12_480_000),
    ):
        is_silent = point is school
        await counted(
            database, point, usage_wh, power_mw=power_mw, ago_s=11_000 if is_silent else 7
        )
        await used(database, point, quarter_s - 1_800, usage_wh // 100)
    await on_chain(database, credit, total_wh=44_900, balance=12 * TOKEN + 3_456_789)
    await on_chain(
        database, plan, total_wh=112_000, balance=0, plan=2, paid_until_s=NOW_S + 3 * a_day_s
    )
    await on_chain(database, arrears, total_wh=38_020, balance=-3 * TOKEN)
    await on_chain(database, critical, total_wh=255_000, balance=-41 * TOKEN)
    await on_chain(database, school, total_wh=81_500, flags=POSTPAID)
    await on_chain(database, bakery, total_wh=1_190_000, balance=1_234_567 * TOKEN)
    await supplied(database, credit, "connected", "credit")
    await supplied(database, plan, "connected", "plan")
    await supplied(database, arrears, "disconnected", "no_credit")
    await supplied(database, critical, "connected", "critical")
    await supplied(database, school, "connected", "charged_later", "unconfirmed")
    await supplied(database, bakery, "disconnected", "deactivated", "contradicted")
    await furnish_feeders(database)
    await mark_status(database, "bus:main", "online", "7 of 8 meters answer.", NOW_S - 90_000)
    await mark_status(database, "broker", "online", "Connected to 127.0.0.1:1883.", NOW_S - 90_000)
    await mark_status(database, "node:school", "offline", "Its last will arrived.", NOW_S - 11_000)
    await mark_status(
        database,
        "chain",
        "offline",
        "No RPC server answers; the cable may be out. Nothing is lost: usage waits here.",
        NOW_S - 180,
    )
    await put(
        database,
        "chain_receipt",
        site=1,
        writer="00" * 16,
        sequence=41,
        previous_digest="",
        digest="",
        from_s=quarter_s - 25_200,
        to_s=quarter_s - 3_600,
        price_version=1,
        accepted_wh=900,
        residue_wh=0,
        total_wh=1_000,
        total_residue_wh=0,
        closed_s=quarter_s - 3_480,
        ledger=99,
        as_of_s=NOW_S - 180,
    )


async def furnish_feeders(database: Database) -> None:
    """Two feeders, on one of which something is wrong."""
    signs = [
        Turn(
            SignKind.NEUTRAL_LOST,
            "house-02",
            began=True,
            reason="301 V, while its neighbours on the feeder have 229 V: its neutral or a joint "
            "is loose, or was taken off.",
        ),
        Turn(SignKind.BROWN_OUT, "north", began=True, reason="The feeder has 178 V."),
    ]
    await save_turns(database, signs, NOW_S - 600)
    message = (
        "In 24 h the feeder delivered 41890 Wh, its meters counted 37850 Wh, the wires lost about "
        "860 Wh: 3180 Wh (7.5 %) are missing, of which 420 Wh may be error; the limit is 3.0 %."
    )
    await mark_status(database, "losses:north", "alarm", message, NOW_S - 3_000)
    for feeder, missing_wh in (("north", 1_730), ("the-long-line-to-the-old-market", 12)):
        await put(
            database,
            "feeder_balance",
            span_s=86_400,
            start_s=NOW_S - NOW_S % 86_400 - 3 * 3_600,
            feeder=feeder,
            hours=13,
            feeder_wh=22_910,
            meters_wh=22_440 - missing_wh,
            technical_wh=470,
            meters=8,
            complete=1,
        )


async def follow(page: Page, condition: Callable[[], Awaitable[bool]]) -> None:
    """Let the page's own clock run on, a refresh at a time, until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not await condition():
        assert time.monotonic() < deadline, "the page never came to show it"
        await page.clock.run_for(5_000)
        await asyncio.sleep(0.1)  # the answer to a refresh is real and takes real time


async def overflow_px(page: Page) -> int:
    width = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert isinstance(width, int)
    return width


async def test_nothing_scrolls_sideways(
    database: Database, browser: Browser, tmp_path: Path
) -> None:
    await furnish(database)
    async with serving(database) as port:
        for width, scheme in itertools.product((320, PHONE, 768, WIDE), ("light", "dark")):
            async with showing(browser, port, width, scheme=scheme) as page:
                shot = tmp_path / f"village-{width}-{scheme}.png"
                await page.screenshot(path=shot, full_page=True)
                assert await overflow_px(page) <= 0, shot


async def test_an_empty_village_reads_well(
    database: Database, browser: Browser, tmp_path: Path
) -> None:
    async with serving(database) as port:
        for width in (PHONE, WIDE):
            async with showing(browser, port, width) as page:
                await page.screenshot(path=tmp_path / f"empty-{width}.png", full_page=True)
                assert await overflow_px(page) <= 0
                await expect(page.get_by_text("No meters yet.")).to_be_visible()


async def test_a_table_when_wide_and_cards_on_a_phone(database: Database, browser: Browser) -> None:
    await furnish(database)
    async with serving(database) as port:
        async with showing(browser, port, WIDE) as page:
            await expect(page.get_by_role("columnheader", name="Power")).to_be_in_viewport()
            tops = await tops_of(page, "table[aria-labelledby=meters] tbody tr:first-child > *")
            assert len(set(tops)) == 1
        async with showing(browser, port, PHONE) as page:
            tops = await tops_of(page, "table[aria-labelledby=meters] tbody tr:first-child > *")
            assert len(set(tops)) == 4
            await expect(page.get_by_role("columnheader", name="Power")).not_to_be_in_viewport()


async def tops_of(page: Page, selector: str) -> list[int]:
    """The upper edges of elements, in whole pixels."""
    tops = await page.locator(selector).evaluate_all(
        "found => found.map(one => Math.round(one.getBoundingClientRect().top))"
    )
    assert isinstance(tops, list)
    return tops


async def test_it_works_without_javascript(database: Database, browser: Browser) -> None:
    await furnish(database)
    async with serving(database) as port, showing(browser, port, PHONE, scripts=False) as page:
        await expect(page.get_by_role("row", name="house-01")).to_be_visible()
        await expect(page.get_by_role("button")).to_be_hidden()
        refresh = page.locator("meta[http-equiv=refresh]")
        assert await refresh.get_attribute("content") == "15"


async def test_with_javascript_it_follows_by_itself(database: Database, browser: Browser) -> None:
    [point] = await build(database, house("house-01"))
    await counted(database, point, 1_000)
    async with serving(database) as port, showing(browser, port, PHONE) as page:
        await page.evaluate("document.body.dataset.mark = 'not loaded anew'")
        await supplied(database, point, "disconnected", "no_credit")
        await follow(page, page.get_by_text("Disconnected").is_visible)
        assert await page.locator("body").get_attribute("data-mark") == "not loaded anew"


async def test_updates_can_be_paused(database: Database, browser: Browser) -> None:
    async with serving(database) as port, showing(browser, port, PHONE) as page:
        await page.get_by_role("button", name="Pause updates").press("Enter")
        await expect(page.get_by_role("button", name="Resume updates")).to_be_focused()
        await page.evaluate("document.getElementById('live').innerHTML = 'held'")
        await page.clock.run_for(20_000)
        await expect(page.locator("#live")).to_have_text("held")
        await page.get_by_role("button", name="Resume updates").click()
        await follow(page, page.get_by_role("heading", name="Meters").is_visible)


async def test_a_lost_gateway_is_said_and_a_found_one_too(
    database: Database, browser: Browser
) -> None:
    async with (
        serving(database) as port,
        showing(browser, port, PHONE, may_complain=True) as page,
    ):
        await page.route("**/live/*", lambda route: route.abort())
        lost = page.get_by_text("No answer from the gateway since")
        await follow(page, lost.is_visible)
        await expect(page.get_by_role("heading", name="Meters")).to_be_visible()
        await page.unroute("**/live/*")
        await follow(page, lost.is_hidden)


async def test_a_page_from_an_older_program_loads_itself_anew(
    database: Database, browser: Browser
) -> None:
    async with (
        serving(database) as port,
        showing(browser, port, PHONE, may_complain=True) as page,
    ):
        live = page.locator("#live")
        current = await live.get_attribute("data-url")
        assert current is not None
        await live.evaluate("live => live.setAttribute('data-url', '/live/older')")

        async def is_current() -> bool:
            return await live.get_attribute("data-url") == current

        await follow(page, is_current)


async def test_every_text_stands_out_from_its_ground(database: Database, browser: Browser) -> None:
    await furnish(database)
    async with serving(database) as port:
        for width, scheme in itertools.product((PHONE, WIDE), ("light", "dark")):
            async with showing(browser, port, width, scheme=scheme) as page:
                assert await page.evaluate(WEAK_TEXTS) == [], (width, scheme)


WEAK_TEXTS = """() => {
  // WCAG 2.2, 1.4.3: contrast ratio (L1 + 0.05) / (L2 + 0.05), at least 4.5.
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.body.querySelectorAll("*")) {
    const says = [...element.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (!says || !element.offsetParent || element.tagName === "SCRIPT") continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(element.textContent.trim() + " " + ratio.toFixed(2));
  }
  return weak;
}"""


@pytest.mark.parametrize("width", [PHONE, WIDE])
async def test_a_screen_reader_finds_its_way(
    database: Database, browser: Browser, width: int
) -> None:
    await furnish(database)
    async with serving(database) as port, showing(browser, port, width) as page:
        assert await page.locator("html").get_attribute("lang") == "en"
        assert await page.title() == f"{SETTINGS.village}: meters"
        await expect(page.get_by_role("heading", level=1)).to_have_text(SETTINGS.village)
        headings = await page.get_by_role("heading", level=2).all_inner_texts()
        assert headings == ["Needs a person", "Meters", "Losses", "Settlement", "Gateway"]
        await expect(page.get_by_role("table", name="Meters")).to_be_visible()
        row = page.get_by_role("row", name="house-03")
        await expect(row.get_by_role("rowheader")).to_contain_text("house-03")
        await expect(row.get_by_role("cell")).to_have_count(6)
        await page.get_by_role("link", name=LONG_LABEL).click()
        await expect(page.get_by_role("row", name=LONG_LABEL)).to_be_in_viewport()
