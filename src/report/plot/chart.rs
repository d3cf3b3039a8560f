//! Charts of series against an axis, linear or logarithmic: lines, points, error bars, bands.
//!
//! ```
//! use kronfit::report::plot::{Chart, Scale, Series};
//! let errors = [(10.0, 0.9), (100.0, 0.31), (1000.0, 0.1)];
//! let figure = Chart::new("Error against n", ("n (matrices)", Scale::Log), ("error", Scale::Log))
//!     .with(Series::line("flip-flop", errors).and_points())
//!     .figure("error-n")?;
//! assert!(figure.svg.starts_with("<svg"));
//! # Ok::<(), kronfit::Error>(())
//! ```

use super::Figure;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Pen, Type, draw, shortened, text_width};
use super::colour::{self, Colour};
use crate::Result;

/// Linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences look equal.
    Linear,
    /// Equal ratios look equal; values ≤ 0 have no place and are left out.
    Log,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data {
        line: bool,
        points: bool,
    },
    /// A dashed grey line behind the data.
    Reference,
    /// The area between low and high, behind everything.
    Band,
}

/// Points that belong together.
#[derive(Debug, Clone)]
pub struct Series {
    label: String,
    /// x, y, low, high.
    points: Vec<[f64; 4]>,
    kind: Kind,
}

impl Series {
    fn new(label: &str, points: impl IntoIterator<Item = (f64, f64)>, kind: Kind) -> Self {
        let points = points.into_iter().map(|(x, y)| [x, y, y, y]).collect();
        Self { label: label.to_owned(), points, kind }
    }

    /// A line through (x, y).
    pub fn line(label: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(label, points, Kind::Data { line: true, points: false })
    }

    /// Points at (x, y).
    pub fn points(label: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(label, points, Kind::Data { line: false, points: true })
    }

    /// A line with points and vertical bars, (x, y, low, high).
    pub fn error_bars(label: &str, points: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y, low, high)| [x, y, low, high]).collect();
        Self { label: label.to_owned(), points, kind: Kind::Data { line: true, points: true } }
    }

    /// A dashed line to compare with.
    pub fn reference(label: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(label, points, Kind::Reference)
    }

    /// The area between two curves, (x, low, high).
    pub fn band(label: &str, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, low, high)| [x, low, low, high]).collect();
        Self { label: label.to_owned(), points, kind: Kind::Band }
    }

    /// The same line with a mark at every point.
    #[must_use]
    pub fn and_points(mut self) -> Self {
        if let Kind::Data { points, .. } = &mut self.kind {
            *points = true;
        }
        self
    }
}

/// A chart: title, two axes, series.
#[derive(Debug, Clone)]
pub struct Chart {
    title: String,
    note: String,
    x: (String, Scale),
    y: (String, Scale),
    series: Vec<Series>,
}

const SIZE: (f64, f64) = (720.0, 470.0);
const LEFT: f64 = 84.0;
const RIGHT: f64 = 22.0;
const BOTTOM: f64 = 56.0;
const LEGEND: f64 = 12.0;

impl Chart {
    /// An empty chart; each axis is (label with unit, scale).
    pub fn new(title: &str, x: (&str, Scale), y: (&str, Scale)) -> Self {
        Self {
            title: title.to_owned(),
            note: String::new(),
            x: (x.0.to_owned(), x.1),
            y: (y.0.to_owned(), y.1),
            series: Vec::new(),
        }
    }

    /// The same chart with a line of explanation under the title.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    /// The same chart with one more series, drawn over the earlier ones.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The chart as a figure.
    ///
    /// # Errors
    /// When the drawing backend fails.
    pub fn figure(&self, name: &str) -> Result<Figure> {
        let svg = draw(SIZE, &self.title, |canvas| self.paint(canvas))?;
        Ok(Figure { name: name.to_owned(), title: self.title.clone(), svg })
    }

    fn paint(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let head = Type::new(17.0, Anchor::Left);
        canvas.text(&shortened(&self.title, 70), (16.0, 22.0), head)?;
        let mut top = 40.0;
        if !self.note.is_empty() {
            let look = Type::new(12.0, Anchor::Left).colour(Colour::GREY);
            canvas.text(&self.note, (16.0, 44.0), look)?;
            top = 60.0;
        }
        top = self.legend(canvas, top)?;
        let values = |column: fn(&[f64; 4]) -> &[f64]| {
            self.series.iter().flat_map(move |s| s.points.iter().flat_map(column).copied())
        };
        let plane = Plane {
            x: Axis::around(values(|p| &p[..1]), self.x.1 == Scale::Log),
            y: Axis::around(values(|p| &p[1..]), self.y.1 == Scale::Log),
            origin: (LEFT, SIZE.1 - BOTTOM),
            size: (SIZE.0 - LEFT - RIGHT, SIZE.1 - BOTTOM - top - 6.0),
        };
        for series in self.series.iter().filter(|s| s.kind == Kind::Band) {
            plane.band(canvas, series)?;
        }
        plane.grid(canvas, &self.x.0, &self.y.0)?;
        for series in self.series.iter().filter(|s| s.kind == Kind::Reference) {
            plane.dashes(canvas, series)?;
        }
        for (i, series) in self.data() {
            plane.data(canvas, series, i)?;
        }
        Ok(())
    }

    /// Series that are data, with the number that gives colour and mark.
    fn data(&self) -> impl Iterator<Item = (usize, &Series)> {
        self.series.iter().filter(|s| matches!(s.kind, Kind::Data { .. })).enumerate()
    }

    /// Draws the legend where there is more than one thing to tell apart; gives the next free y.
    fn legend(&self, canvas: &mut Canvas<'_>, top: f64) -> Result<f64> {
        if self.series.len() < 2 {
            return Ok(top);
        }
        let (mut x, mut y) = (LEFT, top + 8.0);
        let data = self.data().map(|(i, s)| (Some(i), s));
        let rest = self.series.iter().filter(|s| !matches!(s.kind, Kind::Data { .. }));
        for (i, series) in data.chain(rest.map(|s| (None, s))) {
            let label = shortened(&series.label, 60);
            let width = 34.0 + text_width(&label, LEGEND) + 16.0;
            if x > LEFT && x + width > SIZE.0 {
                (x, y) = (LEFT, y + 20.0);
            }
            swatch(canvas, series, i, (x, y))?;
            canvas.text(&label, (x + 34.0, y), Type::new(LEGEND, Anchor::Left))?;
            x += width;
        }
        Ok(y + 14.0)
    }
}

fn swatch(
    canvas: &mut Canvas<'_>,
    series: &Series,
    number: Option<usize>,
    (x, y): (f64, f64),
) -> Result<()> {
    match (series.kind, number) {
        (Kind::Data { line, points }, Some(i)) => {
            if line {
                canvas.line((x, y), (x + 28.0, y), Pen(colour::series(i), 1.8))?;
            }
            if points { mark(canvas, (x + 14.0, y), i, 3.6) } else { Ok(()) }
        }
        (Kind::Band, _) => {
            let corners = [(x, y - 6.0), (x + 28.0, y - 6.0), (x + 28.0, y + 6.0), (x, y + 6.0)];
            canvas.area(corners, Colour::BAND)
        }
        _ => dashed(canvas, &[(x, y), (x + 28.0, y)], Pen(Colour::GREY, 1.4)),
    }
}

/// The i-th series' mark: shape and colour both tell it from the others.
fn mark(canvas: &mut Canvas<'_>, (x, y): (f64, f64), i: usize, r: f64) -> Result<()> {
    let colour = colour::series(i);
    let around = |corners: &[(f64, f64)]| {
        corners.iter().map(|(dx, dy)| (x + r * dx, y + r * dy)).collect::<Vec<_>>()
    };
    match i % 4 {
        0 => canvas.dot((x, y), r, colour),
        1 => canvas.area(around(&[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]), colour),
        2 => canvas.area(around(&[(0.0, -1.3), (1.2, 0.9), (-1.2, 0.9)]), colour),
        _ => canvas.area(around(&[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]), colour),
    }
}

/// Dashes along a path, so that they keep their length over many short pieces.
fn dashed(canvas: &mut Canvas<'_>, points: &[(f64, f64)], pen: Pen) -> Result<()> {
    const DASH: f64 = 6.0;
    let (mut left, mut inked) = (DASH, true);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = dx.hypot(dy);
            let share = if length > left { left / length } else { 1.0 };
            let next = (from.0 + share * dx, from.1 + share * dy);
            if inked {
                canvas.line(from, next, pen)?;
            }
            if length <= left {
                left -= length;
                break;
            }
            (from, left, inked) = (next, DASH, !inked);
        }
    }
    Ok(())
}

/// The two axes and the rectangle between them.
struct Plane {
    x: Axis,
    y: Axis,
    /// Bottom left corner in pixels.
    origin: (f64, f64),
    /// Width and height in pixels.
    size: (f64, f64),
}

impl Plane {
    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        (self.x.takes(x) && self.y.takes(y)).then(|| {
            let (across, up) = (self.x.place(x) * self.size.0, self.y.place(y) * self.size.1);
            (self.origin.0 + across, self.origin.1 - up)
        })
    }

    fn grid(&self, canvas: &mut Canvas<'_>, x_label: &str, y_label: &str) -> Result<()> {
        let (left, bottom) = self.origin;
        let (width, height) = self.size;
        let small = 12.0;
        for (value, label) in self.x.ticks(8) {
            let x = left + self.x.place(value) * width;
            canvas.line((x, bottom - height), (x, bottom + 4.0), Pen(Colour::GRID, 0.8))?;
            canvas.text(&label, (x, bottom + 14.0), Type::new(small, Anchor::Centre))?;
        }
        for (value, label) in self.y.ticks(7) {
            let y = bottom - self.y.place(value) * height;
            canvas.line((left - 4.0, y), (left + width, y), Pen(Colour::GRID, 0.8))?;
            canvas.text(&label, (left - 8.0, y), Type::new(small, Anchor::Right))?;
        }
        canvas.frame((left, bottom - height), self.size, Pen(Colour::GREY, 1.0))?;
        let middle = (left + 0.5 * width, bottom + 38.0);
        canvas.text(x_label, middle, Type::new(13.0, Anchor::Centre))?;
        let side = (18.0, bottom - 0.5 * height);
        canvas.text(y_label, side, Type::new(13.0, Anchor::Centre).upwards())
    }

    fn band(&self, canvas: &mut Canvas<'_>, series: &Series) -> Result<()> {
        let edge = |k: usize| series.points.iter().filter_map(move |p| self.at(p[0], p[k]));
        let mut outline: Vec<_> = edge(2).collect();
        let mut back: Vec<_> = edge(3).collect();
        back.reverse();
        outline.append(&mut back);
        if outline.len() < 3 { Ok(()) } else { canvas.area(outline, Colour::BAND) }
    }

    fn dashes(&self, canvas: &mut Canvas<'_>, series: &Series) -> Result<()> {
        let points: Vec<_> = series.points.iter().filter_map(|p| self.at(p[0], p[1])).collect();
        dashed(canvas, &points, Pen(Colour::GREY, 1.4))
    }

    fn data(&self, canvas: &mut Canvas<'_>, series: &Series, i: usize) -> Result<()> {
        let Kind::Data { line, points } = series.kind else { return Ok(()) };
        let colour = colour::series(i);
        let seen: Vec<_> = series.points.iter().filter_map(|p| self.at(p[0], p[1])).collect();
        if line && seen.len() > 1 {
            canvas.path(seen.iter().copied(), Pen(colour, 1.8))?;
        }
        for p in series.points.iter().filter(|p| p[2] < p[3]) {
            // On a log axis a bar that reaches zero goes down to the end of the axis.
            let low = if self.y.takes(p[2]) { p[2] } else { self.y.ends().0 };
            if let (Some(a), Some(b)) = (self.at(p[0], low), self.at(p[0], p[3])) {
                canvas.line(a, b, Pen(colour, 1.2))?;
                for (x, y) in [a, b] {
                    canvas.line((x - 4.0, y), (x + 4.0, y), Pen(colour, 1.2))?;
                }
            }
        }
        // Marks that would touch each other say no more than smaller ones.
        let radius = match seen.len() {
            0..=60 => 3.6,
            61..=400 => 2.6,
            _ => 1.8,
        };
        if points || seen.len() == 1 {
            for at in seen {
                mark(canvas, at, i, radius)?;
            }
        }
        Ok(())
    }
}
