use std::collections::HashMap;

use super::*;
use crate::Sha256Digest;

#[test]
fn a_path_and_its_key_name_the_same_application() {
    let executable = |path: &str| Executable { path: path.into(), sha256: Sha256Digest([0; 32]) };
    let curl = ApplicationKey::of_path(&executable("/usr/bin/curl"));
    assert_eq!("/usr/bin/curl".parse(), Ok(curl.clone()));
    assert_eq!("path:/usr/bin/curl".parse(), Ok(curl));
    let idea = ApplicationKey::of_path(&executable("/opt/idea-2023.1.2/bin/idea"));
    assert_eq!("/opt/idea-2024.3/bin/idea".parse(), Ok(idea.clone()));
    assert_eq!(idea.as_untrusted().as_raw().parse(), Ok(idea), "a key reads back as it is");
    let stored = "path:/opt/idea-2023.1.2/bin/idea".parse::<ApplicationKey>();
    assert_eq!(stored.unwrap().as_untrusted().as_raw(), "path:/opt/idea-2023.1.2/bin/idea");
}

#[test]
fn every_form_is_read_and_nothing_else() {
    for text in [
        "flatpak:org.mozilla.firefox",
        "snap:firefox",
        "appimage:/home/u/x:y.AppImage",
        "container:localhost%3a5000/nginx:/usr/sbin/nginx",
        "container:alpine:wget",
        "deb:curl:/usr/bin/curl",
        "rpm:curl:/usr/bin/cu:rl",
        "pacman:curl:/usr/bin/curl",
        "script:/usr/bin/python3:/home/u/x.py",
        "script:/usr/bin/python3:-m http.server",
        "script:/bin/a%25b:?",
        "path:/usr/bin/curl",
        "elsewhere:/usr/bin/curl",
        "elsewhere:/usr/bin/python3:/x:y",
        "memory:runc",
    ] {
        let key: ApplicationKey = text.parse().unwrap();
        assert_eq!(key.as_untrusted().as_raw(), text);
    }
    for text in [
        "",
        "curl",
        "path:",
        "flatpak:",
        "snap:",
        "appimage:x",
        "container:nginx",
        "container::/x",
        "container:x:",
        "container:%:/x",
        "deb:/usr/bin/curl",
        "deb:curl:curl",
        "deb::/x",
        "script:python3:/x",
        "script:/usr/bin/python3",
        "script:/a%b:/x",
        "elsewhere:x",
        "elsewhere:/x:",
        "memory:",
        "dpkg:curl:/usr/bin/curl",
        "Path:/x",
    ] {
        assert!(text.parse::<ApplicationKey>().is_err(), "{text}");
    }
    let error = "deb:/usr/bin/curl".parse::<ApplicationKey>().unwrap_err().to_string();
    assert_eq!(
        error,
        "“deb:/usr/bin/curl” is no program of a package; expected deb:PACKAGE:PATH, such as deb:curl:/usr/bin/curl"
    );
}

/// All texts of up to four characters that a hostile path would choose.
fn hostile_texts() -> Vec<String> {
    const CHARACTERS: [char; 6] = [':', '%', '2', '5', '3', 'a'];
    (0..=4)
        .flat_map(|length| {
            (0..CHARACTERS.len().pow(length)).map(move |number| {
                (0..length)
                    .map(|place| CHARACTERS[number / CHARACTERS.len().pow(place) % CHARACTERS.len()])
                    .collect()
            })
        })
        .collect()
}

#[test]
fn two_pairs_never_give_one_key() {
    let texts = hostile_texts();
    let mut seen: HashMap<String, (&str, &str)> = HashMap::new();
    for first in &texts {
        for second in texts.iter().filter(|second| second.len() <= 2) {
            let key = ApplicationKey::two(Kind::Script, &format!("/{first}"), &format!("/{second}"));
            assert!(key.as_untrusted().as_raw().parse() == Ok(key.clone()), "{first} {second}");
            let text = key.as_untrusted().as_raw().to_owned();
            assert_eq!(seen.insert(text, (first, second)), None, "{first} {second}");
        }
        let alone = ApplicationKey::one(Kind::Script, &kind::escaped(&format!("/{first}")));
        assert_eq!(seen.get(alone.as_untrusted().as_raw()), None, "one part is never two");
        assert_eq!(kind::unescaped(&kind::escaped(first)), first.as_str());
    }
}

/// What an interpreter is told, and how a key says that: loads and code are told apart whatever they hold.
#[test]
fn two_commands_never_give_one_text() {
    let words = ["/a", "-m", "-c", "-", "?", "a=b", "/a -m b", "-r=/a /b", "%20", " ", "=", "a%20b"];
    let mut seen: HashMap<String, Interpreted> = HashMap::new();
    let options: [&[&str]; 4] = [&[], &["-r"], &["--import"], &["-r", "--import"]];
    for loads in options {
        for value in words {
            for other in words {
                for script in ["/a", "/a /b", "/a=b", "/-r=/a", "/a -m b"] {
                    let mut arguments = String::from("node\0");
                    for (option, value) in loads.iter().zip([value, other]) {
                        arguments += &format!("{option}\0{value}\0");
                    }
                    arguments += &format!("{script}\0");
                    let invocation = Invocation {
                        path: "/usr/bin/node",
                        arguments: Some(arguments.as_bytes()),
                        ..Invocation::default()
                    };
                    let found = Interpreted::of(&invocation).unwrap();
                    assert_eq!(found.script().unwrap().as_raw(), script);
                    let before = seen.insert(found.to_text(), found.clone());
                    assert!(before.is_none_or(|before| before == found), "{arguments:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_at_a_path_that_a_person_types() {
    for (key, path, is_at) in [
        ("path:/usr/bin/curl", "/usr/bin/curl", true),
        ("path:/opt/idea-*/bin/idea", "/opt/idea-2024.3/bin/idea", true),
        ("deb:curl:/usr/bin/curl", "/usr/bin/curl", true),
        ("script:/usr/bin/python3:/home/u/x y.py", "/home/u/x y.py", true),
        ("script:/usr/bin/python3:/home/u/x y.py", "/usr/bin/python3", false),
        ("script:/usr/bin/node:-r=/a%20b /opt/a=b /x.js", "/opt/a=b /x.js", true),
        ("script:/usr/bin/node:-r=/a /x.js", "/a", false),
        ("script:/usr/bin/python3:-m /x", "/x", false),
        ("appimage:/home/u/Krita-*-x86_64.AppImage", "/home/u/Krita-5.2.1-x86_64.AppImage", true),
        ("elsewhere:/usr/bin/curl", "/usr/bin/curl", false),
        ("container:nginx:/usr/sbin/nginx", "/usr/sbin/nginx", false),
        ("memory:/usr/bin/curl", "/usr/bin/curl", false),
    ] {
        assert_eq!(ApplicationKey::from_stored(key.into()).is_at(path), is_at, "{key} {path}");
    }
}

#[test]
fn names_for_people() {
    for (key, name) in [
        ("path:/usr/bin/curl", "curl"),
        ("deb:curl:/usr/bin/curl", "curl"),
        ("flatpak:org.mozilla.firefox", "org.mozilla.firefox"),
        ("snap:firefox", "firefox"),
        ("appimage:/home/u/Krita.AppImage", "Krita.AppImage"),
        ("container:docker.io/library/nginx:/usr/sbin/nginx", "nginx (in nginx)"),
        ("container:alpine:run=sh /x/y.sh", "y.sh (in alpine)"),
        ("container:docker@abc:?", "unknown script (in docker@abc)"),
        ("script:/usr/bin/python3:/home/u/x y.py", "x y.py (python3)"),
        ("script:/bin/busybox:wget", "wget (busybox)"),
        ("script:/usr/bin/python3:-c", "python3 -c"),
        ("script:/usr/bin/python3:-m http.server", "python3 -m http.server"),
        ("script:/usr/bin/java:-cp=/a:/b -m Main", "java -m Main"),
        ("script:/usr/bin/node:?", "node (unknown script)"),
        ("script:/usr/bin/node:-r=/a%20b /opt/a=b /x.js", "x.js (node)"),
        ("elsewhere:/usr/bin/a%3ab", "a:b"),
        ("elsewhere:/usr/bin/python3:/x.py", "x.py (python3)"),
        ("memory:runc", "runc (in memory)"),
        ("whatever was stored", "whatever was stored"),
    ] {
        assert_eq!(ApplicationKey::from_stored(key.into()).display_name().as_raw(), name, "{key}");
    }
}
