use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb},
};

use crate::look::Colour;

/// Fonts that are made for screens, and those that nearly every Linux has.
const FONTS: [&str; 9] = [
    "Inter",
    "Cantarell",
    "Adwaita Sans",
    "Noto Sans",
    "Ubuntu",
    "Open Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "FreeSans",
];

/// A drawn picture: an SVG document that needs nothing but a font of the machine that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    svg: String,
}

/// Why there is no PNG of a picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// Nothing could be written in it.
    #[error(
        "this machine has no font to write with. Install one, such as the package fonts-dejavu-core, or take SVG"
    )]
    NoFont,
    /// It would be too large, or of no size.
    #[error("a picture of {width} × {height} pixels cannot be made. Take another size")]
    Size {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// The picture is none.
    #[error("the picture cannot be drawn: {0}")]
    Drawing(String),
}

impl Picture {
    pub(crate) fn new(svg: String) -> Self {
        Self { svg }
    }

    /// The document.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The picture as PNG, `scale` times as large as it says (1 to 4). Blocks for some tenths of a second; the fonts of the machine
    /// are read once.
    pub fn png(&self, scale: u32) -> Result<Vec<u8>, PngError> {
        let (fonts, family) = FACES.as_ref().ok_or(PngError::NoFont)?;
        let options =
            Options { fontdb: Arc::clone(fonts), font_family: family.clone(), ..Options::default() };
        let drawing = |error: &dyn std::fmt::Display| PngError::Drawing(error.to_string());
        let tree = Tree::from_str(&self.svg, &options).map_err(|error| drawing(&error))?;
        let scale = u16::try_from(scale.clamp(1, 4)).unwrap_or(1);
        let size = tree.size().to_int_size();
        let [width, height] = [size.width(), size.height()].map(|side| side.saturating_mul(scale.into()));
        let mut pixels = Pixmap::new(width, height).ok_or(PngError::Size { width, height })?;
        let scale = f32::from(scale);
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| drawing(&error))
    }
}

/// As SVG writes it.
pub(crate) fn hex((r, g, b): Colour) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// The fonts of this machine, and the one that stands for all that have no serifs; `None` where there is no font.
static FACES: LazyLock<Option<(Arc<fontdb::Database>, String)>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();
    let names = |face: &fontdb::FaceInfo| face.families.first().map(|(name, _)| name.clone());
    let has = |name: &&str| fonts.faces().any(|face| names(face).as_deref() == Some(*name));
    let known = FONTS.iter().copied().find(has).map(str::to_owned);
    let any = || {
        let upright = |face: &&fontdb::FaceInfo| face.style == fontdb::Style::Normal && !face.monospaced;
        fonts.faces().find(upright).or(fonts.faces().next()).and_then(names)
    };
    let family = known.or_else(any)?;
    fonts.set_sans_serif_family(&family);
    Some((Arc::new(fonts), family))
});
