use serde_json::json;

use crate::{args, bus, failure::Failure, output};

/// Ends learning.
pub(crate) async fn run(options: &args::Learning, json: bool) -> Result<(), Failure> {
    let args::Learning { action: args::LearningAction::End } = options;
    let connection = bus::connect().await?;
    bus::daemon(&connection).await?.end_learning().await.map_err(bus::failed_call)?;
    if json {
        return output::json(&json!({ "learning": "ended" }));
    }
    output::text("Learning has ended. What was learned is in `portolan findings`.\n")
}
