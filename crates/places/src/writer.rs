//! Writes a database: for `cargo xtask geo-update`, and for tests.
//!
//! The format is MaxMind DB 2.0 (<https://maxmind.github.io/MaxMind-DB/>): a binary tree of an address' bits, whose leaves point
//! to values. Equal values are written once, and so are equal branches of the tree.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

use foldhash::{HashMap, HashMapExt as _};

/// What stands between the tree and the values.
const SEPARATOR: [u8; 16] = [0; 16];
/// What the description of the database begins with.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// What is known of a network, or a part of it.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number such as that of an AS.
    Number(u32),
    /// A coordinate.
    Decimal(f64),
    /// Values by name.
    Map(Vec<(&'static str, Value)>),
    /// What only the description of the database holds.
    Short(u16),
    /// Seconds since 1970.
    Seconds(u64),
    /// Languages.
    List(Vec<Value>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The tree and the values have more entries than the format can number.
#[derive(Debug, thiserror::Error)]
#[error("there are too many networks for one database ({0} bytes of tree and values)")]
pub struct TooLarge(usize);

/// A database that is being made.
#[derive(Debug, Default)]
pub struct Writer {
    /// By first address and length of the prefix; IPv4 is `::/96`.
    networks: BTreeMap<(u128, u8), u32>,
    values: Values,
}

impl Writer {
    /// Says what is known of a network. Smaller ones inside it have their own values instead, not besides.
    ///
    /// # Errors
    /// Too many values.
    pub fn insert(&mut self, first: IpAddr, prefix: u8, value: &Value) -> Result<(), TooLarge> {
        let (first, prefix) = match first {
            IpAddr::V4(first) => (u128::from(first.to_bits()), prefix.saturating_add(96)),
            IpAddr::V6(first) => (first.to_bits(), prefix),
        };
        let prefix = prefix.min(128);
        let kept = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
        let value = self.values.whole(value)?;
        self.networks.insert((first & kept, prefix), value);
        Ok(())
    }

    /// The bytes of the database. `kind` says which fields it has, `built` is the date of its data in seconds since 1970.
    ///
    /// # Errors
    /// Too many networks.
    pub fn finish(self, kind: &str, description: &str, built: u64) -> Result<Vec<u8>, TooLarge> {
        let networks: Vec<Entry> = self
            .networks
            .into_iter()
            .map(|((first, prefix), value)| Entry { first, prefix, value })
            .collect();
        let mut tree = Tree::default();
        let root = tree.branch(&networks, 0, 0, Child::Nothing);
        let nodes = tree.in_order(root);
        let largest = nodes.len() + SEPARATOR.len() + self.values.bytes.len();
        let count = u32::try_from(nodes.len()).map_err(|_| TooLarge(largest))?;
        let record_size: u16 = match largest {
            ..0x100_0000 => 24,
            0x100_0000..0x1000_0000 => 28,
            _ => return Err(TooLarge(largest)),
        };
        let mut bytes = Vec::with_capacity(nodes.len() * 7 + self.values.bytes.len());
        for node in &nodes {
            let [left, right] = node.map(|child| match child {
                Child::Nothing => count,
                Child::Node(number) => number,
                // `largest` fits into 28 bits.
                Child::Value(offset) => count + 16 + offset,
            });
            let ([l3, l2, l1, l0], [r3, r2, r1, r0]) = (left.to_be_bytes(), right.to_be_bytes());
            match record_size {
                24 => bytes.extend([l2, l1, l0, r2, r1, r0]),
                _ => bytes.extend([l2, l1, l0, l3 << 4 | r3, r2, r1, r0]),
            }
        }
        bytes.extend(SEPARATOR);
        bytes.extend(self.values.bytes);
        bytes.extend(MARKER);
        put_whole(
            &mut bytes,
            &Value::Map(vec![
                ("binary_format_major_version", Value::Short(2)),
                ("binary_format_minor_version", Value::Short(0)),
                ("build_epoch", Value::Seconds(built)),
                ("database_type", Value::text(kind)),
                ("description", Value::Map(vec![("en", Value::text(description))])),
                ("ip_version", Value::Short(6)),
                ("languages", Value::List(vec![Value::text("en")])),
                ("node_count", Value::Number(count)),
                ("record_size", Value::Short(record_size)),
            ]),
        );
        Ok(bytes)
    }
}

/// A network and where its value is.
struct Entry {
    first: u128,
    prefix: u8,
    value: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Child {
    Nothing,
    Node(u32),
    Value(u32),
}

/// The nodes, each pair of children once.
#[derive(Default)]
struct Tree {
    nodes: Vec<[Child; 2]>,
    numbers: HashMap<[Child; 2], u32>,
}

impl Tree {
    /// The branch at `first`/`depth`, where `networks` are those inside it, sorted, and `outer` is what holds around them.
    fn branch(&mut self, networks: &[Entry], first: u128, depth: u8, mut outer: Child) -> Child {
        let mut inside = networks;
        if let Some((own, rest)) = inside.split_first().filter(|(own, _)| own.prefix == depth) {
            (outer, inside) = (Child::Value(own.value), rest);
        }
        if inside.is_empty() && depth > 0 {
            return outer;
        }
        // What is inside has a longer prefix, so there is a bit left to ask for.
        let middle = first | (1 << (127 - depth));
        let (left, right) = inside.split_at(inside.partition_point(|entry| entry.first < middle));
        let children =
            [self.branch(left, first, depth + 1, outer), self.branch(right, middle, depth + 1, outer)];
        let [left, right] = children;
        if left == right && depth > 0 && !matches!(left, Child::Node(_)) {
            return left;
        }
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(children).or_insert(next);
        if number == next {
            self.nodes.push(children);
        }
        Child::Node(number)
    }

    /// The nodes, so that what is asked together stands together, and the file can be compressed well: branches of 16 bits one
    /// after the other, each of them bit by bit.
    fn in_order(&self, root: Child) -> Vec<[Child; 2]> {
        const BITS: u8 = 16;
        let mut numbers: HashMap<u32, u32> = HashMap::with_capacity(self.nodes.len());
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut branches = VecDeque::from([(root, 0)]);
        while let Some(branch) = branches.pop_front() {
            let mut waiting = VecDeque::from([branch]);
            while let Some((child, depth)) = waiting.pop_front() {
                let Child::Node(old) = child else { continue };
                let Some(children) = self.nodes.get(index(old)).filter(|_| !numbers.contains_key(&old))
                else {
                    continue;
                };
                numbers.insert(old, u32::try_from(order.len()).unwrap_or(u32::MAX));
                order.push(*children);
                let queue = if (depth + 1) % BITS == 0 { &mut branches } else { &mut waiting };
                queue.extend(children.map(|child| (child, depth + 1)));
            }
        }
        let new = |child| match child {
            Child::Node(old) => Child::Node(numbers.get(&old).copied().unwrap_or_default()),
            other => other,
        };
        order.into_iter().map(|children| children.map(new)).collect()
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The section of values.
#[derive(Debug, Default)]
struct Values {
    bytes: Vec<u8>,
    /// Where what was written stands, by its bytes.
    places: HashMap<Vec<u8>, u32>,
}

impl Values {
    /// Where a value stands, for a leaf of the tree.
    fn whole(&mut self, value: &Value) -> Result<u32, TooLarge> {
        let mut own = Vec::new();
        match value {
            Value::Map(entries) => {
                put_size(&mut own, 7, entries.len());
                for (name, value) in entries {
                    self.part(&mut own, &Value::text(name))?;
                    self.part(&mut own, value)?;
                }
            }
            other => put_whole(&mut own, other),
        }
        if let Some(place) = self.places.get(&own) {
            return Ok(*place);
        }
        let place = u32::try_from(self.bytes.len()).map_err(|_| TooLarge(self.bytes.len()))?;
        self.bytes.extend(&own);
        self.places.insert(own, place);
        Ok(place)
    }

    /// Writes a part of a value: texts and maps as a pointer to where they stand.
    fn part(&mut self, own: &mut Vec<u8>, value: &Value) -> Result<(), TooLarge> {
        match value {
            Value::Text(_) | Value::Map(_) => {
                let place = self.whole(value)?;
                put_pointer(own, place);
            }
            other => put_whole(own, other),
        }
        Ok(())
    }
}

fn put_pointer(bytes: &mut Vec<u8>, place: u32) {
    const SHORT: u32 = 1 << 11;
    const MIDDLE: u32 = SHORT + (1 << 19);
    const LONG: u32 = MIDDLE + (1 << 27);
    let (kind, place, length) = match place {
        ..SHORT => (0x20, place, 1),
        SHORT..MIDDLE => (0x28, place - SHORT, 2),
        MIDDLE..LONG => (0x30, place - MIDDLE, 3),
        _ => (0x38, place, 4),
    };
    let all = u64::from(place).to_be_bytes();
    let (high, low) = all.split_at(8 - length);
    bytes.push(kind | high.last().filter(|_| length < 4).copied().unwrap_or(0));
    bytes.extend(low);
}

/// Writes a value without pointers.
fn put_whole(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => {
            put_size(bytes, 2, text.len());
            bytes.extend(text.as_bytes());
        }
        Value::Decimal(number) => {
            put_size(bytes, 3, 8);
            bytes.extend(number.to_be_bytes());
        }
        Value::Short(number) => put_number(bytes, 5, &number.to_be_bytes()),
        Value::Number(number) => put_number(bytes, 6, &number.to_be_bytes()),
        Value::Seconds(number) => put_number(bytes, 9, &number.to_be_bytes()),
        Value::Map(entries) => {
            put_size(bytes, 7, entries.len());
            for (name, value) in entries {
                put_whole(bytes, &Value::text(name));
                put_whole(bytes, value);
            }
        }
        Value::List(values) => {
            put_size(bytes, 11, values.len());
            values.iter().for_each(|value| put_whole(bytes, value));
        }
    }
}

/// Numbers are written without the zeros in front.
fn put_number(bytes: &mut Vec<u8>, kind: u8, number: &[u8]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    put_size(bytes, kind, number.len() - zeros);
    bytes.extend(&number[zeros..]);
}

/// What kind of value comes, and how long it is. Longer ones than 64 KiB are cut by no one: texts of databases are names.
fn put_size(bytes: &mut Vec<u8>, kind: u8, size: usize) {
    let (first, further) = match size {
        ..29 => (size, None),
        29..285 => (29, Some((size - 29, 1))),
        285..65_821 => (30, Some((size - 285, 2))),
        _ => (31, Some((size - 65_821, 3))),
    };
    let first = u8::try_from(first).unwrap_or(31);
    match kind {
        ..8 => bytes.push(kind << 5 | first),
        _ => bytes.extend([first, kind - 7]),
    }
    if let Some((rest, length)) = further {
        let all = u64::try_from(rest).unwrap_or(u64::MAX).to_be_bytes();
        bytes.extend(&all[8 - length..]);
    }
}
