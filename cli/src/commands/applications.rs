use portolan_bus::Application;
use portolan_core::{UnixMillis, Untrusted};
use serde_json::json;

use crate::{
    args, bus,
    failure::Failure,
    output,
    show::{
        clock::Clock,
        cut::Cut,
        provenance,
        table::{Cell, Column, Table},
    },
};

/// Lists the applications, newest first.
pub(crate) async fn run(options: &args::Applications, json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let mut applications = bus::daemon(&connection).await?.applications().await.map_err(bus::failed_call)?;
    if let Some(state) = options.state {
        applications.retain(|application| application.review == state.state().as_str());
    }
    if json {
        return output::json(&json!({ "applications": applications }));
    }
    if applications.is_empty() {
        return output::text("No applications.\n");
    }
    let terminal_width = output::terminal_width();
    let table = table(&applications, &Clock::read(), terminal_width);
    let count = applications.len();
    let plural = if count == 1 { "" } else { "s" };
    output::text(&format!("{}{count} application{plural}\n", table.render(terminal_width)))
}

fn table(applications: &[Application], clock: &Clock, terminal_width: Option<usize>) -> Table {
    let columns = vec![
        Column::text("REVIEW", Cut::Never),
        Column::text("APPLICATION", Cut::Middle),
        Column::text("PACKAGE", Cut::End).leaving(5),
        Column::text("SHA-256", Cut::Digits(12)).leaving(4),
        Column::number("HASHES").leaving(2),
        Column::number("FIRST").leaving(1),
        Column::number("LAST").leaving(3),
    ];
    let cell = |text: &str| Cell::from(&Untrusted::from(text));
    let rows = applications
        .iter()
        .map(|application| {
            vec![
                cell(&application.review),
                cell(&application.application),
                provenance::of_application(application),
                cell(&application.sha256),
                Cell::own(application.executables.to_string()),
                Cell::own(clock.for_table(UnixMillis(application.first_unix_ms), terminal_width)),
                Cell::own(clock.for_table(UnixMillis(application.last_unix_ms), terminal_width)),
            ]
        })
        .collect();
    Table { columns, rows }
}
