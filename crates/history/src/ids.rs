use std::fmt;

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};

/// Declares a type for the row numbers of one table, so that the numbers of two tables cannot be swapped.
macro_rules! row_ids {
    ($($name:ident of $table:literal),* $(,)?) => {$(
        #[doc = concat!("The number of a row of `", $table, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    )*};
}

row_ids! {
    ActorId of "actor",
    AddressId of "address",
    ApplicationId of "application",
    DomainId of "domain",
    ExecutableId of "executable",
    LineageId of "lineage",
    PeerId of "peer",
    PlaceId of "place",
    TextId of "text",
}
