//! Files to values, and what is wrong with files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

use std::{path::PathBuf, time::Duration};

use portolan_config::{
    Config, ConfigFiles, KEYS, Loaded, Problems, SET_FILE, Source, default_file, edited, key, read,
};

fn source(name: &str, text: &str) -> Source {
    Source { path: PathBuf::from(name), text: text.to_owned() }
}

fn one(text: &str) -> Result<Loaded, Problems> {
    read(&[source("portolan.toml", text)])
}

/// The sentences of all that is wrong.
fn wrong(text: &str) -> Vec<String> {
    one(text).unwrap_err().0.iter().map(portolan_config::Problem::sentence).collect()
}

#[test]
fn what_is_not_set_has_its_default() {
    assert_eq!(read(&[]).unwrap(), Loaded::default());
    let loaded = one("[recording]\ntick = \"500 ms\"\ncommand_lines = false\n").unwrap();
    let mut expected = Config::default();
    (expected.recording.tick, expected.recording.command_lines) = (Duration::from_millis(500), false);
    assert_eq!(loaded.config, expected);
    assert_eq!(loaded.origins["recording.tick"][0].line, 2);
    assert_eq!(loaded.origins.len(), 2);
}

#[test]
fn the_packaged_file_is_the_default_one_and_says_the_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/portolan.toml");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, default_file()).unwrap();
    }
    let packaged = std::fs::read_to_string(path).unwrap();
    assert_eq!(packaged, default_file(), "UPDATE_GOLDEN=1 writes it");
    assert_eq!(one(&packaged).unwrap(), Loaded::default());
    assert!(packaged.lines().all(|line| line.chars().count() <= 120), "a line is too long");
    // A # without a blank behind it hides a default; an example is behind its introduction.
    let shown: String = packaged
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n"
        })
        .collect();
    let loaded = one(&shown).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.origins.len(), KEYS.len(), "every key is there");
    for key in KEYS {
        let Some(example) = key.example else { continue };
        let text = format!("[{}]\n{} = {example}\n", key.section(), key.word());
        let loaded = one(&text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_ne!(loaded.config, Config::default());
        let again = format!("[{}]\n{} = {}\n", key.section(), key.word(), key.show(&loaded.config));
        assert_eq!(one(&again).unwrap().config, loaded.config, "what is shown can be written");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_all_at_once() {
    let text = "[recording]\ntyck = \"1 s\"\ntick = \"1 min\"\nbucket = 10\nports = \"off\"\n\n[retentoin]\nday = \"1 s\"\n";
    assert_eq!(
        wrong(text),
        [
            "portolan.toml:2:1: \"tyck\" is no key of [recording]; did you mean \"tick\"?",
            "portolan.toml:3:8: recording.tick: 1 min is out of range, it must be from 100 ms to 10 s",
            "portolan.toml:4:10: recording.bucket: this is a number; expected a duration such as \"10 s\"",
            "portolan.toml:5:9: recording.ports: this is a text; expected true or false",
            "portolan.toml:7:2: there is no section [retentoin]; did you mean \"retention\"?",
        ]
    );
    let shown = one("[recording]\n  tick = \"1 min\"\n").unwrap_err().to_string();
    assert!(shown.ends_with("\n      tick = \"1 min\"\n             ^^^^^^^"), "{shown}");
}

#[test]
fn what_is_no_toml_and_what_is_there_twice_is_named() {
    for (text, place) in [
        ("[recording\n", "portolan.toml:1:"),
        ("[recording]\nports = true\nports = false\n", "portolan.toml:3:1: duplicate key"),
        ("[recording]\n[recording]\n", "portolan.toml:2:"),
        (
            "tick = \"1 s\"\n",
            "portolan.toml:1:1: \"tick\" is no key outside of a section; it belongs below [recording]",
        ),
        (
            "tick_ms = 500\n",
            "portolan.toml:1:1: \"tick_ms\" is no key outside of a section; did you mean \"tick\"?",
        ),
        ("recording = 5\n", "portolan.toml:1:1: recording is a section"),
        ("[[recording]]\n", "portolan.toml:1:3: recording is a section"),
        (
            "[learning]\ntick = \"1 s\"\n",
            "portolan.toml:2:1: \"tick\" is no key of [learning]; it belongs below [recording]",
        ),
        (
            "[exclusions]\nports = [1, 2, 1]\n",
            "portolan.toml:2:16: exclusions.ports: this is in the list twice",
        ),
        (
            "[notifications]\nleast = \"quiet\"\n",
            "portolan.toml:2:9: notifications.least: this is a text; expected \"normal\", \"loud\" or \"none\"",
        ),
        ("[notifications]\nquiet_kinds = [\"lost\"]\n", "portolan.toml:2:16: notifications.quiet_kinds: "),
        ("[recording]\ntick = \"1\\n s\"\n", "control character"),
        ("[recording.tick]\n", "recording.tick is a key, not a section"),
    ] {
        let found = wrong(text);
        assert!(found[0].contains(place), "{text}: {found:?}");
    }
    assert_eq!(
        one("recording = { tick = \"2 s\" }\nretention.day = \"for ever\"\n")
            .unwrap()
            .config
            .recording
            .tick
            .as_secs(),
        2
    );
}

#[test]
fn buckets_divide_hours_and_sums_are_kept_as_long_as_what_they_sum_up() {
    for (bucket, is_good) in [
        ("1 s", true),
        ("15 s", true),
        ("7 s", false),
        ("90 s", false),
        ("5 min", true),
        ("7 min", false),
        ("1 h", true),
    ] {
        assert_eq!(one(&format!("[recording]\nbucket = \"{bucket}\"")).is_ok(), is_good, "{bucket}");
    }
    assert_eq!(
        wrong("[retention]\nday = \"1 year\"\n"),
        ["portolan.toml:2:7: retention.day (1 year) must be at least as long as retention.hour (2 years)"]
    );
    assert_eq!(
        wrong("[retention]\nbucket = \"for ever\"\n"),
        [
            "portolan.toml:2:10: retention.minute (30 days) must be at least as long as retention.bucket (for ever)"
        ]
    );
    assert!(one("[retention]\nbucket = \"1 h\"\nminute = \"1 h\"\nmax_size = \"16 MB\"\n").is_ok());
}

#[test]
fn later_files_count_and_lists_add_up() {
    let loaded = read(&[
        source("portolan.toml", "[recording]\ntick = \"2 s\"\n[exclusions]\nports = [53, 1]\n"),
        source("a.toml", "[exclusions]\nports = [53, \"6881-6889\"]\nbetween_local = true\n"),
        source("b.toml", "[recording]\ntick = \"3 s\"\n"),
    ])
    .unwrap();
    let show = |name: &str| key(name).unwrap().show(&loaded.config);
    assert_eq!(
        (show("recording.tick"), show("exclusions.ports")),
        ("\"3 s\"".into(), "[53, 1, \"6881-6889\"]".into())
    );
    let files = |name: &str| -> Vec<String> {
        loaded.origins[name]
            .iter()
            .map(|origin| format!("{}:{}", origin.path.display(), origin.line))
            .collect()
    };
    assert_eq!(files("recording.tick"), ["b.toml:2"]);
    assert_eq!(files("exclusions.ports"), ["portolan.toml:4", "a.toml:2"]);
}

#[test]
fn files_are_read_in_the_order_of_their_names_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let files = ConfigFiles { main: dir.path().join("portolan.toml") };
    assert_eq!(files.read().unwrap(), []);
    std::fs::write(&files.main, "0").unwrap();
    std::fs::create_dir(files.drop_in_dir()).unwrap();
    for name in ["b.toml", "a.toml", ".c.toml", "d.toml~", "10.toml"] {
        std::fs::write(files.drop_in_dir().join(name), name).unwrap();
    }
    let texts: Vec<_> = files.read().unwrap().into_iter().map(|source| source.text).collect();
    assert_eq!(texts, ["0", "10.toml", "a.toml", "b.toml"]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        files.drop_in_dir().join("pipe.toml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(files.read().unwrap_err().to_string().contains("it is no file"));
    std::fs::remove_file(files.drop_in_dir().join("pipe.toml")).unwrap();
    std::fs::write(files.drop_in_dir().join("z.toml"), b"a\n\xff").unwrap();
    assert!(files.read().unwrap_err().to_string().contains("in line 2"));
}

#[test]
fn a_key_is_set_beside_what_is_there_and_taken_out_again() {
    let tick = key("recording.tick").unwrap();
    let ports = key("exclusions.ports").unwrap();
    let first = edited("", tick, Some("500ms")).unwrap();
    assert!(
        first.starts_with("# What `portolan config set`")
            && first.ends_with("[recording]\ntick = \"500ms\"\n"),
        "{first}"
    );
    let second = edited(&first.replace("500ms\"", "500ms\" # mine"), ports, Some("53")).unwrap();
    let third = edited(&second, tick, Some("\"2 s\"")).unwrap();
    assert!(third.contains("tick = \"2 s\" # mine\n") && third.contains("ports = [53]"), "{third}");
    let loaded = one(&third).unwrap();
    assert_eq!(loaded.config.recording.tick.as_secs(), 2);
    let reset = edited(&edited(&third, tick, None).unwrap(), ports, None).unwrap();
    assert_eq!(one(&reset).unwrap(), Loaded::default());
    for (name, typed, stored) in [
        ("recording.ports", "off", "ports = false"),
        ("exclusions.ports", "[1, \"5-6\"]", "ports = [1, \"5-6\"]"),
        (
            "exclusions.networks",
            "{ network = \"10.0.0.0/8\", side = \"both\" }",
            "networks = [{ network = \"10.0.0.0/8\", side = \"both\" }]",
        ),
        ("exclusions.domains", "*.example.org", "domains = [\"*.example.org\"]"),
        ("places.databases", "none", "databases = \"none\""),
    ] {
        let text = edited("", key(name).unwrap(), Some(typed)).unwrap();
        assert!(text.contains(stored), "{text}");
        assert!(one(&text).is_ok(), "{text}");
    }
    assert_eq!(SET_FILE, "50-set.toml");
}

#[test]
fn hostile_values_end_in_no_file() {
    let tick = key("recording.tick").unwrap();
    for value in ["1 s\"\nports = false", "a\u{1b}[31m", "\0", &"x".repeat(1 << 20)] {
        assert!(edited("", tick, Some(value)).is_err(), "{value:?}");
    }
    // What is no duration is a text, and refused by the reading.
    for value in ["1 s\" ports = false #", "../../x", "[recording]", "'", "\\"] {
        let text = edited("", tick, Some(value)).unwrap();
        let problems = one(&text).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{text}");
    }
    let domains = key("exclusions.domains").unwrap();
    assert!(edited("", domains, Some("[\"a\"]\nports=[1]")).is_err());
    assert!(edited("", domains, Some("[\"a\"], ports = [1]")).is_err());
}
