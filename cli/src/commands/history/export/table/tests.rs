use std::{fs::File, path::Path};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row},
};
use portolan_history::line::Parent;
use serde_json::{Map, Value, json};

use super::*;

fn object(row: &Row) -> Value {
    Value::Object(
        row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect::<Map<_, _>>(),
    )
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Long(number) | Field::TimestampMillis(number) => json!(number),
        Field::Str(text) => json!(text),
        Field::Group(row) => object(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("no column has {other:?}"),
    }
}

fn written(path: &Path, lines: &[FlowLine]) -> SerializedFileReader<File> {
    let mut table = Table::new(File::create(path).unwrap()).unwrap();
    lines.iter().for_each(|line| table.write(line).unwrap());
    table.finish().unwrap();
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

/// The JSON of a line is what its row holds, but for the first column, which is an instant.
fn expected(line: &FlowLine) -> Value {
    let mut object = serde_json::to_value(line).unwrap();
    object["start"] = json!(line.start_unix_ms);
    object
}

fn parent(path: &str) -> Parent {
    Parent { path: path.to_owned(), sha256: "ab".repeat(32) }
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let hostile = "=\"a\x1b[2J\0\r\n\u{202e}日,b";
    let lines = [
        FlowLine::default(),
        FlowLine {
            start: "2026-01-01T00:00:00.000Z".to_owned(),
            start_unix_ms: 1_767_225_600_000,
            owner: "program".to_owned(),
            executable: Some(hostile.to_owned()),
            command_line: Some(String::new()),
            parents: vec![parent(hostile), parent("/usr/bin/bash")],
            uid: Some(u32::MAX - 1),
            remote_address: Some("2001:db8::1".parse().unwrap()),
            remote_port: Some(443),
            domain_inferred: Some(false),
            tx_bytes: 1 << 50,
            ..FlowLine::default()
        },
        FlowLine { parents: vec![parent("/usr/bin/bash")], first_unix_ms: -1, ..FlowLine::default() },
    ];
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir.path().join("table"), &lines);
    let rows: Vec<Value> = file.get_row_iter(None).unwrap().map(|row| object(&row.unwrap())).collect();
    assert_eq!(rows, lines.each_ref().map(expected));
}

#[test]
fn a_table_without_rows_has_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir.path().join("table"), &[]);
    let schema = file.metadata().file_metadata().schema_descr();
    assert_eq!((file.num_row_groups(), schema.num_columns()), (0, LEAVES.len()));
}

#[test]
fn what_waits_in_memory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let many = vec![FlowLine { rx_bytes: 2, ..FlowLine::default() }; GROUP_ROWS + 1];
    let file = written(&dir.path().join("many"), &many);
    let rows = |file: &SerializedFileReader<File>| -> Vec<i64> {
        file.metadata().row_groups().iter().map(|group| group.num_rows()).collect()
    };
    assert_eq!(rows(&file), [i64::try_from(GROUP_ROWS).unwrap(), 1]);
    let long = |mark: char| FlowLine {
        command_line: Some(mark.to_string().repeat(GROUP_TEXT_BYTES / 2)),
        ..FlowLine::default()
    };
    let file = written(&dir.path().join("long"), &['a', 'a', 'b', 'c'].map(long));
    assert_eq!(rows(&file), [3, 1]);
}
