use std::ffi::OsStr;

use portolan_bus::{Application, Daemon1Proxy, Error};
use portolan_core::{ApplicationKey, ReviewState, Untrusted};
use serde_json::{Value, json};
use zbus::proxy::MethodFlags;

use crate::{
    args, bus,
    failure::{Failure, Kind},
    output,
};

mod file;

/// Keys that a sentence lists.
const LISTED: usize = 8;

/// Reviews each application; one that fails does not keep the others from it, unless all would fail the same way.
pub(crate) async fn run(options: &args::Review, json: bool) -> Result<(), Failure> {
    let state = match (&options.action, options.decision) {
        (Some(args::ReviewAction::Export { file }), _) => return file::export(file.as_deref()).await,
        (Some(args::ReviewAction::Import { file, dry_run, no_ask_password }), _) => {
            let ask = !no_ask_password;
            return file::import(file, *dry_run, ask, json).await;
        }
        (None, Some(decision)) => decision.state(),
        (None, None) => return Err(Failure::new(Kind::Usage, "say what to do: approve, ignore or reset")),
    };
    let given: Vec<Untrusted> = options.applications.iter().map(|argument| text(argument)).collect();
    for text in &given {
        text.as_raw().parse::<ApplicationKey>()?;
    }
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let ask = !options.no_ask_password;

    let mut results: Vec<Value> = Vec::with_capacity(given.len());
    let mut failures: Vec<Failure> = Vec::new();
    for text in given {
        match review_given(&daemon, &text, state, ask).await {
            Ok(key) => {
                results.push(json!({ "application": key.as_raw(), "review": state.as_str() }));
                if !json {
                    output::text(&format!("{}: {state}\n", key.for_terminal()))?;
                }
            }
            Err(failure) => {
                results.push(json!({ "application": text.as_raw(), "error": failure.as_json() }));
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
    match tokio::time::timeout(bus::PERSON_WITHIN, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(bus::failed_call(Error::from(error))),
        Err(_) => Err(bus::timed_out()),
    }
}

/// Reviews what a person means by a key or a path; says which application that was.
async fn review_given(
    daemon: &Daemon1Proxy<'_>,
    given: &Untrusted,
    state: ReviewState,
    ask: bool,
) -> Result<Untrusted, Failure> {
    let text = given.as_raw();
    let is_shown = text.contains("\\u{");
    if !text.starts_with('/') && !is_shown {
        review(daemon, text, state, ask).await?;
        return Ok(given.clone());
    }
    let known = daemon.applications().await.map_err(bus::failed_call)?;
    let key = if text.starts_with('/') { at_path(given, &known)? } else { as_shown(text, &known)? };
    review(daemon, key, state, ask).await?;
    Ok(key.into())
}

/// Takes a key in the form in which it was shown, so that a name with an escape in it can be copied.
///
/// When that form means several applications, none is touched: one of them chose its name to be taken for another.
fn as_shown<'a>(given: &'a str, known: &'a [Application]) -> Result<&'a str, Failure> {
    let is_meant = |key: &&str| *key == given || Untrusted::from(*key).for_terminal() == given;
    let meant: Vec<&str> = keys(known).filter(is_meant).collect();
    match meant.as_slice() {
        [] => Ok(given),
        [one] => Ok(one),
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

/// The one application that is the program, the script or the AppImage at a path; the path may be as it was shown.
fn at_path<'a>(path: &Untrusted, known: &'a [Application]) -> Result<&'a str, Failure> {
    let is_at = |key: &&str| {
        let shown = Untrusted::from(Untrusted::from(*key).for_terminal().as_ref());
        [(*key).into(), shown].into_iter().any(|key| ApplicationKey::from_stored(key).is_at(path.as_raw()))
    };
    let meant: Vec<&str> = keys(known).filter(is_at).collect();
    if let [one] = meant.as_slice() {
        return Ok(one);
    }
    let shown = path.for_terminal();
    if !meant.is_empty() {
        return Err(which(&format!("{} applications are at {shown}", meant.len()), &meant));
    }
    let run_by = |application: &&Application| application.path == path.as_raw();
    let run: Vec<&str> = known.iter().filter(run_by).map(|known| known.application.as_str()).collect();
    if !run.is_empty() {
        return Err(which(&format!("{shown} is known only as what runs other applications"), &run));
    }
    Err(Failure::new(
        Kind::NotFound,
        format!("no application at {shown} has talked yet; `portolan applications` lists those that have"),
    ))
}

fn keys(known: &[Application]) -> impl Iterator<Item = &str> {
    known.iter().map(|application| application.application.as_str())
}

/// A path that means several: nothing is changed before the person has said which.
fn which(what: &str, keys: &[&str]) -> Failure {
    let shown: Vec<String> =
        keys.iter().take(LISTED).map(|key| Untrusted::from(*key).for_terminal()).collect();
    let more = if keys.len() > LISTED { ", …" } else { "" };
    let sentence = format!(
        "{what}, so nothing was changed. Give the key of the one you mean: {}{more}",
        shown.join(", ")
    );
    Failure::new(Kind::Failed, sentence)
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
