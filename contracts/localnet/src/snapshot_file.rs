//! The file that a ledger is kept in between two runs: read whole, replaced whole.
//!
//! A new one is written beside the old one, forced to the disk and then put in its
//! place, so that there is always one that can be read, whenever the power goes.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Reads `path`; `None` if there is no such file yet.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("can't read {}: {error}", path.display())),
    }
}

/// Puts `bytes` in the place of what `path` holds, all of them or none.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let beside = beside(path);
    write_through(&beside, path, bytes).map_err(|error| {
        // Half of a snapshot is of no use to anyone; that it stays is no second error.
        let _ = fs::remove_file(&beside);
        format!("can't write {}: {error}", path.display())
    })
}

fn write_through(beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    // The new name has to reach the disk as well.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
