//! The arguments of shrinkage.

use super::model::at_flag;
use crate::estimate::{Shrink, ShrinkScale, ShrinkTarget};
use crate::io;
use crate::kronecker::BySide;
use crate::{Error, Result};
use clap::Args;
use std::path::Path;

/// Shrinkage towards a target, for few samples.
#[derive(Debug, Args)]
pub(super) struct ShrinkArgs {
    /// Shrink, so that the estimate exists from one sample on: auto (evidence, or oas for one
    /// sample), evidence, oas, loo, cv, an intensity from 0 to 1, two of them A,B, or none.
    #[arg(long, value_name = "RULE", default_value = "none", conflicts_with = "stream")]
    shrink: String,
    /// What to shrink towards: identity, diagonal (rows or columns in different units), auto (the
    /// better of the two by cross-validation), or two files with matrices, ROWS,COLS.
    #[arg(long, value_name = "TARGET", default_value = "identity")]
    target: String,
    /// Scale of a shrunk estimate: residual (without what the mean took; the law's own for the
    /// matrix t) or ml.
    #[arg(long, value_name = "SCALE", default_value = "residual")]
    scale: String,
    /// Folds of the cross-validation.
    #[arg(long, value_name = "K", default_value_t = Shrink::default().folds)]
    folds: usize,
    /// Seed of the folds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl ShrinkArgs {
    pub(super) fn shrink(&self) -> Result<Option<Shrink>> {
        let Some(shrink) = rule(&self.shrink)? else { return Ok(None) };
        let scale: ShrinkScale = at_flag("--scale", self.scale.parse())?;
        let target = target(&self.target)?;
        Ok(Some(Shrink { target, scale, folds: self.folds, seed: self.seed, ..shrink }))
    }
}

/// Shrinkage by a rule, or none.
pub(super) fn rule(text: &str) -> Result<Option<Shrink>> {
    if text == "none" {
        return Ok(None);
    }
    Ok(Some(Shrink::by(at_flag("--shrink", text.parse())?)))
}

fn target(text: &str) -> Result<ShrinkTarget> {
    match (text, text.split_once(',')) {
        ("identity", _) => Ok(ShrinkTarget::Identity),
        ("diagonal", _) => Ok(ShrinkTarget::Diagonal),
        ("auto", _) => Ok(ShrinkTarget::Auto),
        (_, Some((rows, cols))) => Ok(ShrinkTarget::Given(BySide::new(
            io::read_matrix(Path::new(rows))?,
            io::read_matrix(Path::new(cols))?,
        ))),
        _ => Err(Error::domain(
            "--target",
            format!("\"{text}\""),
            "identity, diagonal, auto or two files ROWS,COLS",
        )),
    }
}
