//! Plain-text tables with aligned columns.

use crate::text::shown;
use std::fmt;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left edge: words.
    Left,
    /// At the right edge: numbers.
    Right,
}

/// A number for another program: all digits, `inf` or `-inf` where it is infinite, nothing where
/// it is not a number.
pub fn plain(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => String::new(),
        size if size.is_infinite() || size == 0.0 || (1e-5..1e16).contains(&size) => x.to_string(),
        _ => format!("{x:e}"),
    }
}

/// A number for another program; nothing where there is none.
pub fn optional(x: Option<f64>) -> String {
    x.map_or_else(String::new, plain)
}

/// A table that prints itself, with a rule under its head.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = (S, Align)>) -> Self {
        Self { head: head.into_iter().map(|(h, a)| (h.into(), a)).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// The heads, left to right.
    pub fn head(&self) -> impl Iterator<Item = &str> {
        self.head.iter().map(|(text, _)| text.as_str())
    }

    /// The rows, top to bottom.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The table as CSV lines.
    ///
    /// # Errors
    /// When a cell cannot be written, which plain text always can.
    pub fn to_csv(&self) -> crate::Result<String> {
        let failed = |e: String| crate::Error::file("the table", e);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.head()).map_err(|e| failed(e.to_string()))?;
        for row in &self.rows {
            writer.write_record(row).map_err(|e| failed(e.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|e| failed(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| failed(e.to_string()))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Labels of the user stay in their cells.
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        let head: Vec<String> = self.head().map(shown).collect();
        let width = |c: usize| {
            let cells = rows.iter().filter_map(|row| row.get(c)).map(|s| s.chars().count());
            cells.chain([head[c].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::from(" ");
            for ((cell, &w), (_, align)) in cells.zip(&widths).zip(&self.head) {
                let pad = " ".repeat(w.saturating_sub(cell.chars().count()));
                let (before, after) = match align {
                    Align::Left => ("", pad.as_str()),
                    Align::Right => (pad.as_str(), ""),
                };
                text.push_str(&format!(" {before}{cell}{after} "));
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(f, &mut head.iter().map(String::as_str))?;
        writeln!(
            f,
            "  {}",
            "─".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1))
        )?;
        for row in &rows {
            line(f, &mut row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}
