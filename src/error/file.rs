//! Errors of files.

use super::Cause;

/// Files that cannot be read, written or understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A file that cannot be read, written or renamed.
    #[error("`{path}` cannot be {action}: {source}")]
    Access {
        /// The file.
        path: String,
        /// Action that failed: `read`, `written` and so on.
        action: &'static str,
        /// Error of the system, or of the reader of the format.
        source: Cause,
    },
    /// Text that cannot be parsed.
    #[error("{what} cannot be read from this JSON: {source}")]
    Json {
        /// Subject of the text.
        what: &'static str,
        /// Error of the parser, with line and column.
        source: serde_json::Error,
    },
    /// A picture that cannot be drawn or written.
    #[error("cannot draw {path}: {source}")]
    Picture {
        /// File for the picture, or `a picture` for a picture in memory.
        path: String,
        /// Rule that the figure breaks, or error of the renderer or the system.
        source: Cause,
    },
    /// A folder into which another run writes its files.
    #[error("another run writes its files into `{folder}`: give each a folder of its own")]
    FolderInUse {
        /// The folder.
        folder: String,
    },
}
