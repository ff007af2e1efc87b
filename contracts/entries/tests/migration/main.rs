//! From one entry per meter to pages, in place: the committed code of the earlier layout lives, announces, upgrades to
//! the committed `meter`, and is migrated meter by meter while usage and money keep arriving.
//!
//! Each law compares with an instance that was `meter` from the start and was told the same things at the same times.

mod instance;
mod laws;
mod steps;
