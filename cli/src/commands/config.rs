//! `portolan config`: judge files, show what is in force, change it.

use std::path::Path;

use portolan_bus::{Config1Proxy, Configuration, Error, Setting};
use portolan_config::{ConfigFiles, Problem, Problems, read};
use portolan_core::Untrusted;
use serde_json::json;
use zbus::{
    Connection,
    proxy::{CacheProperties, MethodFlags},
};

use crate::{
    args, bus,
    failure::{Failure, Kind},
    output,
};

pub(crate) async fn run(options: &args::Config, json: bool) -> Result<(), Failure> {
    match &options.action {
        args::ConfigAction::Check { file } => check(file.as_deref(), json),
        args::ConfigAction::Show { key } => show(key.as_deref(), json).await,
        args::ConfigAction::Set { key, value } => change(key, Some(value), json).await,
        args::ConfigAction::Reset { key } => change(key, None, json).await,
    }
}

/// Judges one file, or those of the machine, without the daemon.
fn check(file: Option<&Path>, json: bool) -> Result<(), Failure> {
    let unreadable = |error: portolan_config::FilesError| Failure::new(Kind::Failed, error.to_string());
    let files = match file {
        Some(file) => ConfigFiles::only(file).map_err(unreadable)?,
        None => ConfigFiles { main: ConfigFiles::OF_MACHINE.into() }.read().map_err(unreadable)?,
    };
    let (problems, shown) = match read(&files) {
        Ok(_) => (Vec::new(), String::new()),
        Err(problems) => {
            let shown = harmless_lines(&problems.to_string());
            let Problems(problems) = problems;
            (problems, shown)
        }
    };
    if json {
        let of = |problem: &Problem| {
            json!({ "file": problem.path.to_string_lossy(), "line": problem.line, "column": problem.column,
                    "message": problem.message })
        };
        output::json(&json!({ "problems": problems.iter().map(of).collect::<Vec<_>>() }))?;
    } else if problems.is_empty() {
        let what = match (file, files.len()) {
            (Some(file), _) => Untrusted::from(file.to_string_lossy().as_ref()).for_terminal(),
            (None, 0) => {
                format!("{} does not exist, so all is as by default, which", ConfigFiles::OF_MACHINE)
            }
            (None, 1) => "The configuration".to_owned(),
            (None, count) => format!("The configuration, {count} files,"),
        };
        output::text(&format!("{what} is valid.\n"))?;
    } else {
        output::text(&format!("{shown}\n"))?;
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Kind::Unhealthy, "1 problem, so the daemon would refuse all of it")
            .after_the_answer()),
        count => {
            let sentence = format!("{count} problems, so the daemon would refuse all of it");
            Err(Failure::new(Kind::Unhealthy, sentence).after_the_answer())
        }
    }
}

/// Shows what is in force, as a file could have it, and where each value comes from.
async fn show(key: Option<&str>, json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let mut shown = daemon(&connection).await?.show().await.map_err(bus::failed_call)?;
    if let Some(key) = key {
        shown.settings.retain(|setting| setting.key == key || setting.key.split('.').next() == Some(key));
        if shown.settings.is_empty() {
            return Err(Failure::new(Kind::NotFound, format!("the configuration has no key {key}")));
        }
    }
    if json {
        return output::json(&shown);
    }
    output::text(&page(&shown))
}

fn page(shown: &Configuration) -> String {
    let harmless = |text: &str| Untrusted::from(text).for_terminal();
    let mut page = String::new();
    for problem in &shown.problems {
        page.push_str(&format!("# NOTE: {}.\n", harmless(problem)));
    }
    let mut section = "";
    for setting in &shown.settings {
        let (of, word) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        if of != section {
            let gap = if page.is_empty() { "" } else { "\n" };
            page.push_str(&format!("{gap}[{}]\n", harmless(of)));
            section = of;
        }
        page.push_str(&format!("{} = {}  # {}\n", harmless(word), harmless(&setting.value), origin(setting)));
    }
    page
}

fn origin(setting: &Setting) -> String {
    match setting.sources.as_slice() {
        [] => "default".to_owned(),
        sources => Untrusted::from(sources.join(", ")).for_terminal(),
    }
}

/// Sets a key, or takes it back for `None`. polkit may ask for a password.
async fn change(key: &str, value: Option<&str>, json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let daemon = daemon(&connection).await?;
    let flags = MethodFlags::AllowInteractiveAuth.into();
    let call = async {
        match value {
            Some(value) => daemon.inner().call_with_flags("Set", flags, &(key, value)).await,
            None => daemon.inner().call_with_flags("Reset", flags, &(key,)).await,
        }
    };
    let answer = match tokio::time::timeout(bus::PERSON_WITHIN, call).await {
        Ok(answer) => answer.map_err(|error| bus::failed_call(Error::from(error)))?,
        Err(_) => return Err(bus::timed_out()),
    };
    let (setting,): (Setting,) =
        answer.ok_or_else(|| Failure::new(Kind::Incompatible, "portoland did not answer"))?;
    if json {
        return output::json(&setting);
    }
    let [shown_key, shown_value] =
        [&setting.key, &setting.value].map(|text| Untrusted::from(text.as_str()).for_terminal());
    output::text(&format!("{shown_key} = {shown_value}  # {}\n", origin(&setting)))?;
    let is_own = |source: &String| source.contains(portolan_config::SET_FILE);
    if value.is_some() && !setting.sources.iter().any(is_own) {
        output::complain("it was written, and a file that comes later says otherwise, which counts");
    }
    Ok(())
}

async fn daemon(connection: &Connection) -> Result<Config1Proxy<'static>, Failure> {
    let builder = Config1Proxy::builder(connection).cache_properties(CacheProperties::No);
    builder.build().await.map_err(|error| bus::failed_call(error.into()))
}

fn harmless_lines(text: &str) -> String {
    text.lines().map(|line| Untrusted::from(line).for_terminal()).collect::<Vec<_>>().join("\n")
}
