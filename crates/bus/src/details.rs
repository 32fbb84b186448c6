use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

use crate::{Access, Application, Covered, Finding, Groups, PlaceData, Sum};

/// What is known of an application, an executable or a flow, from all of the history that the caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct DetailsResult {
    /// What it moved in all, first and last.
    pub total: Sum,
    /// Which time that is about.
    pub covered: Covered,
    /// The applications it is, or is of, with their review; the newest first.
    pub applications: Vec<Application>,
    /// How many more there are, for which there is no room.
    #[ts(type = "number")]
    pub applications_left_out: u64,
    /// By what it is summed up: `executables` over time (with `provenance` and `package`), `parents` that started it, `users`,
    /// `remotes` (by address, domain and country), `services`.
    #[ts(type = "Record<string, Groups>")]
    pub groups: BTreeMap<String, Groups>,
    /// What was found about it, answered or not, the newest first.
    pub findings: Vec<Finding>,
    /// How many more there are, for which there is no room.
    #[ts(type = "number")]
    pub findings_left_out: u64,
    /// Where countries come from.
    pub places: Vec<PlaceData>,
    /// Whose traffic it is.
    pub access: Access,
}
