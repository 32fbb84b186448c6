//! The rows that stand on one page.

use rusqlite::types::Value;

use super::pages::{PAGE, Pages};
use crate::open::LARGEST;

/// A row as it is stored: its number, where it has one, and its values.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) id: Option<i64>,
    pub(super) values: Vec<Value>,
}

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Rows that should be there and cannot be read.
    pub(super) lost: u32,
}

/// The rows of a page; `None` when it is no page of a table at all.
pub(super) fn rows(pages: &Pages, number: u32) -> Option<Rows> {
    let page = pages.read(number)?;
    let start = if number == 1 { 100 } else { 0 };
    // Rows of a table with numbers stand in leaves (13), the others everywhere (10 and 2).
    let (pointers, before, is_numbered) = match page.get(start)? {
        13 => (8, 0, true),
        10 => (8, 0, false),
        2 => (12, 4, false),
        5 => return Some(Rows::default()),
        _ => return None,
    };
    let count = usize::from(u16::from_be_bytes([*page.get(start + 3)?, *page.get(start + 4)?]));
    let mut found = Rows::default();
    for pointer in page.get(start + pointers..)?.chunks_exact(2).take(count) {
        let at = usize::from(u16::from_be_bytes([*pointer.first()?, *pointer.get(1)?]));
        match page.get(at + before..).and_then(|cell| row(pages, cell, is_numbered)) {
            Some(row) => found.rows.push(row),
            None => found.lost += 1,
        }
    }
    Some(found)
}

fn row(pages: &Pages, mut cell: &[u8], is_numbered: bool) -> Option<Row> {
    let length =
        usize::try_from(i32::try_from(varint(&mut cell)?).ok().filter(|length| *length <= LARGEST)?).ok()?;
    let id = if is_numbered { Some(varint(&mut cell)?) } else { None };
    let most = if is_numbered { PAGE - 35 } else { (PAGE - 12) * 64 / 255 - 23 };
    let payload = if length <= most {
        cell.get(..length)?.to_vec()
    } else {
        let least = (PAGE - 12) * 32 / 255 - 23;
        let here = least + (length - least) % (PAGE - 4);
        let here = if here <= most { here } else { least };
        let mut payload = cell.get(..here)?.to_vec();
        let mut next = u32::from_be_bytes(cell.get(here..here + 4)?.try_into().ok()?);
        while payload.len() < length {
            let page = pages.read(next)?;
            next = u32::from_be_bytes(page.get(..4)?.try_into().ok()?);
            let rest = (length - payload.len()).min(PAGE - 4);
            payload.extend_from_slice(page.get(4..4 + rest)?);
        }
        payload
    };
    Some(Row { id, values: values(&payload)? })
}

fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let mut header = payload;
    let length = usize::try_from(varint(&mut header)?).ok()?;
    let mut kinds = payload.get(payload.len() - header.len()..length)?;
    let mut body = payload.get(length..)?;
    let mut values = Vec::new();
    while !kinds.is_empty() {
        values.push(value(varint(&mut kinds)?, &mut body)?);
    }
    body.is_empty().then_some(values)
}

fn value(kind: i64, body: &mut &[u8]) -> Option<Value> {
    let mut take = |length: usize| {
        let (taken, rest) = body.split_at_checked(length)?;
        *body = rest;
        Some(taken)
    };
    Some(match kind {
        0 => Value::Null,
        1..=6 => {
            let length = [1, 2, 3, 4, 6, 8][usize::try_from(kind - 1).ok()?];
            let bytes = take(length)?;
            let sign = if *bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
            let mut whole = [sign; 8];
            whole.get_mut(8 - length..)?.copy_from_slice(bytes);
            Value::Integer(i64::from_be_bytes(whole))
        }
        7 => Value::Real(f64::from_be_bytes(take(8)?.try_into().ok()?)),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        12.. => {
            let bytes = take(usize::try_from((kind - 12) / 2).ok()?)?.to_vec();
            if kind % 2 == 0 { Value::Blob(bytes) } else { Value::Text(String::from_utf8(bytes).ok()?) }
        }
        _ => return None,
    })
}

/// Seven bits of a byte each, the highest first; the ninth byte counts whole.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for place in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == 8 {
            number = number << 8 | u64::from(*byte);
            break;
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number.cast_signed())
}
