"""The rules of metering, tariffs, batches and supply: pure, standard library only.

No asyncio, no I/O, no logging, no clock: time is an argument.
"""
