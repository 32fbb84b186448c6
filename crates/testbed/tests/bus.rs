//! The private bus: polkit's answers, and that nothing is left behind.

use std::{process::Command, time::Duration};

use portolan_testbed::{Error, Polkit, PrivateBus, Program, User, alice, bob, root};

const VIEW_OWN: &str = portolan_bus::action::VIEW_OWN;
const REVIEW: &str = portolan_bus::action::REVIEW;
const CONFIGURE: &str = portolan_bus::action::CONFIGURE;

/// What polkit says about `action` for a program of `user` that sits on the bus.
fn allowed(bus: &PrivateBus, user: &User, action: &str) -> Result<bool, Error> {
    let mut monitor = Command::new("dbus-monitor");
    monitor.args(["--address", bus.address(), "type='signal',sender='org.portolan.Nobody'"]);
    user.run(&mut monitor);
    let mut caller = Program::start("dbus-monitor", monitor)?;
    // Its second line says that it has its name on the bus: "... NameAcquired ... string ":1.4"".
    let name = caller.wait_for_line("the caller's name", Duration::from_secs(10), |line| {
        line.trim().strip_prefix("string \"").and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    })?;
    check(bus, action, ["--system-bus-name", &name])
}

fn check(bus: &PrivateBus, action: &str, subject: [&str; 2]) -> Result<bool, Error> {
    let mut check = Command::new("pkcheck");
    check.args(["--action-id", action]).args(subject).env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    let mut check = Program::start("pkcheck", check)?;
    Ok(check.ended(Duration::from_secs(10))?.success())
}

#[test]
#[ignore = "needs root and a private bus"]
fn polkit_allows_what_is_granted_and_nothing_else() -> Result<(), Error> {
    let (alice, bob) = (alice(), bob());
    let bus = PrivateBus::start(&Polkit::default().grant(&alice, &[VIEW_OWN, REVIEW]).grant(&bob, &[]))?;
    assert!(allowed(&bus, &alice, VIEW_OWN)?);
    assert!(allowed(&bus, &alice, REVIEW)?);
    assert!(!allowed(&bus, &alice, CONFIGURE)?);
    assert!(!allowed(&bus, &bob, VIEW_OWN)?, "{}", bus.polkitd_output());
    assert!(
        check(&bus, CONFIGURE, ["--process", &std::process::id().to_string()])?,
        "root is always allowed"
    );
    Ok(())
}

#[test]
#[ignore = "needs root and a private bus"]
fn the_shipped_rules_let_the_group_view_and_review() -> Result<(), Error> {
    let member = alice().in_group("portolan");
    let stranger = bob();
    let mut polkit = Polkit {
        shipped_rules: true,
        pretend_local_sessions: true,
        users: vec![member.clone(), stranger.clone()],
        ..Polkit::default()
    };
    let bus = PrivateBus::start(&polkit)?;
    assert!(allowed(&bus, &member, REVIEW)?, "{}", bus.polkitd_output());
    assert!(!allowed(&bus, &member, CONFIGURE)?);
    assert!(!allowed(&bus, &stranger, REVIEW)?);

    polkit.pretend_local_sessions = false;
    let bus = PrivateBus::start(&polkit)?;
    assert!(!allowed(&bus, &member, REVIEW)?, "a member without a local session has no right");
    Ok(())
}

#[test]
#[ignore = "needs root and a private bus"]
fn only_root_owns_the_daemons_name() -> Result<(), Error> {
    let bus = PrivateBus::start(&Polkit::default())?;
    let own = |user: &User| {
        let mut command = Command::new("busctl");
        command.args(["--address", bus.address(), "call", "org.freedesktop.DBus", "/org/freedesktop/DBus"]);
        command.args(["org.freedesktop.DBus", "RequestName", "su", portolan_bus::BUS_NAME, "4"]);
        user.run(&mut command);
        Program::start("busctl", command)?.ended(Duration::from_secs(10))
    };
    assert!(own(&root())?.success());
    assert!(!own(&User::nobody())?.success());
    Ok(())
}

#[test]
#[ignore = "needs root and a private bus"]
fn nothing_is_left_behind() -> Result<(), Error> {
    let mut bus = PrivateBus::start(&Polkit::default())?;
    let socket = std::path::PathBuf::from(bus.address().trim_start_matches("unix:path="));
    assert!(socket.exists());
    bus.kill();
    drop(bus);
    let folder = socket.parent().expect("the socket is in a folder");
    assert!(!folder.exists());
    Ok(())
}

#[test]
#[ignore = "needs root and a private bus"]
fn a_killed_holder_leaves_nothing_behind() -> Result<(), Error> {
    let hold =
        std::env::current_exe().ok().and_then(|own| Some(own.parent()?.parent()?.join("examples/hold")));
    let hold = hold.expect("a test is in target/PROFILE/deps");
    let mut holder = Program::start("hold", Command::new(hold))?;
    let socket = holder.wait_for_line("the holder's bus", Duration::from_secs(30), |line| {
        line.strip_prefix("unix:path=").map(std::path::PathBuf::from)
    })?;
    let folder = socket.parent().expect("the socket is in a folder").to_owned();
    // The bus itself tells when it ends: it closes what is connected to it.
    let mut connected = std::os::unix::net::UnixStream::connect(&socket).expect("the bus listens");
    holder.kill();
    connected.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit can be set");
    assert_eq!(std::io::Read::read(&mut connected, &mut [0; 1]).expect("the bus ends"), 0);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while folder.exists() {
        assert!(std::time::Instant::now() < deadline, "{} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
