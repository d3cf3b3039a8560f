//! Parameters that belong to the entries of a factor, as a table.

use super::{Align, Table};
use crate::text;

/// Parameters `name[i]` and `name[i,k]` with a row for every entry i of the factor, where one of
/// the names has all d of them.
pub(super) fn entry_table(
    parameters: &[(String, f64)],
    names: &[String],
    d: usize,
) -> Option<Table> {
    let mut columns: Vec<(String, Vec<Option<f64>>)> = Vec::new();
    for (name, value) in parameters {
        let (base, index) = name.strip_suffix(']')?.split_once('[')?;
        let (row, head) = match index.split_once(',') {
            Some((row, k)) => (row, format!("{base} {}", k.parse::<usize>().ok()?)),
            None => (index, base.to_owned()),
        };
        let at = columns.iter().position(|(known, _)| *known == head).unwrap_or_else(|| {
            columns.push((head, vec![None; d]));
            columns.len() - 1
        });
        *columns[at].1.get_mut(row.parse::<usize>().ok()?)? = Some(*value);
    }
    if !columns.iter().any(|(_, cells)| cells.iter().all(Option::is_some)) {
        return None;
    }
    let heads = columns.iter().map(|(head, _)| (head.clone(), Align::Right));
    let mut table = Table::new([(String::new(), Align::Left)].into_iter().chain(heads));
    for i in 0..d {
        let cell = |value: Option<f64>| value.map_or(String::new(), |x| format!("{x:.4}"));
        let cells = columns.iter().map(|(_, cells)| cell(cells[i]));
        table.row([entry_name(names, i)].into_iter().chain(cells));
    }
    Some(table)
}

/// An entry by its name, or by its zero-based index where there is no name.
pub(super) fn entry_name(names: &[String], i: usize) -> String {
    names.get(i).map_or_else(|| i.to_string(), |name| text::shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(names: &[&str]) -> Vec<(String, f64)> {
        names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), i as f64)).collect()
    }

    #[test]
    fn loadings_and_uniquenesses_have_a_row_for_every_entry() {
        let names = ["a".to_owned(), "b".to_owned()];
        let all = parameters(&["loading[0,0]", "loading[1,0]", "uniqueness[0]", "uniqueness[1]"]);
        let table = entry_table(&all, &names, 2).expect("a table");
        assert_eq!(table.head().collect::<Vec<_>>(), ["", "loading 0", "uniqueness"]);
        assert_eq!(table.rows(), [["a", "0.0000", "2.0000"], ["b", "1.0000", "3.0000"]]);
    }

    #[test]
    fn others_are_no_table() {
        for names in
            [&["rho[1,0]", "rho[2,0]", "rho[2,1]"][..], &["rho[1]", "rho[2]"], &["rho"], &[]]
        {
            assert!(entry_table(&parameters(names), &[], 3).is_none(), "{names:?}");
        }
        assert!(entry_table(&parameters(&["x[7]"]), &[], 3).is_none());
    }
}
