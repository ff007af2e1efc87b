"""The token page in a real Chromium: on a small phone and a wide screen, without JavaScript."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect

from gateway.store.database import Database
from gateway.store.tokens import TokenSettings
from gateway.wire.tokens import TokenKey, encode_token
from tests.web.stage import SETTINGS, TOKEN, build, house, on_chain, serving
from tests.web.test_browser import LONG_LABEL, PHONE, WIDE, browser, showing

__all__ = ["browser"]

KEY = TokenKey(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123_456_789)
OPEN = replace(SETTINGS, tokens=TokenSettings({"house-01": KEY}, TOKEN // 10, 500))


@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_household_enters_a_token_and_sees_what_came_of_it(
    database: Database,
    browser: Browser,
    width: int,
    *,
    scripts: bool,
) -> None:
    [point, *_] = await build(database, house("house-01"), house(LONG_LABEL))
    await on_chain(database, point, balance=2 * TOKEN)
    digits = encode_token(KEY, 30, 0)[1]
    async with (
        serving(database, settings=OPEN) as port,
        showing(browser, port, width, scripts=scripts) as page,
    ):
        await page.get_by_role("link", name="Enter a token").click()
        await page.get_by_label("Meter").select_option("house-01")
        await page.get_by_label("Token").fill(f"{digits[:3]} {digits[3:6]} {digits[6:]}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.get_by_role("button", name="Use the token").click()
        await expect(page.get_by_role("status")).to_contain_text("3.00")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.get_by_role("link", name="See the meter").click()
        await expect(page.locator("#live")).to_contain_text("5.00")
        await expect(page.locator("#live")).to_contain_text("paid here on its way")


async def test_a_wrong_token_keeps_the_meter_chosen_and_says_what_to_do(
    database: Database,
    browser: Browser,
) -> None:
    await build(database, house("house-01"), house("house-02"))
    async with (
        serving(database, settings=OPEN) as port,
        showing(browser, port, PHONE, may_complain=True) as page,
    ):
        await page.goto(f"http://127.0.0.1:{port}/token")
        await page.get_by_label("Meter").select_option("house-01")
        await page.get_by_label("Token").fill("123456789")
        await page.get_by_role("button", name="Use the token").click()
        await expect(page.get_by_role("alert")).to_contain_text("This is no token of this meter")
        await expect(page.get_by_label("Meter")).to_have_value("house-01")


async def test_without_tokens_there_is_no_link(
    database: Database,
    browser: Browser,
) -> None:
    await build(database, house("house-01"))
    async with serving(database) as port, showing(browser, port, PHONE) as page:
        await expect(page.get_by_role("link", name="Enter a token")).to_have_count(0)
