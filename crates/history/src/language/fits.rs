use std::net::{IpAddr, Ipv6Addr};

use portolan_core::Dimension;

use super::{Condition, Field, Wanted};

impl Condition {
    /// Whether a field whose values are texts may have this one; `None` is not known.
    ///
    /// Of an application, a path, a unit and a container, [`Wanted::Like`] may also be a name in it: `firefox` for
    /// `deb:firefox-esr:/usr/lib/firefox/firefox`, `bash` for `/usr/bin/bash`, `cron` for `cron.service`, `web` for `docker:web`.
    #[must_use]
    pub fn fits_text(&self, value: Option<&str>) -> bool {
        let (wanted, Some(value)) = (&self.wanted, value) else {
            return self.wanted == Wanted::NotKnown;
        };
        match wanted {
            Wanted::Known => true,
            Wanted::Like(pattern) => names(self.field, value).any(|name| pattern.fits(name)),
            Wanted::Below(domain) => {
                let above = value.strip_suffix(domain.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            Wanted::NotKnown | Wanted::Number(_) | Wanted::Network { .. } => false,
        }
    }

    /// Whether a field whose values are numbers may have this one; `None` is not known.
    #[must_use]
    pub fn fits_number(&self, value: Option<i64>) -> bool {
        match (&self.wanted, value) {
            (Wanted::NotKnown, None) | (Wanted::Known, Some(_)) => true,
            (Wanted::Number(range), Some(value)) => range.contains(&value),
            _ => false,
        }
    }

    /// Whether a field whose values are addresses may have this one; `None` is not known.
    #[must_use]
    pub fn fits_address(&self, value: Option<IpAddr>) -> bool {
        match (&self.wanted, value) {
            (Wanted::NotKnown, None) | (Wanted::Known, Some(_)) => true,
            (Wanted::Network { address, bits }, Some(value)) => {
                network(value.to_canonical(), *bits) == *address
            }
            _ => false,
        }
    }
}

/// The address of the network of so many bits that an address is in.
pub(super) fn network(address: IpAddr, bits: u8) -> IpAddr {
    let cut = |width: u8| width.saturating_sub(bits).into();
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(cut(32)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(cut(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// The value, and the names in it.
fn names(field: Field, value: &str) -> impl Iterator<Item = &str> {
    let more: Vec<&str> = match field {
        Field::Of(Dimension::Application) => application(value),
        Field::Of(Dimension::Executable | Dimension::Script | Dimension::Parent) | Field::Ancestor => {
            value.rsplit_once('/').map(|(_, name)| name).into_iter().collect()
        }
        Field::Of(Dimension::Container) => value.split_once(':').map(|(_, name)| name).into_iter().collect(),
        Field::Of(Dimension::Unit) => {
            let name = value.rsplit_once('/').map_or(value, |(_, name)| name);
            [name].into_iter().chain(name.rsplit_once('.').map(|(before, _)| before)).collect()
        }
        _ => Vec::new(),
    };
    [value].into_iter().chain(more)
}

/// What stands behind the kind: whole, its parts, the files' names; of a Flatpak's, the last label.
fn application(key: &str) -> Vec<&str> {
    let Some((kind, rest)) = key.split_once(':') else {
        return Vec::new();
    };
    let parts = rest.split(':').flat_map(|part| [Some(part), part.rsplit_once('/').map(|(_, name)| name)]);
    let label = (kind == "flatpak").then(|| rest.rsplit_once('.').map(|(_, label)| label));
    [Some(rest), label.flatten()].into_iter().chain(parts).flatten().collect()
}
