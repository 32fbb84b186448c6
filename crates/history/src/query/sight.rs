use std::ops::RangeInclusive;

use portolan_core::{Dimension, Uid};
use rusqlite::Connection;

use super::conditions::{self, About};
use crate::{
    ReadError,
    language::{Condition, Field, Filter, Wanted},
    scan::{Row, Set},
};

/// What somebody sees: the rows that fit their filter and are theirs.
#[derive(Debug)]
pub(crate) struct Sight {
    /// Only rows of these actors; `None` for all.
    actors: Option<Set>,
    /// Only rows of these peers; `None` for all.
    peers: Option<Set>,
    /// What is decided row by row.
    rest: Option<Rule>,
    asks: Asks,
    actors_end: u32,
    peers_end: u32,
    addresses_end: u32,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asks {
    actors: bool,
    peers: bool,
    locals: bool,
    ports: bool,
}

/// The ports of a row; 0 where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Ports {
    pub(crate) local: u16,
    pub(crate) remote: u16,
}

/// A filter over numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Actors(Set),
    Peers(Set),
    /// Local addresses.
    Locals(Set),
    Port(Side, RangeInclusive<i64>),
    Every(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Local,
    Remote,
}

impl Sight {
    /// Compiles a filter for a viewer (`None`: who may see everything).
    pub(crate) fn new(
        connection: &Connection,
        filter: &Filter,
        viewer: Option<Uid>,
    ) -> Result<Self, ReadError> {
        let largest = |sql| -> Result<u32, ReadError> {
            Set::end_after(connection.query_row(sql, [], |row| row.get(0))?)
        };
        let (actors_end, peers_end) =
            (largest("SELECT max(id) FROM actor")?, largest("SELECT max(id) FROM peer")?);
        let addresses_end = largest("SELECT max(id) FROM address")?;
        let compiler = Compiler { connection, actors_end, peers_end, addresses_end };
        let (mut actors, mut peers, mut rest) = (None, None, Vec::new());
        let narrow = |set: &mut Option<Set>, other: Set| {
            *set = Some(match set.take() {
                Some(set) => set.and(&other),
                None => other,
            });
        };
        let parts = match compiler.rule(filter)? {
            Rule::Every(parts) => parts,
            rule => vec![rule],
        };
        for part in parts {
            match part {
                Rule::Actors(set) => narrow(&mut actors, set),
                Rule::Peers(set) => narrow(&mut peers, set),
                other => rest.push(other),
            }
        }
        // Whatever was asked for: nobody sees beyond this.
        if let Some(viewer) = viewer {
            let mut own = Set::none(actors_end);
            conditions::of_user(connection, viewer, &mut own)?;
            narrow(&mut actors, own);
        }
        let rest = match rest.pop() {
            Some(only) if rest.is_empty() => Some(only),
            last => {
                rest.extend(last);
                (!rest.is_empty()).then_some(Rule::Every(rest))
            }
        };
        let mut asks = Asks { actors: actors.is_some(), peers: peers.is_some(), ..Asks::default() };
        if let Some(rest) = &rest {
            rest.asks(&mut asks);
        }
        Ok(Self { actors, peers, rest, asks, actors_end, peers_end, addresses_end })
    }

    /// Whether no row is hidden.
    pub(crate) fn sees_all(&self) -> bool {
        self.actors.is_none() && self.peers.is_none() && self.rest.is_none()
    }

    #[inline]
    pub(crate) fn sees(&self, row: &Row) -> bool {
        self.actors.as_ref().is_none_or(|actors| actors.has(row.actor))
            && self.peers.as_ref().is_none_or(|peers| peers.has(row.peer))
            && self.rest.as_ref().is_none_or(|rest| rest.holds(row))
    }

    /// No rows but of these actors are seen; `None`: of all.
    pub(crate) fn actors(&self) -> Option<&Set> {
        self.actors.as_ref()
    }

    /// The same of peers.
    pub(crate) fn peers(&self) -> Option<&Set> {
        self.peers.as_ref()
    }

    pub(crate) fn asks_actors(&self) -> bool {
        self.asks.actors
    }

    pub(crate) fn asks_peers(&self) -> bool {
        self.asks.peers
    }

    pub(crate) fn asks_locals(&self) -> bool {
        self.asks.locals
    }

    /// Whether it asks for what only buckets have.
    pub(crate) fn asks_ends(&self) -> bool {
        self.asks.locals || self.asks.ports
    }

    pub(crate) fn asks_ports(&self) -> bool {
        self.asks.ports
    }

    /// One more than the largest number of an actor.
    pub(crate) fn actors_end(&self) -> u32 {
        self.actors_end
    }

    /// One more than the largest number of a peer.
    pub(crate) fn peers_end(&self) -> u32 {
        self.peers_end
    }

    /// One more than the largest number of an address.
    pub(crate) fn addresses_end(&self) -> u32 {
        self.addresses_end
    }
}

impl Rule {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Actors(actors) => actors.has(row.actor),
            Self::Peers(peers) => peers.has(row.peer),
            Self::Locals(locals) => locals.has(row.local),
            Self::Port(Side::Local, range) => range.contains(&row.ports.local.into()),
            Self::Port(Side::Remote, range) => range.contains(&row.ports.remote.into()),
            Self::Every(rules) => rules.iter().all(|rule| rule.holds(row)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(row)),
            Self::Not(rule) => !rule.holds(row),
        }
    }

    fn asks(&self, asks: &mut Asks) {
        match self {
            Self::Actors(_) => asks.actors = true,
            Self::Peers(_) => asks.peers = true,
            Self::Locals(_) => asks.locals = true,
            Self::Port(..) => asks.ports = true,
            Self::Every(rules) | Self::Any(rules) => rules.iter().for_each(|rule| rule.asks(asks)),
            Self::Not(rule) => rule.asks(asks),
        }
    }
}

struct Compiler<'c> {
    connection: &'c Connection,
    actors_end: u32,
    peers_end: u32,
    addresses_end: u32,
}

impl Compiler<'_> {
    /// What is only about actors, or only about peers, becomes one set.
    fn rule(&self, filter: &Filter) -> Result<Rule, ReadError> {
        let rules = |filters: &[Filter]| {
            filters.iter().map(|filter| self.rule(filter)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match filter {
            Filter::Every(filters) => join(rules(filters)?, Rule::Every, Set::and),
            Filter::Any(filters) => any(rules(filters)?),
            Filter::Not(filter) => match self.rule(filter)? {
                Rule::Actors(set) => Rule::Actors(set.complement()),
                Rule::Peers(set) => Rule::Peers(set.complement()),
                Rule::Locals(set) => Rule::Locals(set.complement()),
                rule => Rule::Not(Box::new(rule)),
            },
            Filter::Has(condition) => self.condition(condition)?,
        })
    }

    fn condition(&self, condition: &Condition) -> Result<Rule, ReadError> {
        let Condition { field, wanted } = condition;
        let port = |side| match wanted {
            Wanted::NotKnown => Rule::Port(side, 0..=0),
            Wanted::Known => Rule::Port(side, 1..=i64::MAX),
            // What is not known is no number.
            Wanted::Number(range) => Rule::Port(side, (*range.start()).max(1)..=*range.end()),
            _ => Rule::Any(Vec::new()),
        };
        match field {
            Field::Of(Dimension::LocalPort) => return Ok(port(Side::Local)),
            Field::Of(Dimension::RemotePort) => return Ok(port(Side::Remote)),
            Field::AnyPort => {
                let both = vec![port(Side::Local), port(Side::Remote)];
                return Ok(if *wanted == Wanted::NotKnown { Rule::Every(both) } else { Rule::Any(both) });
            }
            _ => {}
        }
        // What is not known is all of which nothing is known.
        if *wanted == Wanted::NotKnown {
            let known = Condition { field: *field, wanted: Wanted::Known };
            return Ok(match self.condition(&known)? {
                Rule::Actors(set) => Rule::Actors(set.complement()),
                Rule::Peers(set) => Rule::Peers(set.complement()),
                Rule::Locals(set) => Rule::Locals(set.complement()),
                rule => Rule::Not(Box::new(rule)),
            });
        }
        let mut rules = Vec::new();
        for about in conditions::about(*field) {
            let mut set = Set::none(match about {
                About::Actors => self.actors_end,
                About::Peers => self.peers_end,
                About::Locals => self.addresses_end,
            });
            conditions::find(self.connection, *about, condition, &mut set)?;
            rules.push(match about {
                About::Actors => Rule::Actors(set),
                About::Peers => Rule::Peers(set),
                About::Locals => Rule::Locals(set),
            });
        }
        Ok(any(rules))
    }
}

/// One of several rules. A set without numbers is none, so that its column need not be read.
fn any(mut rules: Vec<Rule>) -> Rule {
    let is_none = |rule: &Rule| matches!(rule, Rule::Actors(set) | Rule::Peers(set) if set.is_empty());
    if !rules.iter().all(is_none) {
        rules.retain(|rule| !is_none(rule));
    }
    join(rules, Rule::Any, Set::or)
}

/// Several rules as one: the sets among them as one of each kind.
fn join(rules: Vec<Rule>, of: fn(Vec<Rule>) -> Rule, both: fn(Set, &Set) -> Set) -> Rule {
    let (mut actors, mut peers, mut joined): (Option<Set>, Option<Set>, Vec<Rule>) = (None, None, Vec::new());
    for rule in rules {
        match rule {
            Rule::Actors(set) => {
                actors = Some(actors.map_or_else(|| set.clone(), |actors| both(actors, &set)))
            }
            Rule::Peers(set) => peers = Some(peers.map_or_else(|| set.clone(), |peers| both(peers, &set))),
            other => joined.push(other),
        }
    }
    joined.extend(actors.map(Rule::Actors));
    joined.extend(peers.map(Rule::Peers));
    match joined.pop() {
        Some(only) if joined.is_empty() => only,
        last => {
            joined.extend(last);
            of(joined)
        }
    }
}
