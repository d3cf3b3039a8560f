//! A thin sheet over the SVG backend: pixels as numbers with fractions, text that is always
//! legible, and cells that stay small in the file.

use super::colour::Colour;
use crate::{Error, Result};
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The backend knows whole units only; this many of them are one pixel.
const UNITS: f64 = 10.0;
/// The bundled font first, so that labels fit alike everywhere, then what a browser has.
const FONT: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";
/// Width of an average character as a part of the font size, for the fonts above.
const CHARACTER: f64 = 0.62;

/// Where a text stands with respect to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

/// A text's place and look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    pub(super) colour: Colour,
    /// Reads from the bottom up.
    pub(super) upwards: bool,
}

impl Type {
    pub(super) fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, colour: Colour::INK, upwards: false }
    }

    pub(super) fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub(super) fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }
}

/// A line's colour and width in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen(pub(super) Colour, pub(super) f64);

impl Pen {
    fn style(self) -> ShapeStyle {
        let [r, g, b] = self.0.0;
        let stroke_width = (self.1 * UNITS).round().max(1.0) as u32;
        ShapeStyle { color: RGBColor(r, g, b).to_rgba(), filled: false, stroke_width }
    }
}

/// What is drawn on; coordinates are pixels from the top left corner.
pub(super) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    cells: BTreeMap<[u8; 3], String>,
}

/// Draws a figure of `width` × `height` pixels and gives it as SVG text.
pub(super) fn draw(
    (width, height): (f64, f64),
    title: &str,
    paint: impl FnOnce(&mut Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let mut buffer = String::new();
    let units = |x: f64| (x * UNITS).round() as u32;
    let cells = {
        let backend = SVGBackend::with_string(&mut buffer, (units(width), units(height)));
        let mut canvas = Canvas { backend, cells: BTreeMap::new() };
        paint(&mut canvas)?;
        canvas.backend.present().map_err(failed)?;
        std::mem::take(&mut canvas.cells)
    };
    let body = buffer.split_once('>').map_or("", |(_, rest)| rest);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n",
        units(width),
        units(height),
        escape(title)
    );
    // Neighbouring cells must touch without a seam.
    svg.push_str("<g shape-rendering=\"crispEdges\">\n");
    for ([r, g, b], path) in &cells {
        let _ = writeln!(svg, "<path fill=\"#{r:02X}{g:02X}{b:02X}\" d=\"{path}\"/>");
    }
    svg.push_str("</g>");
    svg.push_str(body);
    Ok(svg)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::file("the figure", error)
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    // Beyond this the numbers mean nothing on a page, and would overflow.
    let whole = |v: f64| (v * UNITS).round().clamp(-1e6, 1e6) as i32;
    (whole(x), whole(y))
}

impl Canvas<'_> {
    /// A filled rectangle beneath everything else that is drawn.
    pub(super) fn cell(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), colour: Colour) {
        let (left, top) = units((x, y));
        let (right, bottom) = units((x + w, y + h));
        let path = self.cells.entry(colour.0).or_default();
        let (w, h) = (right - left, bottom - top);
        let _ = write!(path, "M{left} {top}h{w}v{h}h-{w}z");
    }

    /// An empty rectangle.
    pub(super) fn frame(&mut self, at: (f64, f64), (w, h): (f64, f64), pen: Pen) -> Result<()> {
        let (a, b) = (units(at), units((at.0 + w, at.1 + h)));
        self.backend.draw_rect(a, b, &pen.style(), false).map_err(failed)
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: Pen) -> Result<()> {
        self.path([from, to], pen)
    }

    pub(super) fn path(
        &mut self,
        points: impl IntoIterator<Item = (f64, f64)>,
        pen: Pen,
    ) -> Result<()> {
        self.backend.draw_path(points.into_iter().map(units), &pen.style()).map_err(failed)
    }

    pub(super) fn area(
        &mut self,
        points: impl IntoIterator<Item = (f64, f64)>,
        colour: Colour,
    ) -> Result<()> {
        let pen = Pen(colour, 0.0);
        self.backend.fill_polygon(points.into_iter().map(units), &pen.style()).map_err(failed)
    }

    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, colour: Colour) -> Result<()> {
        let radius = (radius * UNITS).round() as u32;
        self.backend.draw_circle(units(at), radius, &Pen(colour, 1.0).style(), true).map_err(failed)
    }

    /// A text centred vertically on its point.
    pub(super) fn text(&mut self, text: &str, at: (f64, f64), look: Type) -> Result<()> {
        let horizontal = match look.anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let turn = if look.upwards { FontTransform::Rotate270 } else { FontTransform::None };
        // The backend takes the height of a line and divides it by 1.24 to get the font size.
        let font = (FONT, look.size * 1.24 * UNITS).into_font().transform(turn);
        let [r, g, b] = look.colour.0;
        let colour = RGBColor(r, g, b);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.backend.draw_text(&printable(text), &style, units(at)).map_err(failed)
    }
}

/// Width of a text in pixels, about.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * CHARACTER
}

/// The text, cut to `most` characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Control characters are not allowed in XML.
fn printable(text: &str) -> String {
    text.chars()
        .map(
            |c| {
                if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') { '\u{FFFD}' } else { c }
            },
        )
        .collect()
}

/// Text as the content or an attribute of XML or HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
