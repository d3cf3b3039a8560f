//! A fit as one HTML file that needs nothing else: tables, figures, the command, the versions.

use super::entries::{by_entry, entry_name, entry_table};
use super::plot::{Figure, escape};
use super::{Align, Table};
use crate::VERSION;
use crate::estimate::Fit;
use crate::inference::order_used;
use crate::structure::Structure;
use ndarray::ArrayView2;
use std::fmt::Write as _;

/// Largest side of a matrix that is printed entry by entry.
const PRINTED_SIDE: usize = 12;

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{margin:0 auto;padding:1rem;max-width:76rem;font:16px/1.5 system-ui,'DejaVu Sans',Verdana,\
sans-serif;color:#222;background:#fff;overflow-wrap:anywhere}\
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ddd}\
.scroll{overflow-x:auto;max-width:100%}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}\
th,td{padding:.2rem .7rem .2rem 0;text-align:left;vertical-align:top}\
.numbers th,.numbers td{text-align:right;white-space:nowrap;padding:.15rem .6rem}\
.numbers th:first-child{text-align:left}.numbers tr:nth-child(even) td{background:#f6f6f6}\
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem}\
figure{margin:0;min-width:0;overflow-x:auto}figure svg{max-width:100%;height:auto}\
@media(max-width:40rem){figure svg{max-width:34rem}}\
.warnings{border-left:.3rem solid #d55e00;background:#fdf1e8;padding:.4rem 1rem}\
.good{color:#00633f}.bad{color:#a33f00;font-weight:bold}\
pre{overflow-x:auto;background:#f6f6f6;padding:.7rem}footer{margin-top:2rem;color:#666;font-size:.9rem}";

/// The page of a fit, as the text of one self-contained HTML file: no network, no script, the
/// same bytes for the same fit.
///
/// `command` is what was typed to make it (shown as it is); `figures` are shown in their order,
/// see [`super::plot::figures`].
pub fn html(fit: &Fit, command: &str, figures: &[Figure]) -> String {
    let title = format!("{} fit of {}", fit.model().law().title(), fit.source());
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>{0}</h1>\n",
        escape(&title)
    );
    warnings(&mut page, fit);
    facts(&mut page, "Model", &model(fit));
    facts(&mut page, "Likelihood", &likelihood(fit));
    facts(&mut page, "Convergence", &convergence(fit));
    estimates(&mut page, fit);
    if !figures.is_empty() {
        page.push_str("<h2>Figures</h2>\n<div class=\"figures\">\n");
        for figure in figures {
            let _ =
                writeln!(page, "<figure id=\"{}\">{}</figure>", escape(&figure.name), figure.svg);
        }
        page.push_str("</div>\n");
    }
    let _ = write!(
        page,
        "<h2>How this was made</h2>\n<pre>{}</pre>\n<footer>kronfit {VERSION}</footer>\n</body>\n</html>\n",
        escape(command)
    );
    page
}

fn warnings(page: &mut String, fit: &Fit) {
    if fit.warnings().is_empty() {
        return;
    }
    page.push_str("<div class=\"warnings\" role=\"note\"><strong>Warnings</strong><ul>\n");
    for warning in fit.warnings() {
        let _ = writeln!(page, "<li>{}</li>", escape(warning));
    }
    page.push_str("</ul></div>\n");
}

/// A table of name, value; a value may hold its own markup.
fn facts(page: &mut String, title: &str, rows: &[(&str, String)]) {
    let _ = write!(page, "<h2>{title}</h2>\n<div class=\"scroll\"><table>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
    }
    page.push_str("</table></div>\n");
}

fn model(fit: &Fit) -> Vec<(&'static str, String)> {
    let (n, p, q) = fit.dim();
    let model = fit.model();
    let mut rows = vec![
        ("Law", escape(model.law().title())),
        ("Data", format!("{}: n = {n} matrices of {p} × {q}", escape(fit.source()))),
        ("Row factor A", structure("rows", model.row_structure(), fit.row_names(), p)),
        ("Column factor B", structure("columns", model.col_structure(), fit.col_names(), q)),
        ("Mean M", escape(model.mean_structure().name())),
    ];
    if model.law().dof().is_some() {
        let how = if model.estimates_dof() { "estimated" } else { "given" };
        let value =
            fit.dof().map_or("∞ (the Gaussian limit)".to_owned(), |nu| format!("{nu:.6}"));
        rows.push(("Degrees of freedom ν", format!("{value}, {how}")));
    }
    rows
}

/// The structure of a factor of order d, with the order of its entries where that matters.
fn structure(side: &str, structure: &Structure, names: &[String], d: usize) -> String {
    let order = order_used(side, structure, names).map_or(String::new(), |o| format!("; {o}"));
    escape(&format!("{} ({d} × {d}){order}", structure.shape().name()))
}

fn likelihood(fit: &Fit) -> Vec<(&'static str, String)> {
    if let Some(shrinkage) = fit.shrinkage() {
        return vec![
            ("Log-likelihood", format!("{:.6} (all constants included)", fit.log_likelihood())),
            ("Smeared", format!("{:.6} (maximised)", shrinkage.penalised_log_likelihood)),
            ("Shrinkage", escape(&shrinkage.summary())),
        ];
    }
    let aicc =
        fit.aicc().map_or("– (needs n &gt; parameters + 1)".to_owned(), |x| format!("{x:.4}"));
    vec![
        ("Log-likelihood", format!("{:.6} (all constants included)", fit.log_likelihood())),
        ("Free parameters", fit.n_parameters().to_string()),
        ("AIC", format!("{:.4}", fit.aic())),
        ("AICc", aicc),
        ("BIC", format!("{:.4} (n = number of matrices)", fit.bic())),
    ]
}

fn convergence(fit: &Fit) -> Vec<(&'static str, String)> {
    let (class, verdict) =
        if fit.is_converged() { ("good", "converged") } else { ("bad", "NOT converged") };
    let end = fit.termination().name();
    vec![
        ("Verdict", format!("<span class=\"{class}\">{verdict}</span> ({end})")),
        ("Score", format!("{:.2e} (dimensionless; 0 at a maximum)", fit.score())),
        ("Method", escape(fit.method())),
        (
            "Work",
            format!(
                "{} iterations, {} passes over the data, {:.4} s",
                fit.iterations(),
                fit.passes(),
                fit.seconds()
            ),
        ),
    ]
}

fn estimates(page: &mut String, fit: &Fit) {
    let (what, variance) = match fit.dof() {
        Some(_) => ("scale", "squared scale"),
        None => ("covariance", "variance"),
    };
    let (_, p, q) = fit.dim();
    let mut rows = vec![
        ("Convention", format!("{what} of vec_rows X = σ² · (A ⊗ B), tr A = {p}, tr B = {q}")),
        ("σ²", format!("{} (mean {} of one entry)", significant(fit.sigma2()), variance)),
    ];
    if let (Some(_), Some(factor)) = (fit.dof(), fit.law().covariance_factor(p, q)) {
        rows.push(("Covariance", format!("{factor:.6} × scale")));
    }
    let model = fit.model();
    let (row_names, col_names) = (fit.row_names(), fit.col_names());
    let mut tables = Vec::new();
    for (factor, structure, matrix, names) in [
        ("A", model.row_structure(), fit.row_cov(), row_names),
        ("B", model.col_structure(), fit.col_cov(), col_names),
    ] {
        let (mut listed, own) = by_entry(&structure.shape().report(matrix.view()));
        match entry_table(&own, names, matrix.nrows()) {
            Some(table) => tables.push((factor, table)),
            None => listed.extend(own),
        }
        for parameter in listed.iter().take(PRINTED_SIDE) {
            let (name, value) = (escape(&parameter.to_string()), parameter.value);
            rows.push(("Parameter", format!("{factor}: {name} = {value:.6}")));
        }
        if let more @ 1.. = listed.len().saturating_sub(PRINTED_SIDE) {
            rows.push(("Parameter", format!("{factor}: {more} more are in the JSON")));
        }
    }
    facts(page, "Estimates", &rows);
    for (factor, parameters) in &tables {
        let _ = writeln!(page, "<h3>{factor}, parameters</h3>");
        table(page, parameters);
    }
    matrix(page, "A, rows", fit.row_cov().view(), row_names, row_names);
    matrix(page, "B, columns", fit.col_cov().view(), col_names, col_names);
    if fit.covariates().is_empty() {
        matrix(page, "M, mean", fit.mean(), row_names, col_names);
    }
    for (k, name) in fit.covariates().iter().enumerate() {
        let title = format!("Θ, coefficient of {}", escape(name));
        matrix(page, &title, fit.theta(k), row_names, col_names);
    }
}

/// A printed table in a box of its own, in which it scrolls.
fn table(page: &mut String, table: &Table) {
    page.push_str("<div class=\"scroll\" tabindex=\"0\"><table class=\"numbers\">\n<tr>");
    for head in table.head() {
        let _ = match head {
            "" => write!(page, "<th></th>"),
            head => write!(page, "<th scope=\"col\">{}</th>", escape(head)),
        };
    }
    page.push_str("</tr>\n");
    for row in table.rows() {
        for (i, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let _ = match i {
                0 => write!(page, "<tr><th scope=\"row\">{cell}</th>"),
                _ => write!(page, "<td>{cell}</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

/// A small matrix as a table.
fn matrix(
    page: &mut String,
    title: &str,
    values: ArrayView2<'_, f64>,
    row_names: &[String],
    col_names: &[String],
) {
    let (rows, cols) = values.dim();
    let _ = writeln!(page, "<h3>{title}</h3>");
    if rows.max(cols) > PRINTED_SIDE {
        let _ = writeln!(page, "<p>{rows} × {cols}: see its figure, or the JSON record.</p>");
        return;
    }
    let heads = (0..cols).map(|j| (entry_name(col_names, j), Align::Right));
    let mut out = Table::new([(String::new(), Align::Left)].into_iter().chain(heads));
    for (i, row) in values.outer_iter().enumerate() {
        let cells = row.iter().map(|value| significant(*value));
        out.row([entry_name(row_names, i)].into_iter().chain(cells));
    }
    table(page, &out);
}

/// Five significant digits, in the shortest of the usual forms.
fn significant(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 || (1e-3..1e6).contains(&size) {
        let digits = (4.0 - size.max(1e-3).log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.4e}")
    };
    match text.strip_prefix('-') {
        Some(size) => format!("−{size}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use crate::model::Model;
    use crate::report::plot::figures;
    use ndarray::Array3;

    fn page(d: usize) -> String {
        let x = Array3::from_shape_fn((30, d, 3), |(i, r, c)| {
            f64::from(((7 * i + 3 * r * r + 5 * c * c + i * i * (r + 2 * c)) % 23) as u32)
        });
        let names = |what: &str, n| (0..n).map(|i| format!("<{what}> & {i}")).collect();
        let sample = Sample::named(x, names("row", d), names("col", 3), "x<y>.csv").unwrap();
        let fit = Model::gaussian().fit(&sample).unwrap();
        html(&fit, "kronfit fit 'x<y>.csv'", &figures(&fit, Some(&sample)).unwrap())
    }

    #[test]
    fn one_file_holds_everything_and_escapes_names() {
        let page = page(4);
        assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
        assert_eq!(page.matches("<svg ").count(), 9);
        for wanted in ["x&lt;y&gt;.csv", "&lt;row&gt; &amp; 3", "Log-likelihood", VERSION] {
            assert!(page.contains(wanted), "{wanted} is missing");
        }
        for forbidden in ["<row>", "<script", "src=", "@import", "url("] {
            assert!(!page.contains(forbidden), "{forbidden} found");
        }
        // The only addresses are names, which nobody fetches.
        for (at, _) in page.match_indices("http") {
            assert!(page[at..].starts_with("http://www.w3.org/2000/svg"));
        }
    }

    #[test]
    fn the_same_fit_gives_the_same_page_but_for_its_time() {
        let without_time = |page: String| {
            page.lines()
                .filter(|l| !l.contains("passes over the data, "))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(without_time(page(2)), without_time(page(2)));
    }

    #[test]
    fn numbers_keep_five_digits() {
        assert_eq!(significant(0.0), "0.000000");
        assert_eq!(significant(-12.345_678), "−12.346");
        assert_eq!(significant(0.012_345_678), "0.012346");
        assert_eq!(significant(1.5e-9), "1.5000e-9");
    }
}
