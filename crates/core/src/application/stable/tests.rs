use super::path;

#[test]
fn versions_of_folders_are_one() {
    for (given, expected) in [
        ("/opt/idea-2023.1.2/bin/idea", "/opt/idea-*/bin/idea"),
        ("/opt/idea-IC-231.9011.34/bin/idea", "/opt/idea-IC-*/bin/idea"),
        ("/home/u/.nvm/versions/node/v20.1.0/bin/node", "/home/u/.nvm/versions/node/*/bin/node"),
        ("/home/u/chrome/119.0.6045.105/chrome", "/home/u/chrome/*/chrome"),
        ("/opt/app/1.2.3-beta.1/app", "/opt/app/*/app"),
        ("/opt/app-1.2.3rc1-linux-x64/app", "/opt/app-*-linux-x64/app"),
        ("/opt/app-3.0.0+dfsg-2/app", "/opt/app-*/app"),
        ("/opt/jdk1.8.0_201/bin/java", "/opt/jdk*/bin/java"),
        ("/usr/lib/python3.11/http/server.py", "/usr/lib/python*/http/server.py"),
        ("/opt/1.74.0-x86_64-unknown-linux-gnu/bin/rustc", "/opt/*-x86_64-unknown-linux-gnu/bin/rustc"),
        ("/opt/a-1.2/b-3.4/c", "/opt/a-*/b-*/c"),
        ("/opt/app@1.2.3/app", "/opt/app@*/app"),
        ("/opt/app-1.2_x86/app", "/opt/app-*_x86/app"),
    ] {
        assert_eq!(path(given), expected, "{given}");
    }
}

#[test]
fn numbers_that_are_names_stay() {
    for name in [
        "/usr/bin/7z",
        "/home/u/2048/2048",
        "/usr/bin/x86_64-linux-gnu-gcc-12",
        "/usr/lib/x86_64-linux-gnu/x",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "/opt/app/app-1.2.3",
        "/opt/quake-3/quake",
        "/opt/0ad/bin/pyrogenesis",
        "/srv/3.example/x",
        "/opt/app-v2/x",
        "/opt/i386/x",
        "/tmp/app-1.2.3/app",
        "/var/tmp/app-1.2.3/app",
        "/dev/shm/1.2.3/app",
        "/home/v1.2/bin/x",
        "app-1.2/relative",
        "",
        "/",
        "/opt//1./x",
        "/opt/.1.2/x",
    ] {
        assert_eq!(path(name), name);
    }
}

#[test]
fn java_in_its_place() {
    for (given, expected) in [
        ("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/lib/jvm/java-*-openjdk-amd64/bin/java"),
        ("/usr/lib/jvm/java-1.17.0-openjdk-amd64/bin/java", "/usr/lib/jvm/java-*-openjdk-amd64/bin/java"),
        ("/usr/lib/jvm/jdk-21.0.1+12/bin/java", "/usr/lib/jvm/jdk-*/bin/java"),
        ("/opt/java-17-openjdk/bin/java", "/opt/java-17-openjdk/bin/java"),
    ] {
        assert_eq!(path(given), expected, "{given}");
    }
}

#[test]
fn stores_of_nix_and_guix() {
    const HASH: &str = "0c0nndl4kvfgkmgnm8wxbdsjz5znnz4s";
    for (given, expected) in [
        (format!("/nix/store/{HASH}-firefox-119.0.1/bin/firefox"), "/nix/store/*-firefox-*/bin/firefox"),
        (format!("/nix/store/{HASH}-openssl-3.0.12-bin/bin/openssl"), "/nix/store/*-openssl-*/bin/openssl"),
        (format!("/nix/store/{HASH}-python3-3.11.6-env/bin/x"), "/nix/store/*-python3-*/bin/x"),
        (format!("/nix/store/{HASH}-start.sh"), "/nix/store/*-start.sh"),
        (format!("/gnu/store/{HASH}-curl-8.4.0/bin/curl"), "/gnu/store/*-curl-*/bin/curl"),
    ] {
        assert_eq!(path(&given), expected, "{given}");
    }
    assert_eq!(path("/nix/store/short-x-1/bin/x"), "/nix/store/short-x-1/bin/x");
    let elsewhere = format!("/home/u/nix/store/{HASH}-x-1/bin/x");
    assert_eq!(path(&elsewhere), elsewhere);
}

#[test]
fn other_package_managers() {
    let commit = "ab".repeat(32);
    for (given, expected) in [
        ("/snap/firefox/3252/usr/lib/firefox/firefox".to_owned(), "/snap/firefox/*/usr/lib/firefox/firefox"),
        ("/snap/x/x1/bin/x".to_owned(), "/snap/x/*/bin/x"),
        ("/snap/x/3252".to_owned(), "/snap/x/3252"),
        ("/var/lib/snapd/snap/x/7/bin/x".to_owned(), "/var/lib/snapd/snap/x/*/bin/x"),
        (
            format!("/var/lib/flatpak/app/org.a.B/x86_64/stable/{commit}/files/bin/b"),
            "/var/lib/flatpak/app/org.a.B/x86_64/stable/*/files/bin/b",
        ),
        (
            format!("/var/lib/flatpak/runtime/org.a.P/x86_64/23.08/{commit}/files/bin/b"),
            "/var/lib/flatpak/runtime/org.a.P/x86_64/*/*/files/bin/b",
        ),
        (format!("/srv/{commit}/b"), format!("/srv/{commit}/b").leak()),
        (
            "/home/linuxbrew/.linuxbrew/Cellar/less/633/bin/less".to_owned(),
            "/home/linuxbrew/.linuxbrew/Cellar/less/*/bin/less",
        ),
        ("/tmp/.mount_FirefoAb12xY/usr/bin/firefox".to_owned(), "/tmp/.mount_Firefo*/usr/bin/firefox"),
        ("/tmp/.mount_x".to_owned(), "/tmp/.mount_x"),
    ] {
        assert_eq!(path(&given), expected, "{given}");
    }
}
