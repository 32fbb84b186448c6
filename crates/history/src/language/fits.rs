use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use portolan_core::{ApplicationKey, Dimension};

use super::{Condition, Field, Wanted};

impl Condition {
    /// Whether a field whose values are texts may have this one; `None` is not known.
    /// [`Wanted::Like`] may be itself, or any of its [`Field::names_in`].
    #[must_use]
    pub fn fits_text(&self, value: Option<&str>) -> bool {
        let (wanted, Some(value)) = (&self.wanted, value) else {
            return self.wanted == Wanted::NotKnown;
        };
        match wanted {
            Wanted::Known => true,
            Wanted::Like(pattern) => {
                pattern.fits(value) || self.field.names_in(value).iter().any(|name| pattern.fits(name))
            }
            Wanted::Exactly(text) => text == value,
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

impl Field {
    /// What a value of this field answers to beside itself: the names in it.
    ///
    /// `deb:firefox-esr:/usr/lib/firefox/firefox` is also `firefox` (as people see it), `firefox-esr` and its path, `/usr/bin/bash` is
    /// `bash`, `cron.service` is `cron`, `docker:web` is `web`.
    #[must_use]
    pub fn names_in(self, value: &str) -> Vec<Cow<'_, str>> {
        let mut names = Vec::new();
        match self {
            Self::Of(Dimension::Application) => names.extend(application(value)),
            Self::Of(Dimension::Executable | Dimension::Script | Dimension::Parent) | Self::Ancestor => {
                names.extend(value.rsplit_once('/').map(|(_, name)| name.into()));
            }
            Self::Of(Dimension::Container) => {
                names.extend(value.split_once(':').map(|(_, name)| name.into()));
            }
            Self::Of(Dimension::Unit) => {
                let name = value.rsplit_once('/').map_or(value, |(_, name)| name);
                names.push(name.into());
                names.extend(name.rsplit_once('.').map(|(before, _)| before.into()));
            }
            _ => {}
        }
        names
    }
}

/// Names of an application. An interpreter's and an image's are not those of what runs there.
fn application(key: &str) -> Vec<Cow<'_, str>> {
    let shown = ApplicationKey::from_stored(key.into()).display_name().as_raw().to_owned();
    let mut names = vec![];
    // `x.py (python3)`
    names.extend(shown.split_once(" (").map(|(name, _)| Cow::Owned(name.to_owned())));
    names.push(shown.into());
    let Some((kind, rest)) = key.split_once(':') else {
        return names;
    };
    match (kind, rest.split_once(':')) {
        ("script" | "elsewhere" | "container", Some((_, what))) => names.push(what.into()),
        (_, parts) => {
            names.push(rest.into());
            names.extend(parts.into_iter().flat_map(|(first, second)| [first.into(), second.into()]));
        }
    }
    if kind == "flatpak" {
        names.extend(rest.rsplit_once('.').map(|(_, label)| label.into()));
    }
    names
}
