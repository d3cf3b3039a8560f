//! The library's errors as exceptions: the same sentence, the class that Python people expect.

use kronfit::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyFileNotFoundError, PyInterruptedError, PyOSError, PyValueError};

/// `ValueError`, but for files and for work that was stopped.
pub fn exception(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::File { path, .. } if !path.exists() => PyFileNotFoundError::new_err(text),
        Error::File { .. } => PyOSError::new_err(text),
        Error::Interrupted { .. } => PyInterruptedError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
