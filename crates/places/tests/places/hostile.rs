use std::{fs, time::Duration};

use portolan_places::{Places, PlacesError};

use crate::{address, asn, country, database, opened, operator};

const ASKED: [&str; 6] =
    ["8.8.8.8", "0.0.0.1", "223.255.255.255", "2a00::1", "2001:4860:4860::8888", "2002:808:808::"];

fn good() -> Vec<u8> {
    let names: Vec<String> = (1..200u8).map(|number| format!("{number}.{number}.0.0/16")).collect();
    let values: Vec<_> =
        (1..200u32).map(|number| [country("DE"), asn(number), operator(&number.to_string())]).collect();
    let networks: Vec<_> =
        names.iter().map(String::as_str).zip(values.iter().map(|value| value.as_slice())).collect();
    database(&networks)
}

/// Whatever was done to it: an answer or a refusal, and neither a crash nor a wait.
fn survives(dir: &std::path::Path, bytes: &[u8]) -> bool {
    let Ok(places) = opened(dir, bytes) else { return false };
    for of in ASKED {
        let _ = places.details_of(address(of));
    }
    let _ = places.sources();
    true
}

#[test]
fn a_truncated_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let good = good();
    assert!(survives(dir.path(), &good));
    for length in (0..good.len()).step_by(97).chain(good.len() - 200..good.len() - 1) {
        assert!(!survives(dir.path(), &good[..length]), "{length} of {}", good.len());
    }
}

#[test]
fn flipped_bits_and_huge_lengths_are_survived() {
    let dir = tempfile::tempdir().unwrap();
    let good = good();
    let mut random = fastrand::Rng::with_seed(5);
    let mut refused = 0;
    for round in 0..4000 {
        let mut bytes = good.clone();
        // The description of the database is at the end, the values before it.
        let from = if round % 2 == 0 { 0 } else { bytes.len() - 400 };
        for _ in 0..=random.usize(..8) {
            let at = random.usize(from..bytes.len());
            bytes[at] = if random.bool() {
                bytes[at] ^ (1 << random.u8(..8))
            } else {
                *random.choice(&[0, 0xff, 0x3f, 0xe0]).unwrap()
            };
        }
        refused += u32::from(!survives(dir.path(), &bytes));
    }
    assert!((100..3900).contains(&refused), "{refused} of 4000 were refused");
}

#[test]
fn what_is_no_database_of_places_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8]| opened(dir.path(), bytes).unwrap_err().to_string();
    for text in [refused(b""), refused(b"hello"), refused(&[0xff; 100_000])] {
        assert!(text.contains("test.mmdb is no database of places, or it is broken"), "{text}");
    }
    let other = refused(&database(&[("1.0.0.0/8", &[operator("no number")])]));
    assert!(other.contains("(GeoLite2-Test) has neither countries nor networks"), "{other}");
    assert!(refused(&database(&[])).contains("has neither"));
    let missing = Places::open(&[dir.path().join("nothing")], dir.path()).unwrap_err().to_string();
    assert!(missing.contains("there is no database of places at"), "{missing}");
    let folder = Places::open(&[dir.path()], dir.path()).unwrap_err().to_string();
    assert!(folder.contains("it is no regular file"), "{folder}");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let own = dir.path().to_owned();
    let (sender, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(Places::open(&[pipe], &own).map(drop)));
    let refused = answer.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(refused, Err(PlacesError::Read { .. })), "{refused:?}");
}

#[test]
fn a_file_that_is_cut_while_it_is_used_goes_on_to_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("places.mmdb");
    fs::write(&path, good()).unwrap();
    let places = Places::open(&[&path], dir.path()).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    places.rest();
    assert_eq!(places.place_of(address("8.8.8.8")).network.unwrap().asn, 8);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the copy has no name");
}
