//! The desktop: a notification is shown with its buttons, and the one that is pressed answers.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use portolan_testbed::{Desktop, Error, Folder, Program, User};

const SOON: Duration = Duration::from_secs(20);
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

#[test]
#[ignore = "needs root and a desktop"]
fn a_button_of_a_notification_is_seen_and_pressed() -> Result<(), Error> {
    let desktop = Desktop::start(&User::nobody(), "unix:path=/nonexistent")?;
    let mut monitor = desktop.command(Path::new("/usr/bin/gdbus"))?;
    monitor.args(["monitor", "--session", "--dest", NOTIFICATIONS]);
    let mut monitor = Program::start("gdbus", monitor)?;
    monitor.wait_for_line("the monitor", SOON, |line| line.contains("is owned by").then_some(()))?;

    let method = format!("{NOTIFICATIONS}.Notify");
    let call =
        ["call", "--session", "--dest", NOTIFICATIONS, "--object-path", "/org/freedesktop/Notifications"];
    let actions = "['yes', 'Approve', 'no', 'Ignore']";
    let arguments = ["--method", &method, "test", "0", "", "A title", "a body", actions, "{}", "0"];
    desktop.run("gdbus", &[call.as_slice(), &arguments].concat())?;

    desktop.wait_for_widget("the title", SOON, |widget| widget.text == "A title")?;
    let folder = Folder::for_everybody()?;
    let picture = folder.path().join("shown.png");
    desktop.screenshot(&picture)?;
    assert!(fs::read(&picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")));
    assert!(desktop.wait_for_window("^xfce4-panel$", SOON).is_ok());

    desktop.press("Approve", SOON)?;
    monitor.wait_for_line("the answer", SOON, |line| {
        (line.contains("ActionInvoked") && line.contains("'yes'")).then_some(())
    })
}

#[test]
#[ignore = "needs root and a desktop"]
fn what_is_not_on_the_screen_is_not_found() -> Result<(), Error> {
    let desktop = Desktop::start(&User::nobody(), "unix:path=/nonexistent")?;
    let before = Instant::now();
    assert!(matches!(desktop.press("No such button", Duration::from_secs(1)), Err(Error::Timeout { .. })));
    assert!(before.elapsed() >= Duration::from_secs(1));
    Ok(())
}
