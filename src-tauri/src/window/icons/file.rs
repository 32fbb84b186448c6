use std::{fs::OpenOptions, io::Read as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};

const FILE_MAX_BYTES: u64 = 256 * 1024;
/// A picture of few bytes may be one of many pixels.
const SIDE_MAX: u32 = 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// So far into a file its first element begins at the latest.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// A picture's file as an address that `<img>` takes: PNG or SVG, nothing else. Blocks.
pub(super) fn as_data(path: &Path) -> Option<String> {
    // A pipe is opened at once, and is no file.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_MAX_BYTES);
    let kind = kind(&bytes).filter(|_| fits)?;
    Some(format!("data:image/{kind};base64,{}", BASE64_STANDARD.encode(bytes)))
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(PNG) {
        let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let is_bounded = |side: u32| (1..=SIDE_MAX).contains(&side);
        return (is_bounded(side(16)?) && is_bounded(side(20)?)).then_some("png");
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let head = text.as_bytes().get(..HEAD_MAX_BYTES).unwrap_or(text.as_bytes());
    let is_svg = head.windows(4).any(|part| part == b"<svg") && head.trim_ascii_start().starts_with(b"<");
    // Entities can unfold without end.
    (is_svg && !text.contains("<!ENTITY")).then_some("svg+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let chunk = [&[0, 0, 0, 13][..], b"IHDR", &width.to_be_bytes(), &height.to_be_bytes()].concat();
        [PNG, &chunk].concat()
    }

    #[test]
    fn only_pictures_of_a_known_kind_and_size_pass() {
        let svg = b"<?xml version='1.0'?>\n<!-- c -->\n<svg xmlns='http://www.w3.org/2000/svg'/>";
        assert_eq!(kind(&png(48, 48)), Some("png"));
        assert_eq!(kind(svg), Some("svg+xml"));
        let entities = [b"<!DOCTYPE svg [<!ENTITY a 'aaaa'>]>".as_slice(), svg].concat();
        for hostile in [
            &png(60_000, 60_000)[..],
            &png(0, 1),
            PNG,
            b"",
            b"<html></html>",
            &entities,
            b"\xff<svg",
            b"text <svg",
        ] {
            assert_eq!(kind(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn what_is_no_file_or_too_long_is_left_out_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(as_data(&path), None);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, png(1, 1)).unwrap();
        assert!(as_data(&path).unwrap().starts_with("data:image/png;base64,iVBOR"));
        let mut long = png(1, 1);
        long.resize(usize::try_from(FILE_MAX_BYTES).unwrap() + 1, 0);
        std::fs::write(&path, long).unwrap();
        assert_eq!(as_data(&path), None);
    }
}
