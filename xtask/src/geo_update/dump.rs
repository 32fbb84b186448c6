//! Reads what `location dump` prints, and makes a database of it.

use std::{collections::HashMap, io::BufRead, net::IpAddr};

use anyhow::{Context as _, bail};
use jiff::fmt::rfc2822::DateTimeParser;
use portolan_core::Range;
use portolan_places::{ATTRIBUTION, OWN_KIND, Value, Writer, range_of};

/// Fewer networks or names than these, and something went wrong.
const LEAST: usize = 100_000;

/// What a dump was made into.
pub(super) struct Made {
    pub(super) database: Vec<u8>,
    /// When the data were put together.
    pub(super) date: jiff::Zoned,
    pub(super) networks: usize,
}

/// A network as the dump has it.
#[derive(Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix: u8,
    country: Option<String>,
    asn: Option<u32>,
}

/// Everything in a dump.
#[derive(Default)]
struct Dump {
    date: Option<jiff::Zoned>,
    names: HashMap<u32, String>,
    networks: Vec<Network>,
}

/// Makes a database of a dump.
///
/// # Errors
/// A line that is not understood, or too little data.
pub(super) fn database(text: impl BufRead) -> anyhow::Result<Made> {
    let dump = Dump::read(text)?;
    let date = dump.date.clone().context("the dump does not say when it was generated")?;
    let seconds = u64::try_from(date.timestamp().as_second()).context("the dump is older than 1970")?;
    let (networks, named) = (dump.networks.len(), dump.names.len());
    if networks < LEAST || named < LEAST / 2 {
        bail!("the dump has {networks} networks and {named} names: that is too little to be all");
    }
    let database = dump.write()?.finish(OWN_KIND, ATTRIBUTION, seconds)?;
    Ok(Made { database, date, networks })
}

impl Dump {
    fn read(text: impl BufRead) -> anyhow::Result<Self> {
        let mut dump = Self::default();
        let mut asn = None;
        let mut in_network = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.context("cannot read the dump")?;
            dump.line(&line, &mut asn, &mut in_network)
                .with_context(|| format!("line {} of the dump is not understood: {line:?}", number + 1))?;
        }
        Ok(dump)
    }

    /// One line: `key: value`; an empty one ends an AS or a network.
    fn line(&mut self, line: &str, asn: &mut Option<u32>, in_network: &mut bool) -> anyhow::Result<()> {
        if let Some(date) = line.strip_prefix("# Generated:") {
            self.date = Some(DateTimeParser::new().parse_zoned(date.trim())?);
        }
        let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with('#')) else {
            (*asn, *in_network) = (None, false);
            return Ok(());
        };
        let value = value.trim();
        let network = if *in_network { self.networks.last_mut() } else { None };
        match (key, network) {
            ("net", _) => {
                let (first, prefix) = value.split_once('/').context("a network has a length")?;
                let (first, prefix) = (first.parse()?, prefix.parse()?);
                self.networks.push(Network { first, prefix, country: None, asn: None });
                *in_network = true;
            }
            ("aut-num", network) => {
                let number = value.strip_prefix("AS").unwrap_or(value).parse()?;
                match network {
                    Some(network) => network.asn = Some(number),
                    None => *asn = Some(number),
                }
            }
            ("name", None) => {
                self.names.insert(asn.context("a name of nothing")?, value.to_owned());
            }
            ("country", Some(network)) => network.country = Some(value.to_owned()),
            // What else is known: anycast, satellites, networks to be dropped.
            _ => {}
        }
        Ok(())
    }

    /// Special ranges are left out, because nobody looks them up.
    fn write(self) -> anyhow::Result<Writer> {
        let mut writer = Writer::default();
        for network in &self.networks {
            if range_of(network.first) != (Range::Public, None) {
                continue;
            }
            let mut value = Vec::new();
            if let Some(country) = &network.country {
                value.push(("country", Value::Map(vec![("iso_code", Value::text(country))])));
            }
            if let Some(asn) = network.asn {
                value.push(("autonomous_system_number", Value::Number(asn)));
                let name =
                    self.names.get(&asn).map(|name| ("autonomous_system_organization", Value::text(name)));
                value.extend(name);
            }
            writer.insert(network.first, network.prefix, &Value::Map(value))?;
        }
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "# Generated: Sat, 22 Aug 2026 04:36:09 GMT\n\naut-num: AS1\nname:    A: B\n\nnet: 1.0.0.0/24\n\
        country: AU\naut-num: 1\nis-anycast: yes\n\nnet: 2a00::/32\ncountry: DE\n";

    fn network(first: &str, prefix: u8, country: &str, asn: Option<u32>) -> Network {
        Network { first: first.parse().unwrap(), prefix, country: Some(country.into()), asn }
    }

    #[test]
    fn a_dump_is_read() {
        let dump = Dump::read(DUMP.as_bytes()).unwrap();
        assert_eq!(dump.date.unwrap().timestamp().as_second(), 1_787_373_369);
        assert_eq!(dump.names, HashMap::from([(1, "A: B".to_owned())]));
        let expected = [network("1.0.0.0", 24, "AU", Some(1)), network("2a00::", 32, "DE", None)];
        assert_eq!(dump.networks, expected);
    }

    #[test]
    fn what_is_not_understood_is_named_and_too_little_is_refused() {
        let refused = |text: &str| format!("{:#}", database(text.as_bytes()).err().unwrap());
        assert!(refused("\nnet: x/24\n").contains("line 2 of the dump is not understood"));
        assert!(refused(DUMP).contains("2 networks and 1 names"));
    }
}
