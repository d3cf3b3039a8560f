//! Heat maps of matrices on a diverging scale, in the order of the data.

use super::Figure;
use super::axis::linear_ticks;
use super::canvas::{Anchor, Canvas, Pen, Type, draw, shortened, text_width};
use super::colour::{Colour, diverging, is_dark};
use crate::Result;
use crate::text::shown;
use ndarray::ArrayView2;

/// What to show of a matrix.
pub(super) struct HeatMap<'a> {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) values: ArrayView2<'a, f64>,
    pub(super) row_names: &'a [String],
    pub(super) col_names: &'a [String],
    /// What rows and columns are.
    pub(super) axes: (&'a str, &'a str),
    /// Value at the centre of the colour scale.
    pub(super) centre: f64,
    /// Distance from the centre at the ends of the scale; the largest one where not given.
    pub(super) reach: Option<f64>,
}

/// Longest side of the map, and largest cell, in pixels.
const SIDE: f64 = 600.0;
const CELL: f64 = 64.0;
/// Smallest cell in which its number is printed.
const NUMBERED: f64 = 36.0;
/// Longest name shown whole, in characters.
const NAME: usize = 22;
const BAR: f64 = 18.0;
const TOP: f64 = 62.0;

struct Layout {
    cell: (f64, f64),
    /// Top left corner of the map.
    corner: (f64, f64),
    size: (f64, f64),
    font: f64,
    rows: Labels,
    cols: Labels,
}

/// Every `stride`-th name by count from 1, so that no two overlap.
struct Labels {
    texts: Vec<String>,
    stride: usize,
    font: f64,
    length: f64,
}

impl Labels {
    fn new(names: &[String], count: usize, cell: f64) -> Self {
        let font = (0.8 * cell).clamp(8.0, 12.0);
        let needed = font * 1.15 / cell;
        let round = [1, 2, 5, 10, 20, 50, 100, 200, 500];
        let stride = round.into_iter().find(|s| *s as f64 >= needed).unwrap_or(1000);
        let texts: Vec<_> = (0..count)
            .map(|i| names.get(i).map_or_else(|| i.to_string(), |n| shortened(&shown(n), NAME)))
            .collect();
        let longest = texts.iter().map(|t| text_width(t, font)).fold(0.0, f64::max);
        Self { texts, stride, font, length: longest }
    }

    fn shown(&self) -> impl Iterator<Item = (usize, &str)> {
        let stride = self.stride;
        let texts = self.texts.iter().map(String::as_str).enumerate();
        texts.filter(move |(i, _)| i % stride == 0)
    }
}

impl HeatMap<'_> {
    pub(super) fn figure(&self, name: &str) -> Result<Figure> {
        let layout = self.layout();
        let reach = self.reach.unwrap_or_else(|| self.largest());
        let right = layout.corner.0 + layout.size.0 + 24.0 + BAR + 82.0;
        // The map may be small, its title is not.
        let title = text_width(&self.title, 17.0).max(text_width(&self.note, 12.0)) + 24.0;
        let size = (right.max(title), layout.corner.1 + layout.size.1.max(150.0) + 24.0);
        let svg = draw(size, &self.title, |canvas| {
            canvas.text(&self.title, (16.0, 22.0), Type::new(17.0, Anchor::Left))?;
            let look = Type::new(12.0, Anchor::Left).colour(Colour::GREY);
            canvas.text(&self.note, (16.0, 44.0), look)?;
            self.cells(canvas, &layout, reach)?;
            self.labels(canvas, &layout)?;
            self.bar(canvas, &layout, reach)
        })?;
        Ok(Figure { name: name.to_owned(), title: self.title.clone(), svg })
    }

    fn largest(&self) -> f64 {
        let distances = self.values.iter().map(|x| (x - self.centre).abs());
        let largest = distances.filter(|x| x.is_finite()).fold(0.0, f64::max);
        if largest > 0.0 { largest } else { 1.0 }
    }

    fn layout(&self) -> Layout {
        let (rows, cols) = self.values.dim();
        let cell = |count: usize| (SIDE / count as f64).min(CELL);
        let cell = (cell(cols), cell(rows));
        let row_labels = Labels::new(self.row_names, rows, cell.1);
        let col_labels = Labels::new(self.col_names, cols, cell.0);
        let corner =
            (34.0 + row_labels.length + 10.0, TOP + 22.0 + self.turned(&col_labels, cell.0));
        Layout {
            cell,
            corner,
            size: (cell.0 * cols as f64, cell.1 * rows as f64),
            font: 11.5_f64.min(cell.0 / 3.7),
            rows: row_labels,
            cols: col_labels,
        }
    }

    /// Height of the column labels: upright where they fit, else from the bottom up.
    fn turned(&self, labels: &Labels, cell: f64) -> f64 {
        if labels.length + 4.0 <= cell { labels.font + 4.0 } else { labels.length + 8.0 }
    }

    fn cells(&self, canvas: &mut Canvas<'_>, layout: &Layout, reach: f64) -> Result<()> {
        let (w, h) = layout.cell;
        let (left, top) = layout.corner;
        let numbered = w >= NUMBERED && h >= 16.0;
        let digits = digits(reach.max(self.centre.abs()));
        for ((i, j), value) in self.values.indexed_iter() {
            let (x, y) = (left + j as f64 * w, top + i as f64 * h);
            let t = (value - self.centre) / reach;
            canvas.cell((x, y), (w, h), diverging(t));
            if numbered {
                let colour = if is_dark(t) { Colour::PAPER } else { Colour::INK };
                let text = number(*value, digits);
                let look = Type::new(layout.font, Anchor::Centre).colour(colour);
                canvas.text(&text, (x + 0.5 * w, y + 0.5 * h), look)?;
            }
        }
        canvas.frame(layout.corner, layout.size, Pen(Colour::GREY, 1.0))
    }

    fn labels(&self, canvas: &mut Canvas<'_>, layout: &Layout) -> Result<()> {
        let (w, h) = layout.cell;
        let (left, top) = layout.corner;
        for (i, name) in layout.rows.shown() {
            let at = (left - 6.0, top + (i as f64 + 0.5) * h);
            canvas.text(name, at, Type::new(layout.rows.font, Anchor::Right))?;
        }
        let upright = layout.cols.length + 4.0 <= w;
        for (j, name) in layout.cols.shown() {
            let x = left + (j as f64 + 0.5) * w;
            let font = layout.cols.font;
            if upright {
                let at = (x, top - 4.0 - 0.5 * font);
                canvas.text(name, at, Type::new(font, Anchor::Centre))?;
            } else {
                canvas.text(name, (x, top - 6.0), Type::new(font, Anchor::Left).upwards())?;
            }
        }
        let (rows, cols) = self.axes;
        let look = Type::new(13.0, Anchor::Centre);
        canvas.text(cols, (left + 0.5 * layout.size.0, TOP + 6.0), look)?;
        canvas.text(rows, (16.0, top + 0.5 * layout.size.1), look.upwards())
    }

    /// The colour bar with its numbers.
    fn bar(&self, canvas: &mut Canvas<'_>, layout: &Layout, reach: f64) -> Result<()> {
        const STEPS: usize = 100;
        let x = layout.corner.0 + layout.size.0 + 24.0;
        let top = layout.corner.1;
        let height = layout.size.1.clamp(140.0, 320.0);
        let step = height / STEPS as f64;
        for k in 0..STEPS {
            let t = 1.0 - 2.0 * (k as f64 + 0.5) / STEPS as f64;
            canvas.cell((x, top + k as f64 * step), (BAR, step), diverging(t));
        }
        canvas.frame((x, top), (BAR, height), Pen(Colour::GREY, 1.0))?;
        let (low, high) = (self.centre - reach, self.centre + reach);
        for (value, label) in linear_ticks(low, high, 6) {
            let y = top + height * (high - value) / (2.0 * reach);
            canvas.line((x + BAR, y), (x + BAR + 4.0, y), Pen(Colour::GREY, 1.0))?;
            canvas.text(&label, (x + BAR + 8.0, y), Type::new(11.0, Anchor::Left))?;
        }
        Ok(())
    }
}

/// Decimals that show three digits of the largest number.
fn digits(largest: f64) -> Option<usize> {
    match largest.log10().floor() {
        e if (-3.0..=4.0).contains(&e) => Some((2.0 - e).clamp(0.0, 4.0) as usize),
        _ => None,
    }
}

fn number(value: f64, digits: Option<usize>) -> String {
    let text = match digits {
        Some(digits) => format!("{value:.digits$}"),
        None => format!("{value:.0e}"),
    };
    // "-0.00" is zero.
    let text = if text.trim_start_matches(['-', '0', '.']).is_empty() {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    };
    match text.strip_prefix('-') {
        Some(size) => format!("−{size}"),
        None => text,
    }
}
