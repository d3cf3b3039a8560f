//! Which digit is it? Kronecker covariances against one without structure, by cross-validation.

use kronfit::ndarray::{Array3, Axis};
use kronfit::{Discriminant, Model, Result, Sample, Shared, io};

const FOLDS: usize = 5;
const SEED: u64 = 1;

fn main() -> Result<()> {
    let digits = io::resolve("digits")?;
    let labels = io::read_text_array("digits", "labels", digits.dim().0)?;
    // The outermost pixel columns are blank in all images of some digits: such classes have no
    // column factor of their own.
    let inner = Sample::new(digits.values().slice_axis(Axis(2), (2..6).into()).to_owned())?;
    for shared in Shared::ALL {
        show(shared.name(), &inner, &labels, shared)?;
    }
    // The same pixels as one column: A is then any covariance of all of them.
    show("no structure", &as_column(&inner)?, &labels, Shared::Both)
}

fn show(what: &str, sample: &Sample, labels: &[String], shared: Shared) -> Result<()> {
    let classes = Discriminant::new(Model::gaussian(), shared);
    let seen = classes.cross_validate(sample, labels, FOLDS, SEED)?.prediction;
    println!("{what:<14} error {:.4}   log loss {:.4}", seen.error, seen.log_loss);
    Ok(())
}

/// (n, pq, 1), without pixels that are inked in fewer than one image of a hundred.
fn as_column(sample: &Sample) -> Result<Sample> {
    let (n, p, q) = sample.dim();
    let inked = |r: usize, c: usize| {
        sample.values().outer_iter().filter(|x| x[[r, c]] != 0.0).count() * 100 >= n
    };
    let cells: Vec<(usize, usize)> =
        (0..p * q).map(|k| (k / q, k % q)).filter(|&(r, c)| inked(r, c)).collect();
    let at = |(i, k, _): (usize, usize, usize)| sample.values()[[i, cells[k].0, cells[k].1]];
    Sample::new(Array3::from_shape_fn((n, cells.len(), 1), at))
}
