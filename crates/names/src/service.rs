use portolan_core::Protocol;

/// A line each: port, `t` and `u` for TCP and UDP, name. In order of ports.
const SERVICES: &str = include_str!("../data/services.txt");

/// IANA's name of a service over TCP or UDP: `https` of 443. It is what the port is registered for, not what is spoken.
#[must_use]
pub fn service(protocol: Protocol, port: u16) -> Option<&'static str> {
    let letter = match protocol {
        Protocol::Tcp => 't',
        Protocol::Udp => 'u',
        _ => return None,
    };
    from_port(port).find(|line| line.0 == port && line.1.contains(letter)).map(|line| line.2)
}

/// The lines from the first one of `port` on, up to a larger port.
fn from_port(port: u16) -> impl Iterator<Item = (u16, &'static str, &'static str)> {
    let text = SERVICES;
    // The first line of `port` begins at `low` or behind it, and not behind `high`; both are where lines begin.
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = text[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = text[middle..].find('\n').map_or(text.len(), |end| middle + end + 1);
        if parse(&text[start..end]).is_some_and(|line| line.0 < port) { low = end } else { high = start }
    }
    text[low..].lines().map_while(parse).take_while(move |line| line.0 == port)
}

fn parse(line: &'static str) -> Option<(u16, &'static str, &'static str)> {
    let mut words = line.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_ianas_names() {
        for (protocol, port, expected) in [
            (Protocol::Tcp, 443, Some("https")),
            (Protocol::Udp, 443, Some("https")),
            (Protocol::Tcp, 80, Some("http")),
            (Protocol::Tcp, 22, Some("ssh")),
            (Protocol::Udp, 53, Some("domain")),
            (Protocol::Tcp, 631, Some("ipp")),
            (Protocol::Udp, 5353, Some("mdns")),
            (Protocol::Tcp, 514, Some("shell")),
            (Protocol::Udp, 514, Some("syslog")),
            (Protocol::Tcp, 51820, None),
            (Protocol::Tcp, 0, None),
            (Protocol::Tcp, u16::MAX, None),
            (Protocol::Icmp, 22, None),
        ] {
            assert_eq!(service(protocol, port), expected, "{protocol:?} {port}");
        }
    }

    #[test]
    fn each_line_of_the_table_is_found() {
        let lines: Vec<_> = SERVICES.lines().map(|line| parse(line).expect(line)).collect();
        assert!(lines.is_sorted_by_key(|line| line.0) && lines.len() > 5000);
        for (port, letters, name) in lines {
            assert!(!letters.contains('t') || service(Protocol::Tcp, port) == Some(name), "{port}");
            assert!(!letters.contains('u') || service(Protocol::Udp, port) == Some(name), "{port}");
        }
    }
}
