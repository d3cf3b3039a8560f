//! Parameters that belong to the entries of a factor, as a table.

use super::{Align, Table};
use crate::structure::Parameter;
use crate::text;

/// Parameters of entries as a table with a row for every entry of the factor, where one of the
/// kinds has all d of them; `None` where there is any other.
pub(super) fn entry_table(parameters: &[Parameter], names: &[String], d: usize) -> Option<Table> {
    let mut columns: Vec<(String, Vec<Option<f64>>)> = Vec::new();
    for parameter in parameters {
        let row = parameter.row.filter(|_| parameter.kind.is_of_entries())?;
        let word = parameter.kind.word();
        let head = parameter.col.map_or_else(|| word.to_owned(), |k| format!("{word} {k}"));
        let at = columns.iter().position(|(known, _)| *known == head).unwrap_or_else(|| {
            columns.push((head, vec![None; d]));
            columns.len() - 1
        });
        *columns[at].1.get_mut(row)? = Some(parameter.value);
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

/// Parameters that are no entry's own, and those that are.
pub(super) fn by_entry(parameters: &[Parameter]) -> (Vec<Parameter>, Vec<Parameter>) {
    let shared = |x: &Parameter| x.row.is_none() || !x.kind.is_of_entries();
    parameters.iter().cloned().partition(shared)
}

/// An entry by its name, or by its zero-based index where there is no name.
pub(super) fn entry_name(names: &[String], i: usize) -> String {
    names.get(i).map_or_else(|| i.to_string(), |name| text::shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::{IntervalScale, ParameterKind};

    fn entry(kind: ParameterKind, value: f64) -> Parameter {
        Parameter::new(kind, value, IntervalScale::Linear)
    }

    #[test]
    fn loadings_and_uniquenesses_have_a_row_for_every_entry() {
        let names = ["a".to_owned(), "b".to_owned()];
        let loading = |i: usize| entry(ParameterKind::Loading, i as f64).between(i, 0);
        let uniqueness = |i: usize| entry(ParameterKind::Uniqueness, 2.0 + i as f64).at(i);
        let all = [loading(0), loading(1), uniqueness(0), uniqueness(1)];
        let table = entry_table(&all, &names, 2).expect("a table");
        assert_eq!(table.head().collect::<Vec<_>>(), ["", "loading 0", "uniqueness"]);
        assert_eq!(table.rows(), [["a", "0.0000", "2.0000"], ["b", "1.0000", "3.0000"]]);
    }

    #[test]
    fn others_are_no_table() {
        let rho = || Parameter::correlation(0.5);
        let pairs = [rho().between(1, 0), rho().between(2, 0), rho().between(2, 1)];
        let beyond = [entry(ParameterKind::Variance, 1.0).at(7)];
        let mixed: Vec<Parameter> =
            (0..3).map(|i| entry(ParameterKind::Variance, 1.0).at(i)).chain([rho()]).collect();
        for all in [&pairs[..], &[rho().at(1), rho().at(2)], &[rho()], &beyond, &mixed, &[]] {
            assert!(entry_table(all, &[], 3).is_none(), "{all:?}");
        }
    }
}
