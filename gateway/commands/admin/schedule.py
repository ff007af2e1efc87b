"""``gateway admin schedule``: hourly payments of streaming meters, by hand where that is needed."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import scheduler
from gateway.ledger.contracts.scheduler import Reason, ScheduleStatus, Status


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("schedule", "payments of streaming meters: create, execute, cancel ...")
    verb = verbs.verb("create", "schedule the payment of an hour; again: the same", create)
    verb.add_argument("meter", type=words.meter_id, metavar="SITE/SLOT")
    verb.add_argument("hour", type=words.hour, metavar="HOUR", help="its start (UTC)")
    for name, purpose, act in (
        ("status", "show where a payment stands", show),
        ("execute", "carry out a payment that is due", execute),
        ("cancel", "leave a payment to the invoice, with the payer's key", cancel),
        ("reschedule", "move a payment that is a day late to the next hour", reschedule),
    ):
        verbs.verb(name, purpose, act).add_argument(
            "schedule", type=words.count, metavar="NUMBER", help="of the payment"
        )
    for name, purpose, act in (
        ("list", "list a meter's open payments and its sums", list_open),
        ("end", "end a meter's subscription, as when a household has moved out", end),
    ):
        verbs.verb(name, purpose, act).add_argument(
            "meter", type=words.meter_id, metavar="SITE/SLOT"
        )
    verb = verbs.verb("provider", "name who receives the money", set_provider)
    verb.add_argument("provider", type=words.address, metavar="ADDRESS")


async def create(desk: Desk, arguments: argparse.Namespace) -> None:
    """Schedule a payment."""
    contract = desk.places.find("scheduler")
    await desk.obtain(
        scheduler.schedule_payment(contract, arguments.meter, arguments.hour),
        lambda number: f"this is payment {number}",
    )


async def execute(desk: Desk, arguments: argparse.Namespace) -> None:
    """Carry it out."""
    contract = desk.places.find("scheduler")
    await desk.obtain(scheduler.execute(contract, arguments.schedule), _stands)


async def cancel(desk: Desk, arguments: argparse.Namespace) -> None:
    """Leave it to the invoice."""
    contract = desk.places.find("scheduler")
    await desk.do(scheduler.cancel_schedule(contract, desk.me, arguments.schedule))


async def reschedule(desk: Desk, arguments: argparse.Namespace) -> None:
    """Move it on."""
    contract = desk.places.find("scheduler")
    await desk.obtain(
        scheduler.reschedule_expired(contract, arguments.schedule),
        lambda due_s: f"it is due {words.shown_time(due_s)} now",
    )


async def end(desk: Desk, arguments: argparse.Namespace) -> None:
    """End a subscription."""
    await desk.do(scheduler.end_subscription(desk.places.find("scheduler"), arguments.meter))


async def set_provider(desk: Desk, arguments: argparse.Namespace) -> None:
    """Name who receives the money."""
    await desk.do(scheduler.set_provider(desk.places.find("scheduler"), arguments.provider))


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show one payment."""
    contract = desk.places.find("scheduler")
    _show(await desk.ask(scheduler.get_schedule_status(contract, arguments.schedule)))


async def list_open(desk: Desk, arguments: argparse.Namespace) -> None:
    """List open payments, the oldest first, and the sums."""
    contract = desk.places.find("scheduler")
    subscription = await desk.ask(scheduler.get_subscription(contract, arguments.meter))
    account = await desk.ask(scheduler.get_account(contract, arguments.meter))
    payer = "nobody pays: it goes to the invoice"
    if subscription:
        payer = f"{subscription.user}, from {words.shown_time(subscription.since_s)} on"
    print(f"meter {words.shown_meter(arguments.meter)}")
    print(f"  payer        {payer}")
    print(f"  paid         {words.shown_amount(account.paid)} tokens")
    print(f"  open         {words.shown_amount(account.open)} tokens")
    print(f"  rolled over  {words.shown_amount(account.rolled)} tokens")
    print(f"  to invoice   {words.shown_amount(account.uncollected)} tokens")
    for one in await desk.ask(scheduler.get_open(contract, arguments.meter)):
        _show(one)


def _stands(status: Status) -> str:
    return f"it is {status.name.lower().replace('_', ' ')} now"


def _show(one: ScheduleStatus) -> None:
    why = one.reason.name.lower().replace("_", " ")
    state = one.status.name.lower().replace("_", " ")
    print(f"payment {one.schedule_id} of meter {words.shown_meter(one.meter_id)}")
    print(f"  hour         {words.shown_time(one.hour_s)}")
    print(f"  due          {words.shown_time(one.due_s)}")
    print(f"  amount       {words.shown_amount(one.amount)} tokens")
    print(f"  paid         {words.shown_amount(one.paid)} tokens")
    print(f"  state        {state}" + (f": {why}" if one.reason is not Reason.NONE else ""))
