//! Coefficients as people read them.

use super::{Align, Table};
use crate::inference::Coefficients;
use crate::kronecker::Side;
use std::fmt;

/// Lines that are printed; all are in the CSV and the JSON.
const LINES: usize = 60;

impl fmt::Display for Coefficients {
    /// A line for every cell of every coefficient, the first of them where there are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = format!("{} % interval", 100.0 * self.level);
        let head = [("term", Align::Left), ("row", Align::Left), ("column", Align::Left)];
        let numbers =
            ["estimate", "error", interval.as_str(), "p"].map(|name| (name, Align::Right));
        let mut table = Table::new(head.into_iter().chain(numbers));
        let name = |side: Side, i: usize| {
            self.names(side).get(i).cloned().unwrap_or_else(|| i.to_string())
        };
        let all: usize = self.terms.iter().map(|term| term.theta.len()).sum();
        let cells = self.terms.iter().flat_map(|term| {
            term.theta.indexed_iter().map(move |((i, j), theta)| (term, i, j, *theta))
        });
        for (term, i, j, theta) in cells.take(LINES) {
            table.row([
                term.name.clone(),
                name(Side::Rows, i),
                name(Side::Cols, j),
                format!("{theta:.5}"),
                format!("{:.5}", term.standard_error[[i, j]]),
                format!("[{:.5}, {:.5}]", term.lower[[i, j]], term.upper[[i, j]]),
                format!("{:.4}", term.p_value[[i, j]]),
            ]);
        }
        writeln!(f, "Coefficients\n{table}")?;
        if all > LINES {
            writeln!(f, "  … and {} more", all - LINES)?;
        }
        match self.degrees {
            Some(f_) => write!(f, "  intervals from Student's t with {f_:.1} degrees of freedom"),
            None => write!(f, "  intervals from the normal law (n → ∞)"),
        }
    }
}
