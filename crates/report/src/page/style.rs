//! How the page looks, and the hash by which its policy knows that this and nothing else may be applied.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::{
    look::{Colours, Theme},
    picture::hex,
};

const RULES: &str = include_str!("../../data/page.css");

pub(super) struct Style {
    pub(super) text: String,
    /// As Content-Security-Policy writes it.
    pub(super) hash: String,
}

impl Style {
    pub(super) fn new() -> Self {
        let (paper, night) = (Theme::Paper.colours(), Theme::Night.colours());
        // Pictures are drawn on paper: at night each of their colours becomes the other theme's.
        let turned: String = paper
            .all()
            .zip(night.all())
            .map(|(light, dark)| {
                let (light, dark) = (hex(light), hex(dark));
                format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}\n")
            })
            .collect();
        // Paper that is printed is paper.
        let at_night = "@media screen and (prefers-color-scheme:dark)";
        let text =
            format!("{}{RULES}{at_night}{{{}\n{turned}}}\n", tokens(paper, "light"), tokens(night, "dark"));
        let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(&text)));
        Self { text, hash }
    }
}

fn tokens(colours: &Colours, scheme: &str) -> String {
    let Colours { ground, surface, line, ink, ink_soft, .. } = colours;
    let [ground, surface, line, ink, ink_soft] =
        [ground, surface, line, ink, ink_soft].map(|colour| hex(*colour));
    format!(
        ":root{{color-scheme:{scheme};--ground:{ground};--surface:{surface};--line:{line};--ink:{ink};--ink-soft:{ink_soft}}}"
    )
}
