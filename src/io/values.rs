//! Numbers in the cells of a text table.

use super::place::{Place, shorten};
use crate::Result;

/// How programs write a value that is not there.
const MISSING: [&str; 9] = ["", "na", "nan", "n/a", "<na>", "null", "none", "nil", "."];

/// Reads numbers, with a decimal point or, where commas do not separate fields, a decimal comma.
pub(super) struct Values {
    separator: u8,
    /// Line of the first decimal comma, and of the first decimal point.
    comma: Option<u64>,
    point: Option<u64>,
}

impl Values {
    pub(super) fn new(separator: u8) -> Self {
        Self { separator, comma: None, point: None }
    }

    /// A number, or NaN for a value that is missing.
    pub(super) fn read(
        &mut self,
        text: &str,
        line: u64,
        column: usize,
        place: &Place<'_>,
    ) -> Result<f64> {
        if is_missing(text) {
            return Ok(f64::NAN);
        }
        let parsed = match text.parse() {
            Ok(value) => {
                if text.contains('.') {
                    self.point.get_or_insert(line);
                }
                Some(value)
            }
            Err(_) => self.with_comma(text, line),
        };
        if let (Some(comma), Some(point)) = (self.comma, self.point) {
            return Err(place.at_line(
                comma.max(point),
                format!(
                    "decimal commas (line {comma}) and decimal points (line {point}) are mixed; \
                     write all numbers in one way"
                ),
            ));
        }
        let reason = match parsed {
            Some(value) if value.is_finite() => return Ok(value),
            Some(value) => {
                format!("the value in column {} is {value}; remove or replace it", column + 1)
            }
            None => format!(
                "{} in column {} is not a number; write numbers as 1.5 or 1.5e-3",
                shorten(text),
                column + 1
            ),
        };
        Err(place.at_line(line, reason))
    }

    fn with_comma(&mut self, text: &str, line: u64) -> Option<f64> {
        if self.separator == b',' || text.contains('.') {
            return None;
        }
        let value = text.replacen(',', ".", 1).parse().ok()?;
        self.comma.get_or_insert(line);
        Some(value)
    }
}

/// Does the text say that there is no value?
pub(super) fn is_missing(text: &str) -> bool {
    let text = text.trim_start_matches('-');
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Is the text a number, in one of the two ways?
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
        || (text.contains(',') && text.replacen(',', ".", 1).parse::<f64>().is_ok())
}
