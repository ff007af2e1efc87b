"""Others' programs on the same work as ours, for the benchmarks to run beside it.

``thingsboard`` runs ThingsBoard's IoT Gateway from an environment of its own (``.venv-peers``, made
by ``scripts/setup.sh --peers``); ``aiomqtt_default`` receives as aiomqtt does by default. Nothing
here leaves the machine: brokers listen on loopback, and each run ends by itself.
"""
