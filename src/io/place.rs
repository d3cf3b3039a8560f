//! Where in the input a fault lies, in words.

use crate::{Error, text};
use std::path::Path;

/// A file, or one array of an npz file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    path: &'a Path,
    array: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn file(path: &'a Path) -> Self {
        Self { path, array: None }
    }

    pub(super) fn array(self, name: &'a str) -> Self {
        Self { array: Some(name), ..self }
    }

    /// A fault with its reason and remedy.
    pub(super) fn fault(&self, reason: impl std::fmt::Display) -> Error {
        match self.array {
            Some(name) => Error::file(self.path, format!("array {}: {reason}", shorten(name))),
            None => Error::file(self.path, reason),
        }
    }

    /// A fault reported while reading.
    pub(super) fn unreadable(&self, error: &std::io::Error) -> Error {
        self.fault(format!("cannot be read ({error}); copy or save it again"))
    }

    /// A fault at a line (counted from one) of a text file.
    pub(super) fn at_line(&self, line: u64, reason: impl Into<String>) -> Error {
        Error::Parse { path: self.path.to_owned(), line, reason: reason.into() }
    }

    /// The place as the subject of a sentence.
    pub(super) fn subject(&self) -> String {
        match self.array {
            Some(name) => format!("array {} of {}", shorten(name), text::path(self.path)),
            None => text::path(self.path),
        }
    }
}

/// Text of the user, quoted, without control characters and not longer than a sentence can bear.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = text.trim();
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("'{}'", short.replace("\\'", "'").replace("\\\"", "\""))
}

/// A list of names for a sentence, cut after a dozen.
pub(super) fn list(names: &[String]) -> String {
    const MOST: usize = 12;
    let mut text = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}

/// A shape as NumPy prints it.
pub(super) fn tuple(shape: &[usize]) -> String {
    match shape {
        [only] => format!("({only},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}
