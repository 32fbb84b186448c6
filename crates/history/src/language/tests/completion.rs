use super::*;

/// The text with `|` at the cursor; what is replaced, and the offer.
fn at(marked: &str) -> (String, Offer) {
    let (before, behind) = marked.split_once('¦').unwrap();
    let text = format!("{before}{behind}");
    let Completion { replace, offer } = complete(&text, before.chars().count());
    (text.chars().skip(replace.start).take(replace.len()).collect(), offer)
}

fn fields(fields: &[&str]) -> Offer {
    Offer::Fields(fields.iter().map(|field| (*field).to_owned()).collect())
}

fn values(field: Field, prefix: &str) -> Offer {
    Offer::Values { field, prefix: prefix.to_owned() }
}

#[test]
fn what_the_cursor_is_in_is_completed() {
    let domain = Field::Of(Dimension::Domain);
    let words = |words: &[&'static str]| Offer::Words(words.to_vec());
    for (marked, replaced, offer) in [
        ("do¦", "do", fields(&["domain:"])),
        ("a Do¦ b", "Do", fields(&["domain:"])),
        ("!(hos¦)", "hos", fields(&["domain:"])),
        ("-hos¦", "hos", fields(&["domain:"])),
        ("do¦main:x", "domain:", fields(&["domain:"])),
        ("remote¦", "remote", fields(&["remote:", "remote_port:"])),
        ("local-p¦", "local-p", fields(&["local_port:"])),
        ("byt¦", "byt", fields(&["bytes>"])),
        ("xyz¦", "xyz", Offer::Nothing),
        ("\"do¦", "\"do", Offer::Nothing),
        ("日本 domain:ex¦", "ex", values(domain, "ex")),
        ("domain:ex¦ample.org b", "example.org", values(domain, "ex")),
        ("domain:¦", "", values(domain, "")),
        ("domain:a,b,ex¦,d", "ex", values(domain, "ex")),
        ("domain:\"a,b\"¦", "\"a,b\"", values(domain, "a,b")),
        ("app:\"My A¦ port:443", "\"My A", values(APP, "My A")),
        ("app:\"My A¦pp port:443", "\"My A", values(APP, "My A")),
        ("app:\"My A¦p,p\",b c", "\"My Ap,p\"", values(APP, "My A")),
        ("app:\"My A¦ \"free text\"", "\"My A", values(APP, "My A")),
        ("app:My\\ A¦", "My\\ A", values(APP, "My A")),
        ("container:docker:we¦", "docker:we", values(Field::Of(Dimension::Container), "docker:we")),
        ("app:*fi¦", "*fi", Offer::Nothing),
        ("port>4¦", "4", Offer::Nothing),
        ("text:a¦", "a", Offer::Nothing),
        ("nothing:a¦", "a", Offer::Nothing),
        ("state:un¦", "un", words(&["unreviewed"])),
        ("state:approved,¦", "", words(&["unreviewed", "approved", "ignored"])),
        ("owner:FILE-un¦", "FILE-un", words(&["file-unavailable", "file-unreadable"])),
        ("proto:t¦", "t", words(&["tcp"])),
        ("direction:¦", "", words(&["outbound", "inbound", "unknown"])),
        ("range:li¦", "li", words(&["link-local"])),
        ("on:t¦", "t", words(&["today"])),
        ("since:7¦", "7", words(&["7d"])),
        ("tx>1¦", "1", Offer::Nothing),
        ("or¦", "", Offer::Nothing),
    ] {
        assert_eq!(at(marked), (replaced.to_owned(), offer), "{marked}");
    }
}

#[test]
fn all_fields_are_offered_where_nothing_stands() {
    let Offer::Fields(all) = at("¦").1 else { panic!() };
    assert_eq!(all.len(), words::names().count());
    for marked in ["a ¦", "(¦", "!¦", "a |¦ b", "a or ¦"] {
        assert_eq!(at(marked), (String::new(), Offer::Fields(all.clone())), "{marked}");
    }
    for field in all {
        let value = if field.ends_with('>') { "1" } else { "*" };
        let text = if matches!(field.as_str(), "since:" | "until:" | "on:") {
            format!("{field}today")
        } else {
            format!("{field}{value}")
        };
        read(&text);
    }
}

#[test]
fn an_offer_that_is_taken_is_read() {
    let text = "app:\"My A port:443";
    let Completion { replace, .. } = complete(text, 9);
    let taken: String = text[..replace.start].to_owned() + &quoted("deb:My \"App\"") + &text[replace.end..];
    assert_eq!(
        read(&taken).filter,
        Filter::Every(vec![like(APP, &["deb:my \"app\""]), has(PORT, Wanted::Number(443..=443))])
    );
}

#[test]
fn a_cursor_behind_the_end_is_at_the_end() {
    assert_eq!(complete("do", 99).replace, 0..2);
}
