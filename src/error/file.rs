//! Files that cannot be read, written or understood.

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
    /// Text that is not what it should describe.
    #[error("{what} cannot be read from this JSON: {source}")]
    Json {
        /// Thing that the text should describe.
        what: &'static str,
        /// Error of the parser, with line and column.
        source: serde_json::Error,
    },
    /// A picture that cannot be drawn or written.
    #[error("cannot draw {path}: {source}")]
    Picture {
        /// File it was to be written to, or `a picture` for one in memory.
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
