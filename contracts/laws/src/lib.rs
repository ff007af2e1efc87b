//! No code of its own: `tests/` holds what is promised across contracts (who may call what; every Wh charged once).
