"""Bytes from outside, as bad as a fuzzer makes them: what is decoded, and what must hold of it.

Each target is a function of bytes that returns when all is well and raises when it is not:
``make fuzz`` runs them under Atheris (libFuzzer), guided by coverage; the suite runs what was once
found, and some random bytes.
"""
