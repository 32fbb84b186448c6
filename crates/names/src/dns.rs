//! DNS answers: which addresses a name has.

mod stream;

use std::net::IpAddr;

use domain::{
    base::{
        Message, ParsedName, ParsedRecord, Rtype, ToName as _,
        iana::{Class, Opcode, Rcode},
    },
    rdata::{
        A, Aaaa, Cname, Https, Svcb,
        svcb::{
            SvcParams, SvcbRdata,
            value::{Ipv4Hint, Ipv6Hint},
        },
    },
};
use portolan_core::Domain;

pub use stream::Stream;

/// Records of a message that are looked at.
const MOST_RECORDS: usize = 64;
/// Names that one name may stand for; resolvers follow 11 or fewer.
const MOST_ALIASES: usize = 16;
/// Addresses of one answer.
const MOST_ADDRESSES: usize = 64;

/// What stands for whichever resolver is asked (RFC 9462), and so names nobody.
const ANY_RESOLVER: &str = "resolver.arpa";

/// What a DNS answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The number that the question had.
    pub id: u16,
    /// The name that was asked for.
    pub question: Domain,
    /// Its addresses, each once, and for how many seconds they are, by the shortest time on the way from the name. May be
    /// empty.
    pub addresses: Vec<(IpAddr, u32)>,
}

type Name<'a> = ParsedName<&'a [u8]>;
type Record<'a> = ParsedRecord<'a, [u8]>;

/// Reads an answer to one question for the addresses of a name (A, AAAA, HTTPS, SVCB, ANY). One that says that there is no such
/// name, or that the server failed, has none.
///
/// Addresses count that the name leads to over its aliases (CNAME, also those that stand for a DNAME; targets of HTTPS and
/// SVCB), in whatever order records come; not others in the same message. Of a message that is cut off, what is there.
/// The question of HTTPS and SVCB records is the name without what stands before it (`_8443._https`).
#[must_use]
pub fn answer(message: &[u8]) -> Option<Answered> {
    let message = Message::from_slice(message).ok()?;
    let header = message.header();
    if !header.qr() || header.opcode() != Opcode::QUERY {
        return None;
    }
    let Asked { name, domain, is_service } = asked(message)?;
    let records = records(message, is_service);
    let mut answered = Answered { id: header.id(), question: domain, addresses: Vec::new() };
    if header.rcode() != Rcode::NOERROR {
        return Some(answered);
    }
    for (name, ttl_seconds) in names(name, &records) {
        for record in records.iter().filter(|record| record.owner().name_eq(&name)) {
            let ttl_seconds = ttl_seconds.min(record.ttl().as_secs());
            for address in addresses(record) {
                answered.add(address, ttl_seconds);
            }
        }
    }
    Some(answered)
}

/// Reads a question for the addresses of a name, as [`answer`] does: its number, and the name.
#[must_use]
pub fn question(message: &[u8]) -> Option<(u16, Domain)> {
    let message = Message::from_slice(message).ok()?;
    let header = message.header();
    if header.qr() || header.opcode() != Opcode::QUERY {
        return None;
    }
    Some((header.id(), asked(message)?.domain))
}

/// What a message asks for, or answers.
struct Asked<'a> {
    name: Name<'a>,
    domain: Domain,
    is_service: bool,
}

fn asked(message: &Message<[u8]>) -> Option<Asked<'_>> {
    let question = message.sole_question().ok().filter(|question| question.qclass() == Class::IN)?;
    let is_service = match question.qtype() {
        Rtype::A | Rtype::AAAA | Rtype::ANY => false,
        Rtype::HTTPS | Rtype::SVCB => true,
        _ => return None,
    };
    let name = *question.qname();
    let domain = to_domain(&name, is_service).filter(|domain| domain.as_str() != ANY_RESOLVER)?;
    Some(Asked { name, domain, is_service })
}

impl Answered {
    fn add(&mut self, address: IpAddr, ttl_seconds: u32) {
        if self.addresses.len() < MOST_ADDRESSES && self.addresses.iter().all(|known| known.0 != address) {
            self.addresses.push((address, ttl_seconds));
        }
    }
}

/// The records of the answer; of a service also those that come beside it, where its target may have addresses.
fn records(message: &Message<[u8]>, is_service: bool) -> Vec<Record<'_>> {
    let answer = message.answer().into_iter().flatten();
    let beside = is_service.then(|| message.additional()).into_iter().flatten().flatten();
    let records = answer.chain(beside).flatten().take(MOST_RECORDS);
    records.filter(|record| record.class() == Class::IN).collect()
}

/// The names that `first` leads to, itself among them, each with the shortest time on the way.
fn names<'a>(first: Name<'a>, records: &[Record<'a>]) -> Vec<(Name<'a>, u32)> {
    let mut names = vec![(first, u32::MAX)];
    let mut next = 0;
    while let Some((name, ttl_seconds)) = names.get(next).copied() {
        next += 1;
        for record in records.iter().filter(|record| record.owner().name_eq(&name)) {
            if let Some(target) = target(record)
                && names.len() <= MOST_ALIASES
                && !names.iter().any(|known| known.0.name_eq(&target))
            {
                names.push((target, ttl_seconds.min(record.ttl().as_secs())));
            }
        }
    }
    names
}

/// The name that a record sends on to.
fn target<'a>(record: &Record<'a>) -> Option<Name<'a>> {
    match record.rtype() {
        Rtype::CNAME => Some(record.to_record::<Cname<_>>().ok()??.into_data().into_cname()),
        _ => service(record).map(|service| service.target).filter(|target| !target.is_root()),
    }
}

/// A HTTPS or SVCB record, which have the same layout.
struct Service<'a> {
    target: Name<'a>,
    parameters: SvcParams<&'a [u8]>,
}

fn service<'a>(record: &Record<'a>) -> Option<Service<'a>> {
    fn take<'a, Variant>(data: &SvcbRdata<Variant, &'a [u8], Name<'a>>) -> Service<'a> {
        Service { target: *data.target(), parameters: data.params().clone() }
    }
    match record.rtype() {
        Rtype::SVCB => Some(take(record.to_record::<Svcb<_, _>>().ok()??.data())),
        Rtype::HTTPS => Some(take(record.to_record::<Https<_, _>>().ok()??.data())),
        _ => None,
    }
}

fn addresses(record: &Record) -> Vec<IpAddr> {
    match record.rtype() {
        Rtype::A => {
            let address = record.to_record::<A>().ok().flatten();
            address.map(|record| record.data().addr().into()).into_iter().collect()
        }
        Rtype::AAAA => {
            let address = record.to_record::<Aaaa>().ok().flatten();
            address.map(|record| record.data().addr().into()).into_iter().collect()
        }
        _ => service(record).map(|service| hints(&service.parameters)).unwrap_or_default(),
    }
}

fn hints(parameters: &SvcParams<&[u8]>) -> Vec<IpAddr> {
    let (v4, v6) = (parameters.first::<Ipv4Hint<&[u8]>>(), parameters.first::<Ipv6Hint<&[u8]>>());
    let v4 = v4.iter().flat_map(|hint| hint.iter()).map(IpAddr::from);
    v4.chain(v6.iter().flat_map(|hint| hint.iter()).map(IpAddr::from)).collect()
}

/// The name as text; `None` for what is no domain.
fn to_domain(name: &Name, is_service: bool) -> Option<Domain> {
    let labels = name.iter().filter(|label| !label.is_root()).map(|label| label.as_slice());
    let labels: Vec<_> = labels.skip_while(|label| is_service && label.starts_with(b"_")).collect();
    // A dot within a label would make two of it.
    if labels.iter().any(|label| label.contains(&b'.')) {
        return None;
    }
    Domain::from_bytes(&labels.join(&b'.'))
}
