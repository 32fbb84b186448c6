//! How a picture or a page is to look and to speak.

use jiff::tz::TimeZone;

/// A colour, opaque.
pub(crate) type Colour = (u8, u8, u8);

/// What is the same in all that is drawn for one person.
#[derive(Debug, Clone)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The language of everything that is ours.
    pub language: Language,
    /// How amounts are written.
    pub units: Units,
    /// The zone of every time that is shown.
    pub zone: TimeZone,
    /// Width and height of a picture in pixels. Less than 640 × 360 or more than 8192 is taken for that.
    pub size: (u32, u32),
}

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Light, as paper.
    #[default]
    Paper,
    /// Dark, as a sea at night.
    Night,
}

/// In which language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
}

/// How amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Bits instead of bytes.
    pub bits: bool,
    /// By 1024 (KiB) instead of 1000 (kB).
    pub binary: bool,
}

impl Look {
    /// Paper, decimal bytes, 1280 × 720.
    #[must_use]
    pub fn new(language: Language, zone: TimeZone) -> Self {
        Self { theme: Theme::default(), language, units: Units::default(), zone, size: (1280, 720) }
    }

    /// The text in the person's language.
    pub(crate) fn say<T>(&self, english: T, spanish: T) -> T {
        match self.language {
            Language::English => english,
            Language::Spanish => spanish,
        }
    }
}

impl Language {
    /// The language of a locale: that of `es_ES.UTF-8` is Spanish, and of everything unknown English.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        let word = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if word.eq_ignore_ascii_case("es") { Self::Spanish } else { Self::English }
    }

    /// As pages name it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }
}

/// The colours of a theme, as the window has them (`ui/src/app.css`); those of a map are its own.
#[derive(Debug)]
pub(crate) struct Colours {
    pub(crate) ground: Colour,
    pub(crate) surface: Colour,
    pub(crate) line: Colour,
    pub(crate) ink: Colour,
    pub(crate) ink_soft: Colour,
    pub(crate) received: Colour,
    pub(crate) sent: Colour,
    /// By size; what is behind the last one is "other", in `ink_soft`.
    pub(crate) series: [Colour; 8],
    /// Land of which nothing is shown.
    pub(crate) land: Colour,
    /// Of a time of which nothing is known.
    pub(crate) gap: Colour,
    /// From little to much.
    pub(crate) scale: [Colour; 6],
}

impl Theme {
    pub(crate) fn colours(self) -> &'static Colours {
        match self {
            Self::Paper => &PAPER,
            Self::Night => &NIGHT,
        }
    }
}

impl Colours {
    /// All of them, in the same order in both themes.
    pub(crate) fn all(&self) -> impl Iterator<Item = Colour> {
        let Self { ground, surface, line, ink, ink_soft, received, sent, series, land, gap, scale } = *self;
        [ground, surface, line, ink, ink_soft, received, sent, land, gap]
            .into_iter()
            .chain(series)
            .chain(scale)
    }
}

const PAPER: Colours = Colours {
    ground: (0xfb, 0xf8, 0xf1),
    surface: (0xff, 0xff, 0xff),
    line: (0xe3, 0xdc, 0xcb),
    ink: (0x1b, 0x2a, 0x41),
    ink_soft: (0x5b, 0x6b, 0x82),
    received: (0x1f, 0x7a, 0x8c),
    sent: (0xa5, 0x5d, 0x14),
    series: [
        (0x00, 0x72, 0xb2),
        (0xc6, 0x7c, 0x00),
        (0x00, 0x9e, 0x73),
        (0xb8, 0x62, 0x8f),
        (0x3a, 0x93, 0xc9),
        (0x9a, 0x8a, 0x00),
        (0xd5, 0x5e, 0x00),
        (0x3d, 0x46, 0x53),
    ],
    land: (0xed, 0xe6, 0xd6),
    gap: (0xf1, 0xec, 0xe0),
    scale: [
        (0xcf, 0xe2, 0xe1),
        (0xa3, 0xcb, 0xcf),
        (0x73, 0xb0, 0xb9),
        (0x45, 0x93, 0xa2),
        (0x20, 0x74, 0x87),
        (0x0c, 0x4c, 0x5e),
    ],
};

const NIGHT: Colours = Colours {
    ground: (0x0e, 0x17, 0x26),
    surface: (0x15, 0x22, 0x36),
    line: (0x26, 0x37, 0x4f),
    ink: (0xe8, 0xee, 0xf7),
    ink_soft: (0x9f, 0xb0, 0xc6),
    received: (0x4f, 0xb3, 0xc4),
    sent: (0xe6, 0xa1, 0x5c),
    series: [
        (0x4a, 0xa3, 0xdf),
        (0xe6, 0x9f, 0x00),
        (0x2f, 0xbf, 0x95),
        (0xd9, 0x8f, 0xb8),
        (0x8f, 0xd0, 0xf5),
        (0xe8, 0xdc, 0x5a),
        (0xf0, 0x82, 0x4a),
        (0xb9, 0xc4, 0xd4),
    ],
    land: (0x1f, 0x2e, 0x45),
    gap: (0x18, 0x23, 0x35),
    scale: [
        (0x21, 0x4a, 0x5c),
        (0x29, 0x62, 0x75),
        (0x35, 0x7e, 0x91),
        (0x44, 0x9d, 0xaf),
        (0x66, 0xbf, 0xce),
        (0xb4, 0xe8, 0xee),
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The page turns light pictures into dark ones by their colours.
    #[test]
    fn no_two_tokens_of_paper_are_one_colour() {
        assert_eq!(PAPER.all().collect::<BTreeSet<_>>().len(), PAPER.all().count());
        assert_eq!(PAPER.all().count(), NIGHT.all().count());
    }

    #[test]
    fn text_stands_out_from_what_it_stands_on() {
        for theme in [Theme::Paper, Theme::Night] {
            let Colours { ground, surface, ink, ink_soft, received, sent, series, .. } = theme.colours();
            for text in [ink, ink_soft, received, sent] {
                assert!(
                    contrast(*text, *ground).min(contrast(*text, *surface)) >= 4.5,
                    "{theme:?} {text:x?}"
                );
            }
            for line in series {
                assert!(contrast(*line, *ground) >= 2.9, "{theme:?} {line:x?} {}", contrast(*line, *ground));
            }
        }
    }

    fn contrast(a: Colour, b: Colour) -> f64 {
        let part = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let light = |(r, g, b): Colour| 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) + 0.05;
        (light(a) / light(b)).max(light(b) / light(a))
    }

    #[test]
    fn a_locale_names_its_language() {
        for (locale, language) in
            [("es_ES.UTF-8", Language::Spanish), ("es", Language::Spanish), ("C.UTF-8", Language::English)]
        {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }
}
