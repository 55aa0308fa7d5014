//! Files of a run: replaced as a whole, in a folder that one run has.

use crate::error::{Cause, Error, FileError, Result};
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const LOCK: &str = ".lock";

/// Writes under another name first: after an interruption the old file is still there.
pub(super) fn write(path: PathBuf, contents: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut new = path.clone().into_os_string();
    new.push(".new");
    contents(Path::new(&new))?;
    fs::rename(&new, &path).map_err(|error| file(&path, "replaced", error))
}

/// Removes files that are there.
pub(super) fn remove(folder: &Path, names: &[&str]) -> Result<()> {
    for name in names {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(file(&path, "removed", error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

pub(super) fn file(path: &Path, action: &'static str, source: impl Into<Cause>) -> Error {
    Error::File(FileError::Access { path: path.display().to_string(), action, source: source.into() })
}

/// Locks a folder for one run while the returned file is open: a second run would remove and rename the files of the
/// first run. File systems without locks give no protection. The folder is made if there is none.
pub(super) fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).map_err(|error| file(folder, "created", error))?;
    let path = folder.join(LOCK);
    let file_of_lock = File::create(&path).map_err(|error| file(&path, "created", error))?;
    match file_of_lock.try_lock() {
        Ok(()) => Ok(file_of_lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::File(FileError::FolderInUse { folder: folder.display().to_string() }))
        }
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file_of_lock),
        Err(TryLockError::Error(error)) => Err(file(&path, "locked", error)),
    }
}
