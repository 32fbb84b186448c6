//! Rows as a Parquet file.

use std::{collections::HashMap, fs::File, io, sync::Arc};

use parquet::{
    basic::Compression,
    data_type::{BoolType, ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};
use portolan_history::line::FlowLine;

use super::columns::{LEAVES, Leaf, schema};

/// What is kept in memory before it is written as a row group: so many rows, or so many bytes of texts.
const GROUP_ROWS: usize = 65_536;
const GROUP_TEXT_BYTES: usize = 16 << 20;

/// Writes rows in groups.
pub(super) struct Table {
    file: SerializedFileWriter<File>,
    group: Group,
}

impl Table {
    /// A file without rows.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("portolan ", env!("CARGO_PKG_VERSION")).to_owned());
        let schema = parse_message_type(&schema()).map_err(failed)?;
        let file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()));
        Ok(Self { file: file.map_err(failed)?, group: Group::default() })
    }

    /// Adds a row.
    pub(super) fn write(&mut self, line: &FlowLine) -> io::Result<()> {
        self.group.add(line);
        if self.group.rows >= GROUP_ROWS || self.group.texts.bytes >= GROUP_TEXT_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// The end of the file: without it, there are no rows in it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.group.rows > 0 {
            self.write_group()?;
        }
        self.file.finish().map(drop).map_err(failed)
    }

    fn write_group(&mut self) -> io::Result<()> {
        std::mem::take(&mut self.group).write(&mut self.file).map_err(failed)
    }
}

/// Rows that are not written yet, by column.
struct Group {
    rows: usize,
    columns: Vec<Column>,
    texts: Texts,
}

/// The values of a leaf, and of each row or parent whether it has one, and whether it belongs to the row of the one before.
#[derive(Default)]
struct Column {
    texts: Vec<usize>,
    numbers: Vec<i64>,
    flags: Vec<bool>,
    present: Vec<i16>,
    repeated: Vec<i16>,
}

impl Default for Group {
    fn default() -> Self {
        Self { rows: 0, columns: LEAVES.map(|_| Column::default()).into(), texts: Texts::default() }
    }
}

impl Group {
    fn add(&mut self, line: &FlowLine) {
        self.rows += 1;
        for (column, (_, leaf)) in self.columns.iter_mut().zip(&LEAVES) {
            let Column { texts, numbers, flags, present, repeated } = column;
            match leaf {
                Leaf::Text(of) => put(present, texts, of(line).map(|text| self.texts.number(&text))),
                Leaf::Number(of) | Leaf::Instant(of) => put(present, numbers, of(line)),
                Leaf::Flag(of) => put(present, flags, of(line)),
                Leaf::OfParents(_, of) if line.parents.is_empty() => {
                    put(present, texts, None);
                    repeated.push(0);
                }
                Leaf::OfParents(_, of) => {
                    for (place, parent) in line.parents.iter().enumerate() {
                        put(present, texts, Some(self.texts.number(of(parent))));
                        repeated.push((place > 0).into());
                    }
                }
            }
        }
    }

    fn write(self, file: &mut SerializedFileWriter<File>) -> Result<(), ParquetError> {
        let texts = self.texts.in_order();
        let mut group = file.next_row_group()?;
        for (column, (_, leaf)) in self.columns.iter().zip(&LEAVES) {
            let Some(mut writer) = group.next_column()? else { break };
            let present = Some(&*column.present);
            let repeated = Some(&*column.repeated).filter(|repeated| !repeated.is_empty());
            match leaf {
                Leaf::Text(_) | Leaf::OfParents(..) => {
                    let values: Vec<ByteArray> =
                        column.texts.iter().filter_map(|number| texts.get(*number).cloned()).collect();
                    writer.typed::<ByteArrayType>().write_batch(&values, present, repeated)?;
                }
                Leaf::Number(_) | Leaf::Instant(_) => {
                    writer.typed::<Int64Type>().write_batch(&column.numbers, present, repeated)?;
                }
                Leaf::Flag(_) => {
                    writer.typed::<BoolType>().write_batch(&column.flags, present, repeated)?;
                }
            }
            writer.close()?;
        }
        group.close().map(drop)
    }
}

fn put<T>(present: &mut Vec<i16>, values: &mut Vec<T>, value: Option<T>) {
    present.push(value.is_some().into());
    values.extend(value);
}

/// Each text once, with its number.
#[derive(Default)]
struct Texts {
    numbers: HashMap<Box<str>, usize>,
    bytes: usize,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len();
        self.bytes += text.len();
        self.numbers.insert(text.into(), number);
        number
    }

    fn in_order(self) -> Vec<ByteArray> {
        let mut texts: Vec<_> = self.numbers.into_iter().collect();
        texts.sort_unstable_by_key(|(_, number)| *number);
        texts.into_iter().map(|(text, _)| ByteArray::from(text.into_boxed_bytes().into_vec())).collect()
    }
}

/// What the disk or the reader said, as it said it.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests;
