"""Numbered SQL scripts, applied in order by gateway.store.database."""
