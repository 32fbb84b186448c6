//! The whole job on a real desktop: Xvfb, a window manager, a panel with a tray, a notification daemon, a private system bus
//! with the real polkitd, the daemon as root, the app as an unprivileged user.
//!
//! Pictures of tray, notification and window are left in `target/desktop-test/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bed;

use bed::{Bed, PATIENCE};

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn a_new_program_is_told_approved_and_drawn_and_told_again_when_it_changes() {
    let bed = Bed::start();
    let mut app = bed.start_app(&["--background"]);
    bed.wait_for_tray();
    bed.picture("tray");

    // A program that was never seen sends a known number of bytes.
    let program = bed.programs.copy("zephyr");
    bed.programs.send(&program, 654_321);
    let popup = bed.wait_for_text("New application on the network: zephyr");
    assert!(popup.width > 0);
    bed.wait_for_text("127.0.0.1:");
    bed.picture("notification");
    bed.answer("New application on the network: zephyr", "Approve");
    bed.wait_until("the application is approved", || bed.review_of(&program).as_deref() == Some("approved"));

    // Exactly these bytes, for exactly this path and hash.
    let row = bed.row_of(&program);
    assert_eq!(row["tx_bytes"], 654_321);
    assert_eq!(row["rx_bytes"], 0);
    assert_eq!(row["sha256"], bed.programs.sha256(&program));
    assert_eq!(row["parent_path"], std::env::current_exe().unwrap().to_str().unwrap());

    // A second start opens the window of the first; it shows the program and what it sent.
    let mut second = bed.start_app(&[]);
    assert!(second.ended(PATIENCE).unwrap().success(), "{}", second.output());
    bed.wait_to_read(&["zephyr", "654 kB", "100.00 % attributed"]);
    bed.choose("Live");
    bed.programs.send(&program, 43);
    bed.wait_to_read(&["zephyr", "654 kB", "approved", "100.00 % attributed"]);
    bed.picture("window");
    bed.close_window();

    // The same program again is no news. A changed copy is.
    assert_eq!(bed.findings_of(&program).len(), 1);
    assert!(!bed.shows("New application on the network: zephyr"));
    bed.programs.change(&program);
    bed.programs.send(&program, 7);
    bed.wait_for_text("Changed application: zephyr");
    bed.picture("changed");
    // That its file was changed is told besides, where that was seen before it talked.
    let kinds: Vec<_> = bed.findings_of(&program).iter().map(|finding| finding["kind"].clone()).collect();
    let talked = kinds.iter().filter(|kind| **kind != "changed-file");
    assert_eq!(talked.count(), 2, "{kinds:?}");
    let total: u64 = bed.rows_of(&program).iter().map(|row| row["tx_bytes"].as_u64().unwrap()).sum();
    assert_eq!(total, 654_321 + 43 + 7);

    assert!(app.stop().unwrap().success(), "{}", app.output());
}

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn the_app_finds_the_daemon_again() {
    let mut bed = Bed::start();
    let _app = bed.start_app(&["--background"]);
    bed.wait_for_tray();
    bed.restart_daemon();
    let program = bed.programs.copy("mistral");
    // A daemon that has just begun may look when it is over: what was written in the tick before it ran is not known then.
    std::thread::sleep(std::time::Duration::from_millis(100));
    bed.programs.send(&program, 10);
    bed.answer("New application on the network: mistral", "Ignore");
    bed.wait_until("the application is ignored", || bed.review_of(&program).as_deref() == Some("ignored"));
}

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn without_a_window_it_is_small_and_has_no_web_process() {
    let bed = Bed::start();
    let app = bed.start_app(&["--background"]);
    bed.wait_for_tray();
    let mut second = bed.start_app(&[]);
    assert!(second.ended(PATIENCE).unwrap().success(), "{}", second.output());
    bed.wait_to_read(&["Application", "attributed"]);
    bed.kill_page();
    let program = bed.programs.copy("again");
    bed.programs.send(&program, 654_321);
    bed.wait_to_read(&["again", "654 kB"]); // the page came back by itself
    bed.close_window();
    let pss = bed::pss_bytes(app.pid());
    assert!(pss < 66_000_000, "{pss} bytes without a window, 15 MB of them this build without optimisation");
}

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn the_tray_says_how_it_stands_and_pauses_at_no_cost() {
    let bed = Bed::start();
    let app = bed.start_app(&["--background"]);
    bed.wait_for_tray();
    bed.wait_until("the daemon is there", || bed.menu().contains("Recording"));
    let menu = bed.menu();
    for text in ["Rate not known yet", "Open Portolan", "Map", "Until tomorrow", "Quit (recording goes on)"] {
        assert!(menu.contains(text), "{text} is not in {menu}");
    }
    bed.choose("Pause notifications");
    let file = bed.desktop.home().join(".config/portolan/desktop.toml");
    let pauses =
        || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("notifications_paused = true"));
    bed.wait_until("the pause is kept", pauses);
    bed.picture("paused");
    let (before, wall) = (bed::cpu_ticks(app.pid()), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_secs(20));
    let (ticks, seconds) = (bed::cpu_ticks(app.pid()) - before, wall.elapsed().as_secs());
    let pss = bed::pss_bytes(app.pid());
    eprintln!("idle: {pss} bytes, {ticks} hundredths of a second of CPU in {seconds} s");
    assert!(pss < 66_000_000, "{pss} bytes without a window, 15 MB of them this build without optimisation");
    assert!(ticks <= 10, "{ticks} hundredths of a second in {seconds} s");
}

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn a_picture_is_saved_where_the_person_says() {
    let bed = Bed::start();
    let _app = bed.start_app(&[]);
    bed.programs.send(&bed.programs.copy("zephyr"), 654_321);
    bed.wait_to_read(&["zephyr", "654 kB"]);

    // The name that is proposed is replaced; how it ends says what is written.
    let drawing = bed.desktop.home().join("drawing.svg");
    bed.press("^Portolan$", "ctrl+s");
    bed.name_file("^Save picture$", &drawing);
    bed.wait_until("the drawing is written", || drawing.exists());
    let svg = std::fs::read_to_string(&drawing).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("zephyr") && svg.contains("654"), "{svg}");
    bed.wait_to_read(&["Saved:", "drawing.svg", "Open folder"]);
    bed.picture("saved");

    let pixels = bed.desktop.home().join("pixels");
    bed.press("^Portolan$", "ctrl+s");
    bed.name_file("^Save picture$", &pixels);
    let pixels = pixels.with_extension("png");
    bed.wait_until("the picture is written", || pixels.exists());
    assert!(std::fs::read(&pixels).unwrap().starts_with(b"\x89PNG"));

    // A folder that cannot be written to: nothing is left, and the reason is told.
    bed.press("^Portolan$", "ctrl+s");
    bed.name_file("^Save picture$", std::path::Path::new("/proc/nothing.png"));
    bed.wait_to_read(&["Nothing was saved"]);
    bed.picture("not-saved");
}

#[test]
#[ignore = "needs root, eBPF, a private bus and a desktop"]
fn an_application_has_the_picture_that_its_desktop_entry_names() {
    let bed = Bed::start();
    let program = bed.programs.copy("zephyr");
    let data = bed.programs.data_with_icon(&program, "#fe01fd");
    let _app = bed.start_app_with(&[], Some(("XDG_DATA_DIRS", &data)));
    bed.programs.send(&program, 654_321);
    bed.wait_for_colour("#fe01fd");
    bed.picture("icon");
}
