//! Study files (TOML), read with the place of every value, so that faults name line and key.

use super::contamination::Contamination;
use super::design::{LawSpec, Scenario, Study};
use super::estimator::{Estimator, ModelEstimator, TylerEstimator};
use super::factor::FactorSpec;
use crate::estimate::{FitOptions, Method, Tyler};
use crate::family::LawName;
use crate::inference::ErrorOptions;
use crate::model::{Dof, Mean, ModelSpec};
use crate::structure::Structure;
use crate::{Error, Result, io, linalg};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Study {
    /// Reads a study file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read; [`Error::Parse`] with file, line and key.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::file(path, "there is no such file"),
            std::io::ErrorKind::InvalidData => Error::file(path, "is not a text file (UTF-8)"),
            _ => Error::file(path, e),
        })?;
        Self::from_toml(&text, path)
    }

    /// Reads a study from text; `path` stands for the file in messages.
    ///
    /// # Errors
    /// [`Error::Parse`] with line and key.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self> {
        let file = Source { text, path };
        let root = DeTable::parse(text).map_err(|e| {
            let reason = e.message().replace('\n', "; ");
            file.fault(e.span().map_or(0, |s| s.start), format!("not TOML: {reason}"))
        })?;
        let root = Section { file: &file, name: String::new(), at: 0, table: root.get_ref() };
        root.allow(&[
            "name",
            "seed",
            "replicates",
            "target",
            "plot",
            "show",
            "coverage",
            "design",
            "estimator",
        ])?;
        let stem = path.file_stem().map_or("study".into(), |s| s.to_string_lossy().into_owned());
        let name = root.get("name").map_or(Ok(stem), |v| v.text())?;
        let seed = root.need("seed", "a whole number")?.whole(0)?;
        let replicates_value = root.need("replicates", "a whole number, at least 1")?;
        let replicates = replicates_value.whole(1)?;
        let mut study = Self::new(name, seed, replicates as usize);
        study.text = text.to_owned();
        if let Some(value) = root.get("target") {
            study.target = value.parsed()?;
        }
        if let Some(level) = root.get("coverage").map_or(Ok(None), |v| v.level())? {
            study = study.coverage(level);
        }
        let measures = study.measures();
        if let Some(value) = root.get("plot") {
            study.plot = value.measure(measures)?;
        }
        if let Some(value) = root.get("show") {
            study.show = value.list().iter().map(|v| v.measure(measures)).collect::<Result<_>>()?;
        }
        let design = root.need("design", "a table [design] with n, p, q, …")?.section()?;
        study.scenarios = scenarios(&design)?;
        let list = root.need("estimator", "at least one table [[estimator]]")?;
        for value in list.list() {
            let section = value.section()?;
            if let (None, Some(robust)) = (study.coverage, section.get("robust")) {
                return Err(robust.fault(
                    "is about intervals, and the study does not ask for coverage; add coverage = \
                     true at the top",
                ));
            }
            let estimator = estimator(&section)?;
            if study.estimators.iter().any(|e| e.name() == estimator.name()) {
                let name = estimator.name();
                return Err(value.fault(format!(
                    "there is another estimator named \"{name}\"; give them different names"
                )));
            }
            for scenario in &study.scenarios {
                estimator.check(scenario.p, scenario.q).map_err(|e| value.fault(e.to_string()))?;
            }
            study.estimators.push(estimator);
        }
        study.check().map_err(|error| match error {
            Error::TooLarge { .. } => replicates_value.fault(error.to_string()),
            other => other,
        })?;
        Ok(study)
    }
}

/// The factorial design, in canonical order: the first key varies slowest.
fn scenarios(design: &Section<'_>) -> Result<Vec<Scenario>> {
    design.allow(&["n", "p", "q", "law", "dof", "rows", "cols", "contamination"])?;
    let sizes = |key: &str| {
        let values = design.need(key, "a whole number, or a list of them")?;
        values.list().into_iter().map(|v| Ok((v.whole(1)? as usize, v))).collect::<Result<Vec<_>>>()
    };
    let (n, p, q) = (sizes("n")?, sizes("p")?, sizes("q")?);
    require_room(&n, &p, &q)?;
    let numbers = |sizes: Vec<(usize, Value<'_>)>| sizes.into_iter().map(|(x, _)| x).collect();
    let (n, p, q): (Vec<usize>, Vec<usize>, Vec<usize>) = (numbers(n), numbers(p), numbers(q));
    let laws = laws(design)?;
    let rows: Vec<(FactorSpec, Value<'_>)> = design.choices("rows", FactorSpec::Identity)?;
    let cols: Vec<(FactorSpec, Value<'_>)> = design.choices("cols", FactorSpec::Identity)?;
    let dirt: Vec<(Contamination, Value<'_>)> =
        design.choices("contamination", Contamination::NONE)?;
    for (factors, orders) in [(&rows, &p), (&cols, &q)] {
        for (factor, value) in factors {
            for d in orders {
                factor.matrix(*d).map_err(|e| value.fault(e.to_string()))?;
            }
        }
    }
    let mut out = Vec::new();
    for law in &laws {
        for (contamination, _) in &dirt {
            for (rows, _) in &rows {
                for (cols, _) in &cols {
                    for p in &p {
                        for q in &q {
                            for n in &n {
                                out.push(Scenario {
                                    n: *n,
                                    p: *p,
                                    q: *q,
                                    law: *law,
                                    rows: rows.clone(),
                                    cols: cols.clone(),
                                    contamination: *contamination,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(out)
}

/// Refuses sizes whose factors or samples do not fit into memory, at the value that is too large.
fn require_room(
    n: &[(usize, Value<'_>)],
    p: &[(usize, Value<'_>)],
    q: &[(usize, Value<'_>)],
) -> Result<()> {
    let fault = |value: &Value<'_>, error: Error| value.fault(error.to_string());
    for (what, orders) in [("a row factor", p), ("a column factor", q)] {
        for (d, value) in orders {
            linalg::require_room(what, &[*d, *d], 3).map_err(|e| fault(value, e))?;
        }
    }
    let largest = |sizes: &[(usize, Value<'_>)]| sizes.iter().map(|(x, _)| *x).max().unwrap_or(1);
    for (n, value) in n {
        linalg::require_room("a sample", &[*n, largest(p), largest(q)], 2)
            .map_err(|e| fault(value, e))?;
    }
    Ok(())
}

/// Laws × ν; the Gaussian once.
fn laws(design: &Section<'_>) -> Result<Vec<LawSpec>> {
    let names = design.get("law").map_or(Vec::new(), |v| v.list());
    let dofs = match design.get("dof") {
        None => Vec::new(),
        Some(value) => value.list().iter().map(Value::dof).collect::<Result<Vec<_>>>()?,
    };
    if names.is_empty() {
        return Ok(vec![LawSpec::Gaussian]);
    }
    let mut out = Vec::new();
    for value in &names {
        let text = value.text()?;
        let law: LawName = text.parse().map_err(|_| {
            value.fault(format!("\"{text}\" is not a law; use gaussian, kronecker-t or matrix-t"))
        })?;
        if !law.has_dof() {
            out.push(LawSpec::Gaussian);
            continue;
        }
        if dofs.is_empty() {
            return Err(value.fault("this law needs dof in [design], for instance dof = [3, 10]"));
        }
        for dof in &dofs {
            out.push(LawSpec::new(law, Some(*dof))?);
        }
    }
    Ok(out)
}

/// The level that `coverage = true` stands for.
const DEFAULT_LEVEL: f64 = 0.95;

const ESTIMATOR_KEYS: [&str; 11] =
    ["name", "law", "dof", "rows", "cols", "mean", "method", "tol", "max_iter", "force", "robust"];

fn estimator(section: &Section<'_>) -> Result<Arc<dyn Estimator>> {
    section.allow(&ESTIMATOR_KEYS)?;
    let law = section.need("law", "gaussian, kronecker-t, matrix-t or tyler")?;
    let law_name = law.text()?;
    let structure = |key: &str| match section.get(key) {
        None => Ok(Structure::default()),
        Some(value) => value.structure(),
    };
    let (rows, cols) = (structure("rows")?, structure("cols")?);
    let options = options(section)?;
    let method = section.get("method").map_or(Ok(String::new()), |m| m.text())?;
    let default = if method.is_empty() { law_name.clone() } else { format!("{law_name} {method}") };
    let name = section.get("name").map_or(Ok(default), |v| v.text())?;
    let dof = section.get("dof");
    if law_name == "tyler" {
        for key in ["dof", "mean", "method", "robust"] {
            if let Some(value) = section.get(key) {
                return Err(value.fault("Tyler's estimator has no such choice; leave the key out"));
            }
        }
        let structures = format!("rows={rows} cols={cols}");
        let tyler = Tyler::new().rows(rows).cols(cols);
        return Ok(Arc::new(TylerEstimator::new(name, tyler, structures, options)));
    }
    let mut spec = ModelSpec { rows, cols, ..ModelSpec::default() };
    spec.set("law", &law_name).map_err(|_| {
        law.fault(format!(
            "\"{law_name}\" is not a law; use gaussian, kronecker-t, matrix-t or tyler"
        ))
    })?;
    spec.dof = match dof {
        None => None,
        Some(value) if !spec.law.has_dof() => {
            return Err(value.fault("the Gaussian has no degrees of freedom; leave the key out"));
        }
        Some(value) if value.is_text("estimate") => Some(Dof::Estimate),
        Some(value) => Some(Dof::Fixed(value.dof()?)),
    };
    spec.mean = mean(section)?;
    let model = spec.model()?;
    let robust = section.get("robust").map_or(Ok(false), |v| v.flag())?;
    let errors = ErrorOptions { robust, ..ErrorOptions::default() };
    Ok(Arc::new(ModelEstimator::new(name, model, options).errors(errors)))
}

fn mean(section: &Section<'_>) -> Result<Mean> {
    let Some(value) = section.get("mean") else { return Ok(Mean::Free) };
    let text = value.text()?;
    text.parse().map_err(|_| {
        value.fault(format!("\"{text}\" is not a mean; use free, zero, rows, cols or scalar"))
    })
}

fn options(section: &Section<'_>) -> Result<FitOptions> {
    let mut options = FitOptions::default();
    if let Some(value) = section.get("method") {
        options.method = value.parsed::<Method>()?;
    }
    if let Some(value) = section.get("tol") {
        options.tol = value.number()?;
        options.validate().map_err(|e| value.fault(e.to_string()))?;
    }
    if let Some(value) = section.get("max_iter") {
        options.max_iter = value.whole(1)? as usize;
    }
    if let Some(value) = section.get("force") {
        options.force = value.flag()?;
    }
    Ok(options)
}

/// The text of the file, for places.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn fault(&self, at: usize, reason: impl Into<String>) -> Error {
        let before = self.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|b| **b == b'\n').count() as u64;
        Error::Parse { path: self.path.to_owned(), line, reason: reason.into() }
    }
}

/// A table with its place.
struct Section<'a> {
    file: &'a Source<'a>,
    name: String,
    at: usize,
    table: &'a DeTable<'a>,
}

/// A value with its key and place.
#[derive(Clone)]
struct Value<'a> {
    file: &'a Source<'a>,
    key: String,
    at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Section<'a> {
    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Refuses keys that mean nothing here.
    fn allow(&self, keys: &[&str]) -> Result<()> {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let reason =
                    format!("{}: unknown key; use {}", self.path_of(name), keys.join(", "));
                return Err(self.file.fault(key.span().start, reason));
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<Value<'a>> {
        let value: &'a Spanned<DeValue<'a>> =
            self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| v)?;
        Some(Value {
            file: self.file,
            key: self.path_of(key),
            at: value.span().start,
            value: value.get_ref(),
        })
    }

    fn need(&self, key: &str, what: &str) -> Result<Value<'a>> {
        self.get(key).ok_or_else(|| {
            self.file.fault(self.at, format!("{}: missing; give {what}", self.path_of(key)))
        })
    }

    /// A list of things by name; `default` where the key is missing.
    fn choices<T: FromStr<Err = Error>>(
        &self,
        key: &str,
        default: T,
    ) -> Result<Vec<(T, Value<'a>)>> {
        match self.get(key) {
            Some(value) => value.list().into_iter().map(|v| Ok((v.parsed()?, v))).collect(),
            None => {
                static NOTHING: DeValue<'static> = DeValue::Boolean(false);
                let (file, key, at) = (self.file, self.path_of(key), self.at);
                Ok(vec![(default, Value { file, key, at, value: &NOTHING })])
            }
        }
    }
}

impl<'a> Value<'a> {
    fn fault(&self, reason: impl std::fmt::Display) -> Error {
        self.file.fault(self.at, format!("{}: {reason}", self.key))
    }

    fn wrong(&self, wanted: &str) -> Error {
        self.fault(format!("{} is not {wanted}", self.shown()))
    }

    fn shown(&self) -> String {
        match self.value {
            DeValue::Integer(x) => x.as_str().to_owned(),
            DeValue::Float(x) => x.as_str().to_owned(),
            DeValue::String(x) => format!("\"{x}\""),
            other => format!("a value of type {}", other.type_str()),
        }
    }

    /// The entries of a list; a single value is a list of one. An empty list is one fault later.
    fn list(&self) -> Vec<Value<'a>> {
        match self.value {
            DeValue::Array(list) if !list.is_empty() => {
                let entry = |v: &'a Spanned<DeValue<'a>>| Value {
                    at: v.span().start,
                    value: v.get_ref(),
                    ..self.clone()
                };
                list.iter().map(entry).collect()
            }
            _ => vec![self.clone()],
        }
    }

    fn section(&self) -> Result<Section<'a>> {
        match self.value {
            DeValue::Table(table) => {
                Ok(Section { file: self.file, name: self.key.clone(), at: self.at, table })
            }
            _ => Err(self.wrong("a table")),
        }
    }

    fn text(&self) -> Result<String> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("a text in quotes"))
    }

    fn is_text(&self, text: &str) -> bool {
        self.value.as_str() == Some(text)
    }

    /// A structure; its file is looked for beside the study file.
    fn structure(&self) -> Result<Structure> {
        let folder = self.file.path.parent().unwrap_or(Path::new(""));
        Structure::parse_with(&self.text()?, &|file| io::read_matrix(&folder.join(file)))
            .map_err(|e| self.fault(e))
    }

    fn parsed<T: FromStr<Err = Error>>(&self) -> Result<T> {
        self.text()?.parse().map_err(|e: Error| self.fault(e))
    }

    /// One of the measures that the study takes.
    fn measure(&self, measures: &[&str]) -> Result<String> {
        let text = self.text()?;
        if measures.contains(&text.as_str()) {
            return Ok(text);
        }
        if super::MEASURES.contains(&text.as_str()) {
            let reason = "is measured only where the study asks for it; add coverage = true, or a \
                          level such as coverage = 0.9";
            return Err(self.fault(format!("\"{text}\" {reason}")));
        }
        let allowed = measures.join(", ");
        Err(self.fault(format!("\"{text}\" is not a measure; use one of {allowed}")))
    }

    /// The nominal level of intervals: a number, or `true` for the usual one.
    fn level(&self) -> Result<Option<f64>> {
        if let Some(wanted) = self.value.as_bool() {
            return Ok(wanted.then_some(DEFAULT_LEVEL));
        }
        let wanted = || self.wrong("true, false or a level between 0 and 1");
        let level = self.number().map_err(|_| wanted())?;
        if level > 0.0 && level < 1.0 { Ok(Some(level)) } else { Err(wanted()) }
    }

    fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A whole number from `least` to 2⁶³ − 1.
    fn whole(&self, least: u64) -> Result<u64> {
        let wanted = format!("a whole number of at least {least}");
        let DeValue::Integer(x) = self.value else { return Err(self.wrong(&wanted)) };
        let parsed =
            i64::from_str_radix(x.as_str(), x.radix()).ok().and_then(|x| x.try_into().ok());
        parsed.filter(|x| *x >= least).ok_or_else(|| self.wrong(&wanted))
    }

    fn number(&self) -> Result<f64> {
        let text = match self.value {
            DeValue::Float(x) => x.as_str(),
            DeValue::Integer(x) if x.radix() == 10 => x.as_str(),
            _ => return Err(self.wrong("a number")),
        };
        text.parse()
            .ok()
            .filter(|x: &f64| x.is_finite())
            .ok_or_else(|| self.wrong("a finite number"))
    }

    fn dof(&self) -> Result<f64> {
        let dof = self.number().map_err(|_| self.wrong("a number greater than 0"))?;
        if dof > 0.0 { Ok(dof) } else { Err(self.wrong("a number greater than 0")) }
    }
}
