"""The only SQL in the program, and the only way from one room to another.

Producers append, consumers read from a cursor; nothing here decides anything.
"""
