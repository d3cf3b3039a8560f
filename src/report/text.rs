//! The printed page of a fit.

use super::entries::{by_entry, entry_name, entry_table};
use super::table::{Align, Table};
use crate::estimate::{Factors, Fit, Normalisation, ScoreAt, Shrinkage};
use crate::inference::order_used;
use crate::linalg::symmetric_eigen;
use crate::structure::{Parameter, Structure};
use ndarray::Array2;
use std::fmt;

/// Largest factor that is printed entry by entry; larger ones by their eigenvalues.
const PRINTED_ORDER: usize = 12;

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(self, f)?;
        likelihood(self, f)?;
        convergence(self, f)?;
        estimates(self, f)?;
        if !self.warnings().is_empty() {
            writeln!(f, "\nWarnings")?;
            for warning in self.warnings() {
                writeln!(f, "  • {warning}")?;
            }
        }
        Ok(())
    }
}

fn heading(fit: &Fit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (n, p, q) = fit.dim();
    let model = fit.model();
    let title = format!("{} fit by maximum likelihood", model.law().title());
    writeln!(f, "{title}\n{}", "═".repeat(title.chars().count()))?;
    writeln!(f, "  Data            {}: n = {n} samples of {p} × {q}", fit.source())?;
    writeln!(f, "  Row factor A    {} ({p} × {p})", model.row_structure().shape().name())?;
    order(f, "rows", model.row_structure(), fit.row_names())?;
    writeln!(f, "  Column factor B {} ({q} × {q})", model.col_structure().shape().name())?;
    order(f, "columns", model.col_structure(), fit.col_names())?;
    match fit.covariates() {
        [] => writeln!(f, "  Mean M          {}", model.mean_structure().name())?,
        names => {
            let form = model.mean_structure().name();
            writeln!(f, "  Mean            Σ z Θ, {form}, of {}", names.join(", "))?;
        }
    }
    if fit.weights() != "none" {
        let sum = if fit.weights() == "frequency" {
            format!(", {} in all", fit.weight())
        } else {
            String::new()
        };
        writeln!(f, "  Weights         {}{sum}", fit.weights())?;
    }
    if model.law().dof().is_some() {
        let how = if model.estimates_dof() { "estimated" } else { "given" };
        match fit.dof() {
            Some(dof) => writeln!(f, "  Dof ν           {dof:.6} ({how})")?,
            None => writeln!(f, "  Dof ν           ∞ ({how}: the Gaussian limit)")?,
        }
    }
    Ok(())
}

/// The order of rows or columns, where the structure depends on it.
fn order(
    f: &mut fmt::Formatter<'_>,
    side: &str,
    structure: &Structure,
    names: &[String],
) -> fmt::Result {
    match order_used(side, structure, names) {
        Some(order) => writeln!(f, "                  {order}"),
        None => Ok(()),
    }
}

fn likelihood(fit: &Fit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\nLikelihood")?;
    writeln!(f, "  Log-likelihood  {:.6}", fit.log_likelihood())?;
    if let Some(shrinkage) = fit.shrinkage() {
        return shrunk(fit, shrinkage, f);
    }
    writeln!(f, "  −2ℓ             {:.6}", -2.0 * fit.log_likelihood())?;
    writeln!(f, "  Parameters      {}", fit.n_parameters())?;
    writeln!(f, "  AIC             {:.4}", fit.aic())?;
    match fit.aicc() {
        Some(aicc) => writeln!(f, "  AICc            {aicc:.4}")?,
        None => writeln!(f, "  AICc            – (needs n > parameters + 1)")?,
    }
    writeln!(f, "  BIC             {:.4}  (n = number of matrices)", fit.bic())
}

/// What takes the place of criteria that count parameters.
fn shrunk(fit: &Fit, shrinkage: &Shrinkage, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let smeared = shrinkage.penalised_log_likelihood;
    writeln!(f, "  Smeared         {smeared:.6}  (what was maximised)")?;
    writeln!(f, "\nShrinkage")?;
    writeln!(f, "  {}", shrinkage.summary())?;
    if let Some(m) = shrinkage.prior_samples {
        writeln!(f, "  as much as {m} samples of the target beside {}", shrinkage.n_effective)?;
    }
    if shrinkage.sigma2_smeared != fit.sigma2() {
        writeln!(f, "  σ² {:.6} before the scale was set", shrinkage.sigma2_smeared)?;
    }
    let advice =
        "no AIC or BIC: shrinkage leaves no number of parameters to count; compare fits by";
    writeln!(f, "  {advice} --shrink cv")?;
    if shrinkage.rule == "evidence" && shrinkage.n_effective >= 10 {
        writeln!(f, "  with ten samples or more --shrink loo tends to predict a little better")?;
    }
    for ScoreAt { m, score } in &shrinkage.curve {
        writeln!(f, "    m = {m:<8} score {score:.6}")?;
    }
    Ok(())
}

fn convergence(fit: &Fit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let verdict = if fit.is_converged() { "converged" } else { "NOT converged" };
    writeln!(f, "\nConvergence")?;
    writeln!(f, "  {verdict} ({}), method {}", fit.termination().name(), fit.method())?;
    writeln!(
        f,
        "  score {:.2e}, {} iterations, {} passes over the data, {:.4} s",
        fit.score(),
        fit.iterations(),
        fit.passes(),
        fit.seconds()
    )?;
    if let Some(seen) = fit.missing() {
        let total = seen.missing + seen.observed;
        let share = 100.0 * seen.missing as f64 / total as f64;
        writeln!(
            f,
            "  {} of {total} cells missing ({share:.1} %) in {} patterns{}",
            seen.missing,
            seen.patterns,
            match seen.empty_samples {
                0 => String::new(),
                empty => format!("; {empty} empty samples left out"),
            }
        )?;
    }
    if let Some(certificate) = fit.certificate() {
        let unique = if certificate.unique { "unique maximum" } else { "maximum not unique" };
        write!(f, "  certificate: {unique}, smallest curvature {:.3e}", certificate.curvature)?;
        match certificate.distance {
            Some(d) => writeln!(f, ", at most {d:.1e} from the exact maximum")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}

fn estimates(fit: &Fit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Factors { sigma2, row, col } = fit.factors(Normalisation::Trace);
    let (t_law, what) = match fit.dof() {
        Some(_) => (true, "scale"),
        None => (false, "covariance"),
    };
    writeln!(f, "\nEstimates: {what} of vec_rows X = σ² · (A ⊗ B), tr A = p, tr B = q")?;
    let meaning = if t_law { "mean squared scale" } else { "mean variance" };
    writeln!(f, "  σ² = {sigma2:.6}  ({meaning} of one entry)")?;
    if let (true, Some(factor)) = (t_law, fit.law().covariance_factor(row.nrows(), col.nrows())) {
        writeln!(f, "  covariance = {factor:.6} × scale")?;
    }
    let model = fit.model();
    let rows = model.row_structure().shape().report(row.view());
    let cols = model.col_structure().shape().report(col.view());
    factor(f, "A, rows", &row, fit.row_names(), &rows)?;
    factor(f, "B, columns", &col, fit.col_names(), &cols)
}

fn factor(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    matrix: &Array2<f64>,
    names: &[String],
    parameters: &[Parameter],
) -> fmt::Result {
    writeln!(f, "\n{title}")?;
    let d = matrix.nrows();
    let (shared, own) = by_entry(parameters);
    parameter_lines(f, &shared)?;
    match entry_table(&own, names, d) {
        Some(table) => write!(f, "{table}")?,
        None => parameter_lines(f, &own)?,
    }
    if d <= PRINTED_ORDER {
        write!(f, "{}", matrix_table(matrix, names))?;
    }
    if d > 1 {
        spectrum(f, matrix)?;
    }
    Ok(())
}

fn parameter_lines(f: &mut fmt::Formatter<'_>, parameters: &[Parameter]) -> fmt::Result {
    for parameter in parameters.iter().take(PRINTED_ORDER) {
        writeln!(f, "  {parameter} = {:.6}", parameter.value)?;
    }
    match parameters.len().saturating_sub(PRINTED_ORDER) {
        0 => Ok(()),
        more => writeln!(f, "  … {more} more are in the JSON"),
    }
}

/// The lower triangle with names.
fn matrix_table(matrix: &Array2<f64>, names: &[String]) -> Table {
    let heads = (0..matrix.nrows()).map(|j| (entry_name(names, j), Align::Right));
    let mut table = Table::new([(String::new(), Align::Left)].into_iter().chain(heads));
    for (i, row) in matrix.outer_iter().enumerate() {
        let cells = row.iter().take(i + 1).map(|x| format!("{x:.4}"));
        table.row([entry_name(names, i)].into_iter().chain(cells));
    }
    table
}

fn spectrum(f: &mut fmt::Formatter<'_>, matrix: &Array2<f64>) -> fmt::Result {
    let Ok(eigen) = symmetric_eigen("a fitted factor", matrix.view()) else {
        return Ok(());
    };
    let values: Vec<f64> = eigen.values.iter().rev().copied().collect();
    let shown: Vec<String> = match values.len() {
        0..=PRINTED_ORDER => values.iter().map(|x| format!("{x:.4}")).collect(),
        d => {
            let ends = values[..6].iter().chain(&values[d - 4..]);
            let mut shown: Vec<_> = ends.map(|x| format!("{x:.4}")).collect();
            shown.insert(6, "…".to_owned());
            shown
        }
    };
    let condition = eigen.condition();
    writeln!(f, "  eigenvalues {}; condition {condition:.3e}", shown.join(" "))
}
