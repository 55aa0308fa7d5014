//! Outputs: files that are replaced as a whole, and the standard output.

use super::failure::{Failure, Outcome};
use super::input::is_standard;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Output that is written piece by piece.
#[derive(Debug)]
pub(crate) struct Output {
    /// Name in messages.
    name: String,
    writer: BufWriter<Target>,
    /// File beside the final one, and the final one.
    moved: Option<(PathBuf, PathBuf)>,
}

/// Place to which bytes go.
#[derive(Debug)]
enum Target {
    Standard(io::Stdout),
    File(File),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl Output {
    /// Opens the standard output.
    pub(crate) fn standard() -> Self {
        let writer = BufWriter::with_capacity(1 << 16, Target::Standard(io::stdout()));
        Self { name: "standard output".to_owned(), writer, moved: None }
    }

    /// Opens a file, or the standard output for `-` and for no path. A regular file is written beside its place and
    /// moved there by [`finish`](Self::finish), so that an input may be its own output.
    pub(crate) fn open(path: Option<&Path>) -> Outcome<Self> {
        let Some(path) = path.filter(|path| !is_standard(path)) else { return Ok(Self::standard()) };
        let name = path.display().to_string();
        let refused = |error: io::Error| Failure::of_file(&name, "written", &error);
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        // A link stays, and what it leads to is replaced.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let moved = if is_special { None } else { Some((beside(&place).map_err(refused)?, place)) };
        let file = match &moved {
            Some((beside, _)) => File::create(beside).map_err(refused)?,
            None => fs::OpenOptions::new().write(true).open(path).map_err(refused)?,
        };
        Ok(Self { writer: BufWriter::with_capacity(1 << 16, Target::File(file)), name, moved })
    }

    /// Writes bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.writer.write_all(bytes).map_err(|error| Failure::of_file(&self.name, "written", &error))
    }

    /// Writes what is left, and puts the file into its place.
    pub(crate) fn finish(mut self) -> Outcome<()> {
        let flushed = self.writer.flush();
        let moved = flushed.and_then(|()| match &self.moved {
            None => Ok(()),
            Some((beside, path)) => {
                // A file that is replaced keeps its mode; not every file system lets modes be set.
                if let Ok(metadata) = fs::metadata(path) {
                    let _ = fs::set_permissions(beside, metadata.permissions());
                }
                fs::rename(beside, path)
            }
        });
        moved.map_err(|error| Failure::of_file(&self.name, "written", &error))?;
        self.moved = None;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // An output that was not finished leaves nothing behind.
        if let Some((beside, _)) = &self.moved {
            let _ = fs::remove_file(beside);
        }
    }
}

/// Returns the path of a file beside another one.
fn beside(path: &Path) -> io::Result<PathBuf> {
    if path.is_dir()
        || path.as_os_str().as_encoded_bytes().last().is_some_and(|end| std::path::is_separator(*end as char))
    {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
    name.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(name))
}

/// Checks that a file can be written, before the work that makes it begins.
pub(crate) fn check_writable(path: &Path) -> Outcome<()> {
    Output::open(Some(path)).map(drop)
}

/// Writes a text to a file, or to the standard output.
pub(crate) fn write(path: Option<&Path>, bytes: &[u8]) -> Outcome<()> {
    let mut output = Output::open(path)?;
    output.write(bytes)?;
    output.finish()
}

/// Writes a text to the standard output.
pub(crate) fn print(text: &str) -> Outcome<()> {
    write(None, text.as_bytes())
}

/// Returns a value as JSON, one object in lines.
pub(crate) fn json(value: &impl Serialize) -> Outcome<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

/// Writes a value as JSON to the standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Outcome<()> {
    print(&json(value)?)
}
