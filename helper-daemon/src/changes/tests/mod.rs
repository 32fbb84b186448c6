//! With real files, marks and packages.

mod bed;
mod bounds;
mod contents;
mod filesystems;
mod names;
mod packages;
