use std::borrow::Cow;

use portolan_history::line::{FlowLine, Parent};

/// What a leaf of the table holds, and where a line has it.
#[derive(Clone, Copy)]
pub(super) enum Leaf {
    /// UTF-8, exactly as it was found.
    Text(fn(&FlowLine) -> Option<Cow<'_, str>>),
    /// A signed number of 64 bits. What does not fit is the greatest that does; the history has nothing greater.
    Number(fn(&FlowLine) -> Option<i64>),
    /// Milliseconds since 1970, marked as an instant in UTC.
    Instant(fn(&FlowLine) -> Option<i64>),
    /// Yes or no.
    Flag(fn(&FlowLine) -> Option<bool>),
    /// A text of each of those that started the program; both leaves follow one another.
    OfParents(&'static str, fn(&Parent) -> &str),
}

/// The leaves with the names of their columns, in the order of [`FlowLine`].
pub(super) const LEAVES: [(&str, Leaf); 36] = [
    ("start", Leaf::Instant(|line| Some(line.start_unix_ms))),
    ("start_unix_ms", Leaf::Number(|line| Some(line.start_unix_ms))),
    ("width_ms", Leaf::Number(|line| Some(line.width_ms.into()))),
    ("first_unix_ms", Leaf::Number(|line| Some(line.first_unix_ms))),
    ("last_unix_ms", Leaf::Number(|line| Some(line.last_unix_ms))),
    ("owner", Leaf::Text(|line| Some(Cow::from(&line.owner)))),
    ("application", Leaf::Text(|line| text(&line.application))),
    ("executable", Leaf::Text(|line| text(&line.executable))),
    ("sha256", Leaf::Text(|line| text(&line.sha256))),
    ("script", Leaf::Text(|line| text(&line.script))),
    ("script_sha256", Leaf::Text(|line| text(&line.script_sha256))),
    ("parents", Leaf::OfParents("path", |parent| &parent.path)),
    ("parents", Leaf::OfParents("sha256", |parent| &parent.sha256)),
    ("command_line", Leaf::Text(|line| text(&line.command_line))),
    ("uid", Leaf::Number(|line| line.uid.map(i64::from))),
    ("unit", Leaf::Text(|line| text(&line.unit))),
    ("container", Leaf::Text(|line| text(&line.container))),
    ("network_namespace", Leaf::Number(|line| line.network_namespace.map(i64::from))),
    ("protocol", Leaf::Text(|line| Some(Cow::from(&line.protocol)))),
    ("direction", Leaf::Text(|line| Some(Cow::from(&line.direction)))),
    ("local_address", Leaf::Text(|line| line.local_address.map(written))),
    ("local_port", Leaf::Number(|line| line.local_port.map(i64::from))),
    ("remote_address", Leaf::Text(|line| line.remote_address.map(written))),
    ("remote_port", Leaf::Number(|line| line.remote_port.map(i64::from))),
    ("domain", Leaf::Text(|line| text(&line.domain))),
    ("domain_source", Leaf::Text(|line| text(&line.domain_source))),
    ("domain_inferred", Leaf::Flag(|line| line.domain_inferred)),
    ("country", Leaf::Text(|line| text(&line.country))),
    ("asn", Leaf::Number(|line| line.asn.map(i64::from))),
    ("network", Leaf::Text(|line| text(&line.network))),
    ("range", Leaf::Text(|line| text(&line.range))),
    ("service_port", Leaf::Number(|line| line.service_port.map(i64::from))),
    ("service", Leaf::Text(|line| text(&line.service))),
    ("tx_bytes", Leaf::Number(|line| Some(count(line.tx_bytes)))),
    ("rx_bytes", Leaf::Number(|line| Some(count(line.rx_bytes)))),
    ("flows", Leaf::Number(|line| Some(count(line.flows)))),
];

/// The schema in Parquet's own words.
pub(super) fn schema() -> String {
    let mut schema = String::from("message history {");
    let mut list = None;
    for (name, leaf) in LEAVES {
        let of_parents = matches!(leaf, Leaf::OfParents(..));
        if list.is_some() && !of_parents {
            schema += " } } }";
            list = None;
        }
        schema += &match leaf {
            Leaf::Text(_) => format!(" optional binary {name} (STRING);"),
            Leaf::Number(_) => format!(" optional int64 {name};"),
            Leaf::Instant(_) => format!(" optional int64 {name} (TIMESTAMP(MILLIS,true));"),
            Leaf::Flag(_) => format!(" optional boolean {name};"),
            Leaf::OfParents(part, _) => {
                let head = format!(
                    " required group {name} (LIST) {{ repeated group list {{ required group element {{"
                );
                let head = if list.replace(name).is_none() { head } else { String::new() };
                format!("{head} required binary {part} (STRING);")
            }
        };
    }
    schema + " }"
}

fn text(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::from)
}

fn written(address: std::net::IpAddr) -> Cow<'static, str> {
    address.to_string().into()
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
