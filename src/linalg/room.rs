//! Is there room for so many numbers? Asked before anything is allocated.

use crate::{Error, Result};
use std::sync::OnceLock;

/// Bytes of memory that this process may use at most: the smallest of the machine's memory, its
/// control group's limit and the process's own, where the system tells them.
fn memory() -> u128 {
    static MEMORY: OnceLock<u128> = OnceLock::new();
    *MEMORY.get_or_init(|| {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let word = |text: &str, line: &str, at: usize| -> Option<u128> {
            let line = text.lines().find(|l| l.starts_with(line))?;
            line.get(line.len().min(at)..)?.split_whitespace().next()?.parse().ok()
        };
        let machine =
            word(&read("/proc/meminfo"), "MemTotal:", 9).map(|kb| kb.saturating_mul(1024));
        let group = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
        let process = word(&read("/proc/self/limits"), "Max address space", 17);
        // Where nothing is told: more than any array of such a program.
        [machine, group, process].into_iter().flatten().min().unwrap_or(1 << 42)
    })
}

/// Most numbers in one array (69 GB): beyond, data are read in blocks, and no factor of that order
/// can be inverted in a lifetime.
const MOST: u128 = 1 << 33;

/// Refuses arrays of f64 that cannot fit into the memory of this machine; `shape` is the shape of
/// one, and `copies` of them are held at once.
///
/// ```
/// use kronfit::linalg::require_room;
/// assert!(require_room("a factor", &[100, 100], 3).is_ok());
/// let error = require_room("a sample", &[1_000_000_000_000, 2, 2], 1).unwrap_err().to_string();
/// assert!(error.starts_with("a sample is 1000000000000 × 2 × 2 numbers (32 TB)"), "{error}");
/// ```
///
/// # Errors
/// [`Error::TooLarge`] names `what`.
pub fn require_room(what: &str, shape: &[usize], copies: usize) -> Result<()> {
    let numbers = shape.iter().fold(1_u128, |all, &d| all.saturating_mul(d as u128));
    let bytes = numbers.saturating_mul(8);
    if numbers <= MOST && bytes.saturating_mul(copies as u128) <= memory() {
        return Ok(());
    }
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    Err(Error::TooLarge {
        what: what.to_owned(),
        size: format!("{} numbers ({})", shape.join(" × "), readable(bytes)),
        room: readable(memory().min(8 * MOST)),
    })
}

/// Bytes in the unit that leaves one to three digits before the point.
fn readable(bytes: u128) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    let text = if size < 10.0 && unit > 0 { format!("{size:.1}") } else { format!("{size:.0}") };
    format!("{} {}", text.trim_end_matches(".0"), units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(readable(800), "800 bytes");
        assert_eq!(readable(80_000_000_000), "80 GB");
        assert_eq!(readable(1_500_000), "1.5 MB");
        assert!(readable(u128::MAX).starts_with("34028236692093"), "{}", readable(u128::MAX));
    }

    #[test]
    fn products_that_overflow_are_refused() {
        assert!(require_room("x", &[usize::MAX, usize::MAX, usize::MAX], usize::MAX).is_err());
        assert!(require_room("x", &[0, usize::MAX], 1).is_ok());
    }
}
