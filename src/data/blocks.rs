//! Data that does not fit in memory, read again and again in blocks.

use crate::Result;
use ndarray::ArrayView3;

/// A sample that is read from its beginning to its end, block by block, as often as asked.
pub trait BlockReader: Sync {
    /// (n, p, q) of the whole.
    fn dim(&self) -> (usize, usize, usize);

    /// Where the data comes from, for messages.
    fn name(&self) -> String;

    /// Calls `visit` with consecutive blocks (m, p, q) of finite numbers, the same blocks at
    /// every call.
    ///
    /// # Errors
    /// What the reading or `visit` says; reading stops there.
    fn read(&self, visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> Result<()>) -> Result<()>;
}
