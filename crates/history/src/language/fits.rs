use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use portolan_core::Dimension;

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
            Wanted::Below(domain) => domain.is_above(value),
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
    /// What a value of this field answers to beside itself (see [`Dimension::names_in`]); what stands above a program is told as
    /// programs are.
    #[must_use]
    pub fn names_in(self, value: &str) -> Vec<Cow<'_, str>> {
        match self {
            Self::Of(dimension) => dimension.names_in(value),
            Self::Ancestor => Dimension::Executable.names_in(value),
            _ => Vec::new(),
        }
    }
}
