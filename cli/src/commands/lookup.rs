use std::{net::IpAddr, time::Duration};

use portolan_bus::{Access, AddressInfo, LookupResult, PlaceData, SeenName, SeenService};
use portolan_core::{ApplicationKey, NameSource, UnixMillis, Untrusted};
use serde::Serialize;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    args, bus,
    failure::Failure,
    output,
    show::{
        amount::{Precision::Rounded, bytes},
        clock::Clock,
        places::source,
        service::is_port,
        users::Users,
        wrap::wrap,
    },
};

/// How long the resolver may think about all addresses together.
const RESOLVER_PATIENCE: Duration = Duration::from_secs(5);

/// Says what is known of addresses.
pub(crate) async fn run(options: &args::Lookup, json: bool) -> Result<(), Failure> {
    let texts: Vec<String> = options.addresses.iter().map(ToString::to_string).collect();
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let words: Vec<&str> = texts.iter().map(String::as_str).collect();
    let result = daemon.lookup(&words).await.map_err(bus::failed_call)?;
    let reverse = if options.reverse { Some(reverse(&result.addresses).await) } else { None };
    if json {
        return output::json(&Answer::new(&result, reverse.as_deref()));
    }
    let mut page = Page { clock: Clock::read(), users: Users::default(), width: output::terminal_width() };
    output::text(&page.all(&result, reverse.as_deref()))
}

/// The names that the resolver has for addresses, in their order; none where it has none, or does not answer in time.
async fn reverse(addresses: &[AddressInfo]) -> Vec<Option<String>> {
    let mut names = vec![None; addresses.len()];
    let mut asked = JoinSet::new();
    for (at, info) in addresses.iter().enumerate() {
        if let Ok(address) = info.address.parse::<IpAddr>() {
            asked.spawn_blocking(move || (at, dns_lookup::lookup_addr(&address).ok()));
        }
    }
    let all = async {
        while let Some(answer) = asked.join_next().await {
            if let Ok((at, name)) = answer
                && let Some(place) = names.get_mut(at)
            {
                *place = name;
            }
        }
    };
    if timeout(RESOLVER_PATIENCE, all).await.is_err() {
        let seconds = RESOLVER_PATIENCE.as_secs();
        output::complain(&format!(
            "the resolver has not answered everything within {seconds} s; the rest is left out"
        ));
    }
    names
}

/// The JSON document.
#[derive(Serialize)]
struct Answer<'a> {
    access: Access,
    truncated: bool,
    places: &'a [PlaceData],
    addresses: Vec<Address<'a>>,
}

#[derive(Serialize)]
struct Address<'a> {
    #[serde(flatten)]
    info: &'a AddressInfo,
    /// Only there when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    reverse: Option<&'a Option<String>>,
}

impl<'a> Answer<'a> {
    fn new(result: &'a LookupResult, reverse: Option<&'a [Option<String>]>) -> Self {
        let addresses = result
            .addresses
            .iter()
            .enumerate()
            .map(|(at, info)| Address { info, reverse: reverse.and_then(|names| names.get(at)) });
        let LookupResult { access, truncated, places, .. } = result;
        Self { access: *access, truncated: *truncated, places, addresses: addresses.collect() }
    }
}

/// How much of one address a person is shown.
const NAMES_SHOWN: usize = 20;
const SERVICES_SHOWN: usize = 12;

/// What is said of the rest.
fn more(all: usize, shown: usize) -> Option<String> {
    all.checked_sub(shown).filter(|more| *more > 0).map(|more| format!("and {more} more (--json has all)"))
}

/// How it is written for a person.
struct Page {
    clock: Clock,
    users: Users,
    /// `None` for a file or a pipe.
    width: Option<usize>,
}

impl Page {
    fn all(&mut self, result: &LookupResult, reverse: Option<&[Option<String>]>) -> String {
        let mut page = String::new();
        for (at, info) in result.addresses.iter().enumerate() {
            page.push_str(&format!("{}\n", harmless(&info.address)));
            let reverse = reverse.map(|names| names.get(at).and_then(Option::as_deref));
            for line in self.address(info, reverse) {
                page.push_str(&(wrap(&format!("  {line}"), self.width, 4) + "\n"));
            }
        }
        let inferred = result.addresses.iter().flat_map(|info| &info.names).any(|name| name.inferred);
        let below = [
            inferred.then(|| "~ before a name: it may as well be another one.".to_owned()),
            result
                .truncated
                .then(|| "There is more than one answer holds; the largest are shown.".to_owned()),
            (result.access == Access::Own)
                .then(|| "Names and services are from your own traffic only.".to_owned()),
        ];
        let sources = result.places.iter().map(|places| source(places, &self.clock));
        for line in below.into_iter().flatten().chain(sources) {
            page.push_str(&(wrap(&line, self.width, 0) + "\n"));
        }
        page
    }

    /// What is known of an address; `reverse` is there when the resolver was asked, and holds what it had.
    fn address(&mut self, info: &AddressInfo, reverse: Option<Option<&str>>) -> Vec<String> {
        let mut lines = vec![place(info)];
        // Who says a name is what is asked for; both are by bytes otherwise.
        let mut names: Vec<_> = info.names.iter().collect();
        names.sort_by_key(|name| name.domain.is_none());
        lines.extend(names.iter().take(NAMES_SHOWN).map(|name| self.name(name)));
        lines.extend(more(names.len(), NAMES_SHOWN));
        let services = info.services.iter().take(SERVICES_SHOWN).map(service);
        let services: Vec<_> = services.chain(more(info.services.len(), SERVICES_SHOWN)).collect();
        if services.is_empty() {
            lines.push("nothing was seen to talk with it".to_owned());
        } else {
            lines.push(format!("spoken with it: {}", services.join(", ")));
        }
        lines.extend(reverse.map(|name| {
            let name = name.map_or_else(|| "no name".to_owned(), harmless);
            format!("reverse, asked now: {name}")
        }));
        lines
    }

    /// `example.org, said in TLS, by firefox as user alice: in 1.50 MB, out 2 B, last 14:05:09`.
    fn name(&mut self, seen: &SeenName) -> String {
        let mark = if seen.inferred { "~" } else { "" };
        let name = match &seen.domain {
            Some(domain) => format!("{mark}{}", harmless(domain)),
            None => "no name seen".to_owned(),
        };
        let source = seen.source.as_deref().map(|source| format!(", {}", how(source))).unwrap_or_default();
        let who = match &seen.application {
            Some(application) => {
                ApplicationKey::from_stored(application.as_str().into()).display_name().for_terminal()
            }
            None => "no known program".to_owned(),
        };
        let user = seen.uid.map(|uid| format!(" as user {}", self.users.name(uid))).unwrap_or_default();
        format!(
            "{name}{source}, by {who}{user}: in {}, out {}, last {}",
            bytes(seen.rx_bytes, Rounded),
            bytes(seen.tx_bytes, Rounded),
            self.clock.for_table(UnixMillis(seen.last_unix_ms), self.width)
        )
    }
}

/// `public, Berlin, Germany (DE), AS64496 Example, 52.50 13.40`.
fn place(info: &AddressInfo) -> String {
    let country = info.country.as_deref().map(harmless).map(|code| match &info.country_name {
        Some(name) => format!("{} ({code})", harmless(name)),
        None => code,
    });
    let network = info.asn.map(|asn| match &info.network {
        Some(name) => format!("AS{asn} {}", harmless(name)),
        None => format!("AS{asn}"),
    });
    let coordinates = info.latitude.zip(info.longitude);
    let parts = [
        Some(harmless(&info.range)),
        info.embedded.as_deref().map(|address| format!("with {} inside", harmless(address))),
        info.city.as_deref().map(harmless),
        country,
        network,
        coordinates.map(|(north, east)| format!("{north:.2} {east:.2}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How a name is known.
fn how(source: &str) -> String {
    match source.parse() {
        Ok(NameSource::Tls) => "said in TLS".to_owned(),
        Ok(NameSource::Quic) => "said in QUIC".to_owned(),
        Ok(NameSource::Http) => "said in HTTP".to_owned(),
        Ok(NameSource::Dns) => "from its DNS answer".to_owned(),
        Ok(NameSource::Application) => "from a DNS answer to the same application".to_owned(),
        Ok(NameSource::Resolver) => "from a DNS answer to a local resolver".to_owned(),
        Ok(NameSource::Hosts) => "from /etc/hosts".to_owned(),
        Ok(NameSource::Imported) => "imported from another recorder".to_owned(),
        Err(_) => harmless(source),
    }
}

fn service(seen: &SeenService) -> String {
    match &seen.service {
        Some(service) if seen.recognised => harmless(service),
        Some(service) if is_port(service) => harmless(service),
        Some(service) => format!("{} (by its port)", harmless(service)),
        None => "what has no port".to_owned(),
    }
}

fn harmless(text: &str) -> String {
    Untrusted::from(text).for_terminal()
}
