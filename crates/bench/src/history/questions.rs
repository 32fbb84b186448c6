//! The questions, to the year, and the same of its last days to both files.

use std::fs::File;

use rustix::fs::{Advice, fadvise};

use super::{
    ask::{Asked, Asking},
    fill::Year,
};
use crate::{Effort, say, table::Table};

const QUESTIONS: [(Asked, &str, &str); 6] = [
    (Asked::Top, "top 20 applications", "≤ 10"),
    (Asked::Daily, "a series for each application, by day", "≤ 25"),
    (Asked::Hourly, "series of the top 20 applications and the others, by hour", "≤ 50"),
    (Asked::HourlyAll, "a series for each application, by hour", "≤ 50"),
    (Asked::Remotes, "all remote addresses", "≤ 50"),
    (Asked::Text, "free text, by name", "≤ 100"),
];

/// All questions.
pub(super) fn tables(effort: &Effort, year: &Year) -> anyhow::Result<Vec<Table>> {
    let show = |figure: f64| format!("{figure:.1}");
    let mut own = Table::new(&[
        "question to the year",
        "cold, ms",
        "warm, ms",
        "CPU, ms",
        "target, ms",
        "memory, MB",
        "target, MB",
        "groups or points",
    ]);
    let both = "the same of the last days";
    let mut both = Table::new(&[both, "Portolan, ms", "memory, MB", "picosnitch, ms", "memory, MB", "ratio"]);
    for (asked, name, target) in QUESTIONS {
        say(&format!("asking: {name}"));
        let of_year =
            Asking { asked, file: &year.own, is_peer: false, since: None, times: effort.choose(12, 2) };
        fadvise(&File::open(&year.own)?, 0, None, Advice::DontNeed)?;
        let found = of_year.find()?;
        own.row(&[
            name.to_owned(),
            show(found.first),
            found.others.show(show),
            show(found.cpu),
            target.to_owned(),
            show(found.grown_mb),
            "≤ 40".to_owned(),
            found.size,
        ]);
        let ours = Asking { since: Some(year.both_since.0), ..of_year }.find()?;
        let theirs =
            Asking { file: &year.peer, is_peer: true, times: effort.choose(3, 2), ..of_year }.find()?;
        let ratio = theirs.others.median().unwrap_or(0.0) / ours.others.median().unwrap_or(1.0);
        both.row(&[
            name.to_owned(),
            ours.others.show(show),
            show(ours.grown_mb),
            theirs.others.show(show),
            show(theirs.grown_mb),
            format!("{ratio:.0} ×"),
        ]);
    }
    own.note("Medians of 11, least and most in brackets. Cold: the first question of a process, nothing of the file in memory; each opens the file anew. CPU: the mean of the warm ones. Memory: by how much the process grew at most, all questions together.");
    both.note("Warm; medians of 11 (2 of picosnitch's), least and most in brackets. The other is asked with the SQL of its windows, on its own schema and indexes (version 4), of the same rows: one for each key and 10 seconds. Its names of applications are paths.");
    Ok(vec![own, both])
}
