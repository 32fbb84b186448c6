use portolan_core::Domain;

/// The part of a name that somebody registered: `example.co.uk` of `www.example.co.uk`, `x.github.io` of `a.x.github.io`.
///
/// By the public suffix list, also what owners of domains added to it for their customers, as browsers tell sites apart.
/// A top-level domain that it does not know counts as one (`printer.local`). `None` of a public suffix, and of a single label.
#[must_use]
pub fn registrable(domain: &Domain) -> Option<Domain> {
    Domain::from_bytes(psl::domain(domain.as_str().as_bytes())?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_registered() {
        for (name, expected) in [
            ("www.example.co.uk", Some("example.co.uk")),
            ("example.org", Some("example.org")),
            ("a.x.github.io", Some("x.github.io")),
            ("github.io", None),
            ("co.uk", None),
            ("localhost", None),
            ("a.b.printer.local", Some("printer.local")),
            // Rules with a star and with an exception.
            ("a.b.c.ck", Some("b.c.ck")),
            ("a.www.ck", Some("www.ck")),
            // 公司.cn
            ("www.a.xn--55qx5d.cn", Some("a.xn--55qx5d.cn")),
        ] {
            let domain = Domain::from_bytes(name.as_bytes()).expect("a domain");
            assert_eq!(registrable(&domain).as_ref().map(Domain::as_str), expected, "{name}");
        }
    }
}
