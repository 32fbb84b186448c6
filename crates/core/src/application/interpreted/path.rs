use crate::Untrusted;

/// The path that a process means, without asking the disk; `None` when that is not known.
///
/// A “..” behind a name stays: that name may be a link, and then it leads elsewhere than the text says. The working directory
/// comes from the kernel and has no links in it.
pub(super) fn resolve(path: &[u8], working_directory: Option<&Untrusted>) -> Option<Untrusted> {
    let text = Untrusted::from_bytes(path);
    let mut folders: Vec<&str> = match path {
        [] => return None,
        [b'/', ..] => Vec::new(),
        _ => components(working_directory?.as_raw().strip_prefix('/')?).collect(),
    };
    // How many of them are known to be no links.
    let mut real = Some(folders.len());
    for component in components(text.as_raw()) {
        match (component, real) {
            ("..", Some(_)) => {
                folders.pop();
                real = Some(folders.len());
            }
            _ => {
                folders.push(component);
                real = None;
            }
        }
    }
    Some(format!("/{}", folders.join("/")).into())
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|component| !matches!(*component, "" | "."))
}

/// Whether this is a name of a descriptor that the process has already: standard input, a pipe (`bash <(…)`).
pub(super) fn is_descriptor(path: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let folders: Vec<&str> = components(path).collect();
    match folders.as_slice() {
        ["dev", "stdin"] => true,
        ["dev", "fd", number] | ["proc", _, "fd", number] => is_number(number),
        ["proc", _, "task", _, "fd", number] => is_number(number),
        _ => false,
    }
}
