use super::super::*;
use crate::{Container, ContainerKind, Package, PackageManager, Untrusted};

fn key(facts: &Facts<'_>) -> String {
    ApplicationKey::of(facts).as_untrusted().as_raw().to_owned()
}

fn package(name: &str) -> Package {
    Package { manager: PackageManager::Deb, name: name.into(), version: "1".into() }
}

fn container(kind: ContainerKind, name: &str) -> Container {
    Container { kind, name: name.into() }
}

fn file(path: &str) -> Interpreted {
    Interpreted::plain(Code::File(path.into()))
}

#[test]
fn flatpak_and_snap_need_a_proof() {
    let path = Untrusted::from("/app/lib/firefox/firefox");
    for (kind, name, expected) in [
        (ContainerKind::Flatpak, "org.mozilla.firefox", "flatpak:org.mozilla.firefox"),
        (ContainerKind::Snap, "firefox", "snap:firefox"),
    ] {
        let container = container(kind, name);
        let facts = Facts {
            container: Some(&container),
            origin: FileOrigin::Elsewhere,
            is_genuine: true,
            ..Facts::of_path(&path)
        };
        assert_eq!(key(&facts), expected);
        assert_eq!(key(&Facts { is_genuine: false, ..facts }), "elsewhere:/app/lib/firefox/firefox");
        let lent = Facts { is_genuine: false, origin: FileOrigin::Machine, ..facts };
        assert_eq!(key(&lent), "path:/app/lib/firefox/firefox", "a scope of that name proves nothing");
        let python = Untrusted::from("/usr/bin/python3.11");
        for (code, expected_here) in [
            (file("/app/x.py"), expected),
            (Interpreted::plain(Code::CommandLine), "elsewhere:/usr/bin/python3:-c"),
            (Interpreted::plain(Code::StandardInput), "elsewhere:/usr/bin/python3:-"),
            (Interpreted::plain(Code::Unknown), "elsewhere:/usr/bin/python3:?"),
        ] {
            let facts = Facts { path: &python, interpreted: Some(&code), ..facts };
            assert_eq!(key(&facts), expected_here);
        }
    }
}

#[test]
fn an_app_image_and_what_lies_in_its_mount() {
    let inside = Untrusted::from("/tmp/.mount_KritaAb12xY/usr/bin/krita");
    let file = Untrusted::from("/home/u/Krita-5.2.1-x86_64.AppImage");
    let facts = Facts { app_image: Some(&file), ..Facts::of_path(&inside) };
    assert_eq!(key(&facts), "appimage:/home/u/Krita-*-x86_64.AppImage");
    assert_eq!(key(&Facts { app_image: None, ..facts }), "path:/tmp/.mount_Krita*/usr/bin/krita");
    let outside = Untrusted::from("/home/u/evil");
    assert_eq!(key(&Facts { path: &outside, ..facts }), "path:/home/u/evil");
}

#[test]
fn programs_of_containers_by_their_image() {
    let path = Untrusted::from("/usr/sbin/nginx");
    let id = "ab".repeat(32);
    let docker = container(ContainerKind::Docker, &id);
    let facts = Facts { container: Some(&docker), origin: FileOrigin::Elsewhere, ..Facts::of_path(&path) };
    for (image, expected) in [
        ("nginx", "container:nginx:/usr/sbin/nginx"),
        ("nginx:1.25", "container:nginx:/usr/sbin/nginx"),
        ("docker.io/library/nginx:1@sha256:00", "container:docker.io/library/nginx:/usr/sbin/nginx"),
        ("localhost:5000/nginx", "container:localhost%3a5000/nginx:/usr/sbin/nginx"),
        ("localhost:5000/nginx:1", "container:localhost%3a5000/nginx:/usr/sbin/nginx"),
    ] {
        let image = Untrusted::from(image);
        assert_eq!(key(&Facts { image: Some(&image), ..facts }), expected);
    }
    assert_eq!(key(&facts), format!("container:docker@{id}:/usr/sbin/nginx"));
    let script = file("/app/x.py");
    assert_eq!(
        key(&Facts { interpreted: Some(&script), ..facts }),
        format!("container:docker@{id}:/app/x.py")
    );
    let ours = package("nginx");
    let of_the_machine = Facts { origin: FileOrigin::Machine, package: Some(&ours), ..facts };
    assert_eq!(key(&of_the_machine), "deb:nginx:/usr/sbin/nginx");
}

#[test]
fn files_of_packages() {
    let (curl, path) = (package("curl"), Untrusted::from("/usr/bin/curl"));
    let facts = Facts { package: Some(&curl), ..Facts::of_path(&path) };
    assert_eq!(key(&facts), "deb:curl:/usr/bin/curl");
    let rpm = Package { manager: PackageManager::Rpm, ..curl.clone() };
    assert_eq!(key(&Facts { package: Some(&rpm), ..facts }), "rpm:curl:/usr/bin/curl");
    let pacman = Package { manager: PackageManager::Pacman, ..curl.clone() };
    assert_eq!(key(&Facts { package: Some(&pacman), ..facts }), "pacman:curl:/usr/bin/curl");
    assert_eq!(key(&Facts { origin: FileOrigin::Elsewhere, ..facts }), "elsewhere:/usr/bin/curl");
    let java = Untrusted::from("/usr/lib/jvm/java-17-openjdk-amd64/bin/java");
    let facts = Facts { path: &java, ..facts };
    assert_eq!(key(&facts), "deb:curl:/usr/lib/jvm/java-*-openjdk-amd64/bin/java");
}

#[test]
fn scripts_of_packages() {
    let (python, reportbug) = (package("python3.11-minimal"), package("reportbug"));
    let path = Untrusted::from("/usr/bin/python3.11");
    let script = file("/usr/bin/reportbug");
    let facts = Facts {
        package: Some(&python),
        interpreted: Some(&script),
        script_is_of_machine: true,
        script_package: Some(&reportbug),
        ..Facts::of_path(&path)
    };
    assert_eq!(key(&facts), "deb:reportbug:/usr/bin/reportbug");
    assert_eq!(key(&Facts { interpreted: None, ..facts }), "deb:python3.11-minimal:/usr/bin/python3.11");

    for (code, expected) in [(Code::StandardInput, "-"), (Code::CommandLine, "-c")] {
        let code = Interpreted::plain(code);
        let facts = Facts { interpreted: Some(&code), script_package: None, ..facts };
        assert_eq!(key(&facts), format!("script:/usr/bin/python3:{expected}"), "any code, and no package's");
    }

    let evil = Untrusted::from("/tmp/python3");
    let pretended = Facts { path: &evil, package: None, ..facts };
    assert_eq!(key(&pretended), "script:/tmp/python3:/usr/bin/reportbug");
    let mounted_over = Facts { script_is_of_machine: false, ..facts };
    assert_eq!(key(&mounted_over), "elsewhere:/usr/bin/python3:/usr/bin/reportbug");
    let interpreter_mounted_over = Facts { origin: FileOrigin::Elsewhere, ..facts };
    assert_eq!(key(&interpreter_mounted_over), "elsewhere:/usr/bin/python3:/usr/bin/reportbug");
    let dotted = file("/tmp/link/../usr/bin/reportbug");
    let through_a_link = Facts { interpreted: Some(&dotted), ..facts };
    assert_eq!(key(&through_a_link), "script:/usr/bin/python3:/tmp/link/../usr/bin/reportbug");
    let variables: [&[u8]; 1] = [b"PYTHONPATH=/tmp/evil"];
    let loads = Interpreted::of(&Invocation {
        path: path.as_raw(),
        arguments: Some(b"python3\0/usr/bin/reportbug\0"),
        variables: &variables,
        ..Invocation::default()
    });
    let loads = Facts { interpreted: loads.as_ref(), ..facts };
    assert_eq!(key(&loads), "script:/usr/bin/python3:PYTHONPATH=/tmp/evil /usr/bin/reportbug");
}

#[test]
fn scripts_of_nobody() {
    for (path, expected) in [
        ("/usr/bin/python3.11", "/usr/bin/python3"),
        ("/usr/bin/perl5.36.0", "/usr/bin/perl"),
        ("/usr/bin/ruby3.1", "/usr/bin/ruby"),
        ("/usr/bin/lua5.4", "/usr/bin/lua"),
        ("/home/u/.nvm/versions/node/v20.1.0/bin/node", "/home/u/.nvm/versions/node/*/bin/node"),
        ("/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
        ("/bin/a:b/bash5", "/bin/a%3ab/bash"),
    ] {
        let (path, package, script) = (Untrusted::from(path), package("x"), file("/opt/x-1.2/x.py"));
        let facts = Facts {
            package: Some(&package),
            interpreted: Some(&script),
            script_is_of_machine: true,
            ..Facts::of_path(&path)
        };
        assert_eq!(key(&facts), format!("script:{expected}:/opt/x-*/x.py"));
        let module = Interpreted::plain(Code::Module("http.server".into()));
        let facts = Facts { interpreted: Some(&module), script_is_of_machine: false, ..facts };
        assert_eq!(key(&facts), format!("script:{expected}:-m http.server"));
    }
}

#[test]
fn plain_files_and_those_that_are_none() {
    let path = Untrusted::from("/opt/idea-2023.1.2/bin/idea");
    assert_eq!(key(&Facts::of_path(&path)), "path:/opt/idea-*/bin/idea");
    let elsewhere = Facts { origin: FileOrigin::Elsewhere, ..Facts::of_path(&path) };
    assert_eq!(key(&elsewhere), "elsewhere:/opt/idea-*/bin/idea");
    let memory = Untrusted::from("/memfd:/usr/bin/curl");
    let package = package("curl");
    let facts = Facts { origin: FileOrigin::Memory, package: Some(&package), ..Facts::of_path(&memory) };
    assert_eq!(key(&facts), "memory:/usr/bin/curl");
    let script = file("/usr/bin/x.py");
    assert_eq!(key(&Facts { interpreted: Some(&script), ..facts }), "memory:/usr/bin/curl");
}
