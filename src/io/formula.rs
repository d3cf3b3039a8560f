//! Formulas like `1 + dose + group`: from the columns of a table to a design.
//!
//! Terms are joined by `+`: `1` (the intercept; there is none where it is not written), a column, `a:b`
//! (their products), `a*b` (a + b + a:b), and `0`, which adds nothing. A column of text is
//! categorical: a dummy for every level but the first where the term without it is there too (the
//! intercept for a term of one column), for every level otherwise.

use super::Sheet;
use crate::data::Design;
use crate::{Error, Result};
use ndarray::Array2;

/// The columns of a term; none for the intercept.
type Term = Vec<String>;

/// One column of the table as it enters products.
struct Part {
    /// Names and values.
    columns: Vec<(String, Vec<f64>)>,
}

impl Sheet {
    /// The design of a formula, a row for every line of the table.
    ///
    /// ```
    /// let table = kronfit::io::read_sheet_bytes(
    ///     b"dose,drug\n0.5,a\n1.0,b\n2.0,a\n4.0,c\n3.0,b\n",
    ///     "table.csv",
    /// )?;
    /// let design = table.design("1 + dose + drug")?;
    /// assert_eq!(design.names(), ["1", "dose", "drug=b", "drug=c"]);
    /// assert_eq!(design.matrix().row(3).to_vec(), [1.0, 4.0, 0.0, 1.0]);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Domain`] for a formula that is none, [`Error::File`] for an unknown column or a value
    /// that is missing, and what [`Design::columns`] says.
    pub fn design(&self, formula: &str) -> Result<Design> {
        let terms = terms(formula)?;
        let (mut names, mut owners, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for term in &terms {
            for (name, column) in self.product(term, &terms)? {
                names.push(name);
                owners.push(if term.is_empty() { "1".to_owned() } else { term.join(":") });
                values.push(column);
            }
        }
        let matrix = Array2::from_shape_fn((self.len(), values.len()), |(i, k)| values[k][i]);
        Design::of_terms(names, owners, matrix)
    }

    /// The columns of a term: products of those of its parts.
    fn product(&self, term: &Term, terms: &[Term]) -> Result<Vec<(String, Vec<f64>)>> {
        let mut out = vec![(String::new(), vec![1.0; self.len()])];
        if term.is_empty() {
            out[0].0 = "1".to_owned();
            return Ok(out);
        }
        for name in term {
            let rest: Term = term.iter().filter(|other| *other != name).cloned().collect();
            let part = self.part(name, terms.contains(&rest))?;
            out = out
                .iter()
                .flat_map(|(left, x)| {
                    part.columns.iter().map(move |(right, y)| {
                        let name =
                            if left.is_empty() { right.clone() } else { format!("{left}:{right}") };
                        (name, x.iter().zip(y).map(|(a, b)| a * b).collect())
                    })
                })
                .collect();
        }
        Ok(out)
    }

    /// A column as numbers, or as the dummies of its levels, without the first where `reduced`.
    fn part(&self, name: &str, reduced: bool) -> Result<Part> {
        let cells = self.column(name)?;
        let missing = |line: usize| {
            let reason = format!(
                "has no value for {name} in line {}; fill it in, or leave the sample out",
                line + 2
            );
            Error::file(self.source(), reason)
        };
        if self.is_numeric(name) {
            let numbers = self.numbers(name)?.to_vec();
            if let Some(line) = numbers.iter().position(|x| x.is_nan()) {
                return Err(missing(line));
            }
            return Ok(Part { columns: vec![(name.to_owned(), numbers)] });
        }
        if let Some(line) = cells.iter().position(|cell| cell.trim().is_empty()) {
            return Err(missing(line));
        }
        let mut levels = cells.clone();
        levels.sort_unstable();
        levels.dedup();
        if reduced && levels.len() < 2 {
            return Err(Error::file(
                self.source(),
                format!("holds one and the same {name} in every line; leave it out of the formula"),
            ));
        }
        let dummy = |level: &&str| {
            let column = cells.iter().map(|cell| if cell == level { 1.0 } else { 0.0 }).collect();
            (format!("{name}={level}"), column)
        };
        let columns = levels.iter().skip(usize::from(reduced)).map(dummy).collect();
        Ok(Part { columns })
    }
}

/// The terms in the order in which they are written, each once.
fn terms(formula: &str) -> Result<Vec<Term>> {
    let bad = |text: &str| {
        let allowed = "terms joined by +: 1, the names of columns, a:b or a*b";
        Error::domain("the formula", format!("\"{text}\""), allowed)
    };
    let mut out: Vec<Term> = Vec::new();
    for text in formula.split('+').map(str::trim) {
        let mut add = |term: Term| {
            if !out.contains(&term) {
                out.push(term);
            }
        };
        match text {
            "" => return Err(bad(formula)),
            "0" => {}
            "1" => add(Vec::new()),
            _ => {
                let names: Vec<&str> = text.split(['*', ':']).map(str::trim).collect();
                if names.iter().any(|name| name.is_empty()) {
                    return Err(bad(text));
                }
                let whole: Term = names.iter().map(|name| (*name).to_owned()).collect();
                match (text.contains('*'), text.contains(':')) {
                    (true, true) => return Err(bad(text)),
                    (true, false) => subsets(&whole).into_iter().for_each(add),
                    _ => add(whole),
                }
            }
        }
    }
    if out.is_empty() { Err(bad(formula)) } else { Ok(out) }
}

/// Every subset that is not empty, the small ones first.
fn subsets(whole: &Term) -> Vec<Term> {
    let picked = |mask: usize| {
        let is_in = |(k, name): (usize, &String)| (mask >> k & 1 == 1).then(|| name.clone());
        whole.iter().enumerate().filter_map(is_in).collect::<Term>()
    };
    let mut all: Vec<Term> = (1..1_usize << whole.len().min(8)).map(picked).collect();
    all.sort_by_key(Vec::len);
    all
}

#[cfg(test)]
mod tests {
    use super::super::read_sheet_bytes;

    #[test]
    fn terms_and_codings() {
        let text = b"x,y,g\n1,2,b\n2,1,a\n3,7,c\n4,1,a\n5,3,b\n6,0,c\n7,9,a\n";
        let table = read_sheet_bytes(text, "t.csv").unwrap();
        let names = |formula: &str| table.design(formula).unwrap().names().join(" ");
        assert_eq!(names("1+x"), "1 x");
        assert_eq!(names("0 + g"), "g=a g=b g=c");
        assert_eq!(names("1 + g + x:g"), "1 g=b g=c x:g=a x:g=b x:g=c");
        assert_eq!(names("1 + x*g"), "1 x g=b g=c x:g=b x:g=c");
        let design = table.design("1 + x*g").unwrap();
        assert_eq!(design.matrix().row(4).to_vec(), [1.0, 5.0, 1.0, 0.0, 5.0, 0.0]);
        assert_eq!(design.term(&["g"]).unwrap(), [2, 3]);
        let says = |formula: &str| table.design(formula).unwrap_err().to_string();
        let said = says("1 + size");
        assert!(said.contains("size") && said.contains('x') && said.contains('y'), "{said}");
        assert!(says("1 + + x").contains("formula"));
        assert!(says("1 + 0 + x:").contains("x:"));
        assert!(design.term(&["h"]).unwrap_err().to_string().contains("one of 1, x, g, x:g"));
    }

    #[test]
    fn what_cannot_be_told_apart_is_named() {
        let table = read_sheet_bytes(b"x,y\n1,2\n2,4\n3,6\n", "t.csv").unwrap();
        let error = table.design("1 + x + y").unwrap_err().to_string();
        assert!(error.contains("explained by the others"), "{error}");
    }
}
