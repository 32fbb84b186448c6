//! Names of services.

use portolan_core::Protocol;

/// Whether it is a bare port (`tcp/12345`), which assumes nothing. There are names with a slash, too.
pub(crate) fn is_port(service: &str) -> bool {
    service
        .split_once('/')
        .is_some_and(|(protocol, port)| protocol.parse::<Protocol>().is_ok() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_is_no_port() {
        assert!(["tcp/12345", "udp/0"].into_iter().all(is_port));
        assert!(!["https", "EtherNet/IP-1", "tcp/ip", "a/1"].into_iter().any(is_port));
    }
}
