use std::{ffi::OsStr, time::Duration};

use portolan_bus::{Daemon1Proxy, Error};
use portolan_core::{ApplicationKey, ReviewState, Untrusted};
use serde_json::{Value, json};
use zbus::proxy::MethodFlags;

use crate::{
    args, bus,
    failure::{Failure, Kind},
    output,
};

/// How long a person may take to type a password.
const PERSON_WITHIN: Duration = Duration::from_secs(300);

/// Reviews each application; one that fails does not keep the others from it, unless all would fail the same way.
pub(crate) async fn run(options: &args::Review, json: bool) -> Result<(), Failure> {
    let state = options.decision.state();
    let given: Vec<Untrusted> = options.applications.iter().map(|argument| text(argument)).collect();
    let mut keys = Vec::with_capacity(given.len());
    for text in &given {
        keys.push(text.as_raw().parse::<ApplicationKey>()?);
    }
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let ask = !options.no_ask_password;

    let mut results: Vec<Value> = Vec::with_capacity(keys.len());
    let mut failures: Vec<Failure> = Vec::new();
    for key in keys {
        let shown = key.as_untrusted();
        match review_as_shown(&daemon, &key, state, ask).await {
            Ok(()) => {
                results.push(json!({ "application": shown.as_raw(), "review": state.as_str() }));
                if !json {
                    output::text(&format!("{}: {state}\n", shown.for_terminal()))?;
                }
            }
            Err(failure) => {
                results.push(json!({ "application": shown.as_raw(), "error": failure.as_json() }));
                let hopeless = matches!(failure.kind.exit_code(), 3 | 4);
                failures.push(failure);
                if hopeless {
                    break;
                }
            }
        }
    }
    finish(&results, failures, json)
}

/// Writes the JSON document. The first failure is the command's, the others are only said.
fn finish(results: &[Value], failures: Vec<Failure>, json: bool) -> Result<(), Failure> {
    let mut failures = failures.into_iter();
    let first = failures.next();
    failures.for_each(|failure| output::complain(failure.message()));
    if json {
        match &first {
            None => output::json(&json!({ "results": results }))?,
            Some(failure) => output::json(&json!({ "results": results, "error": failure.as_json() }))?,
        }
    }
    first.map_or(Ok(()), |failure| Err(failure.after_the_answer()))
}

/// Tells the daemon one answer. `ask` lets polkit ask the person for a password.
pub(crate) async fn review(
    daemon: &Daemon1Proxy<'_>,
    key: &str,
    state: ReviewState,
    ask: bool,
) -> Result<(), Failure> {
    let flags = if ask { MethodFlags::AllowInteractiveAuth.into() } else { Default::default() };
    let arguments = (key, state.as_str());
    let call = daemon.inner().call_with_flags::<_, _, ()>("Review", flags, &arguments);
    match tokio::time::timeout(PERSON_WITHIN, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(bus::failed_call(Error::from(error))),
        Err(_) => Err(bus::timed_out()),
    }
}

/// Takes a key also in the form in which it was shown, so that a name with an escape in it can be copied.
///
/// When that form means several applications, none is touched: one of them chose its name to be taken for another.
async fn review_as_shown(
    daemon: &Daemon1Proxy<'_>,
    key: &ApplicationKey,
    state: ReviewState,
    ask: bool,
) -> Result<(), Failure> {
    let given = key.as_untrusted().as_raw();
    if !given.contains("\\u{") {
        return review(daemon, given, state, ask).await;
    }
    let known = daemon.applications().await.map_err(bus::failed_call)?;
    let meant: Vec<&str> = known
        .iter()
        .map(|application| application.application.as_str())
        .filter(|known| *known == given || Untrusted::from(*known).for_terminal() == given)
        .collect();
    match meant.as_slice() {
        [] => review(daemon, given, state, ask).await,
        [one] => review(daemon, one, state, ask).await,
        _ => Err(Failure::new(
            Kind::Failed,
            format!(
                "{given} is how {} applications are shown, so nothing was changed. One of them chose its name to be \
                 taken for another: look at both with `portolan applications --json`",
                meant.len()
            ),
        )),
    }
}

/// A path is a name, as a shell completes it; a key is text, as it was shown.
fn text(argument: &OsStr) -> Untrusted {
    match argument.to_str().filter(|text| !text.starts_with('/')) {
        Some(key) => key.into(),
        None => Untrusted::from_bytes(argument.as_encoded_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_name_and_a_key_is_text() {
        assert_eq!(text(OsStr::new("/tmp/\\xff")).as_raw(), "/tmp/\\x5cxff");
        assert_eq!(text(OsStr::new("path:/tmp/\\xff")).as_raw(), "path:/tmp/\\xff");
    }
}
