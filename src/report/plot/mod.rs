//! Figures as SVG and PNG: heat maps, spectra, distances, convergence, and charts of anything.
//!
//! Colours are chosen to stay apart for colour-blind readers; matrices are shown in the order of
//! the data on a scale centred at zero. PNG files are rendered with a bundled font, so they look
//! alike on every machine.

mod axis;
mod canvas;
mod chart;
mod colour;
mod distances;
mod fade;
mod fit;
mod heat_map;
mod png;
mod study;

pub use chart::{Chart, Scale, Series};
pub use fit::{convergence, figures};
pub use study::study_figures;

pub(crate) use canvas::escape;

use crate::estimate::Step;
use crate::io::write_atomically;
use crate::{Error, Result};
use std::io::Write;
use std::path::Path;

/// A finished figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name of its files, without extension.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The figure itself, as SVG text.
    pub svg: String,
}

impl Figure {
    /// The figure as a PNG image with `scale` image pixels for every pixel of the SVG.
    ///
    /// # Errors
    /// [`Error::Domain`] for a scale outside 0.1..16; [`Error::File`] when it cannot be rendered.
    pub fn png(&self, scale: f64) -> Result<Vec<u8>> {
        png::render(&self.name, &self.svg, scale)
    }
}

/// What a convergence plot counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Iterations of the method.
    #[default]
    Iterations,
    /// Passes over the data: the same work whatever the method.
    Passes,
    /// Seconds.
    Seconds,
}

impl Progress {
    fn label(self) -> &'static str {
        match self {
            Self::Iterations => "iterations",
            Self::Passes => "passes over the data",
            Self::Seconds => "seconds",
        }
    }

    fn of(self, step: &Step) -> f64 {
        match self {
            Self::Iterations => step.iteration as f64,
            Self::Passes => step.passes as f64,
            Self::Seconds => step.seconds,
        }
    }
}

/// Image pixels of a written PNG for every pixel of the figure.
const PNG_SCALE: f64 = 2.0;

/// Writes every figure into a folder (made where it is missing) as NAME.svg and NAME.png.
///
/// Every image is rendered before the first file is written, and every file is written whole or
/// not at all.
///
/// # Errors
/// [`Error::File`] when the folder or a file cannot be written; as [`Figure::png`].
pub fn write_figures(folder: &Path, figures: &[Figure]) -> Result<()> {
    let images = figures.iter().map(|f| f.png(PNG_SCALE)).collect::<Result<Vec<_>>>()?;
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    for (figure, image) in figures.iter().zip(&images) {
        let path = |extension: &str| folder.join(format!("{}.{extension}", figure.name));
        write_atomically(&path("svg"), |out| out.write_all(figure.svg.as_bytes()))?;
        write_atomically(&path("png"), |out| out.write_all(image))?;
    }
    Ok(())
}
