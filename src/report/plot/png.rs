//! SVG text to PNG pixels, with a font of our own: a machine may have none.

use crate::{Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::{Arc, OnceLock};

/// Latin, Greek, Cyrillic and mathematical signs; the licence stands beside it.
const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
const FAMILY: &str = "DejaVu Sans";

fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family(FAMILY);
        fonts.set_serif_family(FAMILY);
        fonts.set_monospace_family(FAMILY);
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}

/// Renders SVG text; `scale` is the number of image pixels for one pixel of the figure.
pub(super) fn render(name: &str, svg: &str, scale: f64) -> Result<Vec<u8>> {
    if !(scale.is_finite() && (0.1..=16.0).contains(&scale)) {
        return Err(Error::domain("the scale of a PNG", scale, "between 0.1 and 16"));
    }
    let failed = |reason: String| Error::file(format!("{name}.png"), reason);
    let options = Options { font_family: FAMILY.to_owned(), fontdb: fonts(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|e| failed(e.to_string()))?;
    let pixels = |x: f32| (f64::from(x) * scale).ceil() as u32;
    let (width, height) = (pixels(tree.size().width()), pixels(tree.size().height()));
    let mut image = Pixmap::new(width, height)
        .ok_or_else(|| failed(format!("an image of {width} × {height} pixels is not possible")))?;
    let zoom = Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, zoom, &mut image.as_mut());
    image.encode_png().map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::canvas::{Anchor, Type, draw};

    fn ink(text: &str) -> usize {
        let paint = |canvas: &mut crate::report::plot::canvas::Canvas<'_>| {
            canvas.text(text, (20.0, 20.0), Type::new(20.0, Anchor::Centre))
        };
        let svg = draw((40.0, 40.0), "", paint).unwrap();
        let image = Pixmap::decode_png(&render("test", &svg, 4.0).unwrap()).unwrap();
        image.pixels().iter().filter(|p| p.red() < 128).count()
    }

    /// A sign that the font does not have would silently be left out.
    #[test]
    fn the_bundled_font_has_every_sign_of_our_labels() {
        assert_eq!(ink(" "), 0);
        for sign in "Aaé0−·…≤²³¹⁰⁴⁵⁶⁷⁸⁹⁻ᵀδνρσχΛΣℓ‖⊗×∞–’Ж�".chars()
        {
            assert!(ink(&sign.to_string()) > 2, "{sign} is not drawn");
        }
    }
}
