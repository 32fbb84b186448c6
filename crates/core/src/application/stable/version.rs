//! Versions in names: two numbers with a dot between them at least, for a number alone is often the name (7z, 2048).

/// Names that have a version directly behind them.
const FAMILIES: [&str; 12] =
    ["python", "pypy", "ruby", "perl", "lua", "php", "node", "go", "jdk", "jre", "tcl", "erlang"];
/// What may follow a number of a version.
const STAGES: [&str; 17] = [
    "alpha", "beta", "rc", "a", "b", "p", "r", "u", "dev", "pre", "preview", "post", "final", "snapshot",
    "nightly", "lts", "insiders",
];

/// Where the version of a name begins and ends.
pub(super) fn find(name: &str) -> Option<(usize, usize)> {
    let behind_a_mark = name.match_indices(['-', '_', '@']).map(|(at, _)| at + 1);
    let behind_a_family =
        FAMILIES.iter().filter(|family| name.starts_with(**family)).map(|family| family.len());
    std::iter::once(0).chain(behind_a_family).chain(behind_a_mark).find_map(|start| {
        let length = length(&name[start..])?;
        Some((start, start + length))
    })
}

/// The length of the version that a text begins with: `v20.1.0`, `1.2.3-beta.1`, `3.0.0+dfsg-2`, `1.8.0_201`.
fn length(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let end = digits.find(['-', '@']).unwrap_or(digits.len());
    let (version, _) = digits.split_at(end);
    // Underscores are part of it when a number follows; else they begin something else (1.2_x86).
    let version = match version.split_once('_') {
        Some((before, behind)) if !is_number(behind) => before,
        _ => version,
    };
    let mut parts = version.split(['.', '+', '~', '_']);
    let is_numbers = parts.next().is_some_and(is_number) && version.contains('.');
    if !is_numbers || !parts.next().is_some_and(is_numbered) {
        return None;
    }
    let mut length = text.len() - digits.len() + version.len();
    if version.len() == end {
        // What more belongs to it: a stage, the number of a build.
        for part in text[length..].strip_prefix('-').unwrap_or_default().split('-') {
            if !is_numbered(part) && !part.split('.').all(is_numbered) && !is_stage(part) {
                break;
            }
            length += 1 + part.len();
        }
    }
    Some(length)
}

/// A number, alone or with a stage behind: `12`, `3rc1`.
fn is_numbered(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len() && (rest.is_empty() || is_stage(rest))
}

/// A stage, with a number or without: `beta`, `rc1`, `beta.2`.
fn is_stage(text: &str) -> bool {
    let rest = STAGES.iter().filter_map(|stage| text.strip_prefix(stage)).min_by_key(|rest| rest.len());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
