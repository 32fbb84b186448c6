use std::fmt::Write as _;

use crate::{Config, KEYS};

const WIDTH: usize = 110;

const HEAD: &str = "The daemon's configuration. Every line shows a default; take the # away to change it. A change counts as soon as the file is \
written; `portolan config check` says what is wrong with it, and as long as something is, all stays as it was. \
Files in portolan.d beside this one, whose names end with .toml, come after it in the order of their names: what they say counts \
instead, and what they exclude adds up. `portolan config show` says what is in force, and why.";

const SECTIONS: [(&str, &str); 7] = [
    ("recording", "What of the traffic is written down."),
    ("retention", "How long it is kept. What is older is deleted in small steps."),
    ("learning", "The first time on a machine."),
    (
        "notifications",
        "Which findings disturb a person: the others are quiet for everybody on this machine, which is recorded and listed, and nothing else.",
    ),
    ("places", "Where addresses belong."),
    (
        "log",
        "What is recorded, as lines of a text file beside the history: one for each flow and interval, and one for each finding when it \
         is told or answered.",
    ),
    (
        "exclusions",
        "What is not recorded at all: traffic that is any of these. Its bytes are a sum in `portolan status`, nothing else. Programs are \
         identified and findings about them are told all the same, and the live view shows what it shows.",
    ),
];

/// The commented file that a package installs: every key with its default.
#[must_use]
pub fn default_file() -> String {
    let defaults = Config::default();
    let mut file = String::new();
    comment(&mut file, HEAD);
    for (section, about) in SECTIONS {
        file.push('\n');
        comment(&mut file, about);
        // Writing to a string does not fail.
        let _ = writeln!(file, "[{section}]");
        for key in KEYS.iter().filter(|key| key.section() == section) {
            file.push('\n');
            comment(&mut file, key.about);
            if let Some(example) = key.example {
                let _ = writeln!(file, "# For example: {} = {example}", key.word());
            }
            let _ = writeln!(file, "#{} = {}", key.word(), key.show(&defaults));
        }
    }
    file
}

/// Lines that begin with `# `.
fn comment(file: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split_whitespace() {
        let next = word.chars().count() + 1;
        if width == 0 || width + next > WIDTH {
            file.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        file.push(' ');
        file.push_str(word);
        width += next;
    }
    file.push('\n');
}
