"""Tests of the room that turns readings into what is owed."""
