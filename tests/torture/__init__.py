"""The torture rig: real parts, real faults, one seed a run; ``python -m tests.torture``.

The gateway's own services work on real files and the real Soroban host, while the world around
them fails: the way to the chain, the process, the disk, the broker, the bus. Everything that
happens in a run follows from its seed, so a run that failed can be had again. Verdicts come from
a reader of its own (:mod:`tests.torture.judge`).
"""
