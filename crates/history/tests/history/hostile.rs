use std::sync::Arc;

use portolan_core::{
    ApplicationKey, Dimension, Evidence, FileContent, FindingKind, Owner, Provenance, ReviewState, Uid,
    UnixMillis, Untrusted,
};
use portolan_history::{Limits, NewFinding, Question, Record, Subject};

use crate::world::{Place, everything, executable, lineage, program, record};

fn texts() -> Vec<String> {
    vec![
        String::new(),
        "'; DROP TABLE traffic; --".to_owned(),
        "\"quoted\" `back` [bracket] %s ? ?1 :viewer @x $y".to_owned(),
        "/tmp/a\0b".to_owned(),
        "/tmp/a\0c".to_owned(),
        "/tmp/a".to_owned(),
        "\0".to_owned(),
        "/tmp/line\nbreak\r\n\t\u{1b}[31m".to_owned(),
        "/tmp/\u{202e}gnp.exe \u{feff}".to_owned(),
        Untrusted::from_bytes(b"/tmp/\xff\xfe").as_raw().to_owned(),
        "/tmp/A".to_owned(),
        "/tmp/a ".to_owned(),
        "x".repeat(10_240),
        format!("{}y", "x".repeat(10_240)),
        "123".to_owned(),
        "0x10".to_owned(),
        "NULL".to_owned(),
    ]
}

#[test]
fn texts_come_back_as_they_were() {
    let place = Place::new();
    let mut history = place.history();
    let texts = texts();
    let records: Vec<_> = texts
        .iter()
        .map(|text| Record {
            owner: program(&lineage(executable(text, 1), Some(lineage(executable(text, 2), None)))),
            command_line: Some(text.as_str().into()),
            ..record()
        })
        .collect();
    history.write(&records).unwrap();
    // A second time through the database instead of the memory.
    drop(history);
    let mut history = place.history();
    history.write(&records).unwrap();

    let by = vec![Dimension::Application, Dimension::Executable, Dimension::Parent, Dimension::Command];
    let rows = place.reader().answer(&Question { by, ..everything() }, &Limits::default()).unwrap().groups;
    assert_eq!(rows.len(), texts.len());
    for text in &texts {
        let row = rows.iter().find(|row| row.keys["command"] == *text).unwrap();
        assert_eq!(row.sum.bytes.tx, 200);
        assert_eq!([&row.keys["path"], &row.keys["executable"], &row.keys["parent_path"]], [text; 3]);
        assert_eq!(row.keys["application"], format!("path:{text}"));
    }
    assert_eq!(history.known_applications().unwrap().len(), texts.len());
    place.assert_sound();
}

#[test]
fn findings_and_reviews_of_hostile_names_work() {
    let place = Place::new();
    let mut history = place.history();
    for text in texts() {
        let executable = executable(&text, 1);
        let application = ApplicationKey::of_path(&executable);
        let subject = Subject {
            application: application.clone(),
            executable,
            previous_sha256: None,
            parent: Some(crate::world::executable(&text, 2)),
            uid: Uid(1000),
            remote: None,
            remote_name: None,
        };
        let (kind, detail) = (FindingKind::ChangedExecutable, text.clone());
        let raised = {
            let subject = Some(subject);
            let evidence = Evidence {
                script: Some(FileContent { path: text.as_str().into(), sha256: None }),
                ..Evidence::default()
            };
            let finding =
                NewFinding { subject, evidence, ..NewFinding::about_the_daemon(kind, UnixMillis(1), detail) };
            history.raise(&finding).unwrap()
        };
        let open = place.reader().findings(false, Some(Uid(1000))).unwrap();
        assert_eq!(open, std::slice::from_ref(&raised));
        let changed = history.review(&application, ReviewState::Ignored, Uid(0), UnixMillis(2)).unwrap();
        assert_eq!(changed[0].finding, raised.finding);
    }
    assert_eq!(place.reader().applications(Some(Uid(1000))).unwrap().len(), texts().len());
}

#[test]
fn a_chain_of_a_thousand_parents_is_stored() {
    let place = Place::new();
    let mut chain = lineage(executable("/sbin/init", 0), None);
    for content in 0..1000_u32 {
        let content = u8::try_from(content % 251).unwrap();
        chain = lineage(executable("/tmp/self", content), Some(chain));
    }
    let owner = Owner::Program {
        lineage: Arc::clone(&chain),
        application: "/tmp/self".parse().unwrap(),
        provenance: Arc::new(Provenance::not_looked_at()),
        code: None,
    };
    let mut history = place.history();
    history.write(&[Record { owner, ..record() }]).unwrap();
    let question = Question { by: vec![Dimension::Executable, Dimension::Parent], ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].keys["sha256"].starts_with(&format!("{:02x}", 999 % 251)));
    assert!(rows[0].keys["parent_sha256"].starts_with(&format!("{:02x}", 998 % 251)));
}
