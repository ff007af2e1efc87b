"""One file per claim, peers side by side: ``python -m benchmarks [NAME ...]``.

Each module has ``def measure() -> Benchmark``. Results go to ``benchmarks/results/NAME.json`` and
are rendered into ``docs/performance.md``. A claim that does not hold stays in the table.
"""
