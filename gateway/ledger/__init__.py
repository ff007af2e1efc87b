"""The room of the Soroban ledger: settle usage, and keep what the contract says fresh.

The only room that loads ``stellar_sdk`` and the only one that is given the signing key.
"""
