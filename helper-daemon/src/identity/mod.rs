//! Which executable a process is, by the hash of what it executed, and who started it.
//!
//! Invariants: a hash is only ever of the descriptor that was executed, and only when the file did not change in between;
//! where that is not certain the answer is a reason, not a guess. Nothing is hashed on the thread that reads events.

mod app_image;
mod command_line;
mod evidence;
mod exec;
mod executed_file;
mod file;
mod hasher;
mod identifying;
mod image;
mod images;
mod machine_mounts;
mod origin;
mod pending_files;
mod placements;
mod process;
mod processes;
mod proof;
mod remembered;
mod root_folder;
mod script;
mod served;
mod stamp_clock;
mod turns;

pub use app_image::RememberedMount;
pub use exec::ExecNote;
pub(crate) use file::FileKey;
pub(crate) use hasher::content_of;
pub use hasher::{Hashed, Hasher};
pub(crate) use origin::UNANSWERED;
pub use origin::{Answer, Known, Origins, Provenances};
pub use process::{Identity, Process};
pub use processes::Processes;
pub use remembered::{ExecContent, Remembered};
pub(crate) use root_folder::{find_below, reopen};
pub use served::hash_input;
