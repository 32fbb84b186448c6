use portolan_bus::{AddressInfo, Application, Finding, LiveRow, LiveTick, Provenance, SeenName};

/// Something with texts that other programs chose.
///
/// A zero byte in a text makes the whole message invalid, nothing below checks for it, and a bus disconnects whoever sends
/// such a message: without this, one strange command line would cut the daemon off.
pub(super) trait Texts {
    /// All texts that are not the daemon's own.
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String>;

    /// Puts a space in the place of each zero byte, which separates the words of a command line.
    fn remove_zero_bytes(&mut self) {
        self.texts_mut().for_each(remove_zero_bytes);
    }
}

/// The same for one text.
pub(super) fn remove_zero_bytes(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', " ");
    }
}

impl Texts for Finding {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { application, path, parent_path, detail, evidence, .. } = self;
        [application, path, parent_path, detail, evidence].into_iter().flatten()
    }
}

impl Texts for Application {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { application, path, provenance, script, .. } = self;
        let of_script =
            script.as_mut().map(|script| [Some(&mut script.path), reason(&mut script.provenance)]);
        let own = [Some(application), Some(path), reason(provenance)];
        own.into_iter().chain(of_script.into_iter().flatten()).flatten()
    }
}

/// A package's texts are printable (`portolan_core::Package`).
fn reason(provenance: &mut Option<Provenance>) -> Option<&mut String> {
    provenance.as_mut().and_then(|provenance| provenance.reason.as_mut())
}

impl Texts for SeenName {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.application.iter_mut()
    }
}

/// Those of the database of places; the names it holds are each by themselves.
impl Texts for AddressInfo {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { country_name, network, city, .. } = self;
        [country_name, network, city].into_iter().flatten()
    }
}

impl Texts for LiveRow {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { application, path, parent_path, unit, container, .. } = self;
        [application, parent_path, unit, container].into_iter().flatten().chain([path])
    }
}

impl Texts for LiveTick {
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.rows.iter_mut().flat_map(Texts::texts_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_bytes_become_spaces_and_nothing_else_changes() {
        let mut seen = SeenName {
            domain: None,
            source: None,
            inferred: false,
            application: Some("curl\0-v\0ä".to_owned()),
            uid: None,
            tx_bytes: 0,
            rx_bytes: 0,
            last_unix_ms: 0,
        };
        seen.remove_zero_bytes();
        assert_eq!(seen.application.as_deref(), Some("curl -v ä"));
    }
}
