//! Paths as /proc/PID/cgroup shows them on real machines, with what they stand for.

use super::*;

const ID: &str = "6a0f5ae5c2a5f3e2fc6a3ec6bb5fe13a7a3f0b8ce6f1a6bbf6a2a4bd1e2c9d10";

/// `UNIT CONTAINER`, `-` for none; `ID` in the path stands for an id.
fn text(path: &str) -> String {
    let placement = Placement::of_cgroup(&Untrusted::from_bytes(path.replace("ID", ID).as_bytes()));
    let unit = placement.unit.map_or("-".to_owned(), |unit| unit.to_text().as_raw().to_owned());
    let container = placement.container.map_or("-".to_owned(), |it| it.to_text().as_raw().to_owned());
    format!("{unit} {container}").replace(ID, "ID")
}

fn check(table: &[(&str, &str)]) {
    for (path, expected) in table {
        assert_eq!(text(path), *expected, "{path}");
    }
}

#[test]
fn units_of_the_system_and_of_users() {
    check(&[
        ("", "- -"),
        ("/", "- -"),
        ("/init.scope", "init.scope -"),
        ("/system.slice/ssh.service", "ssh.service -"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service -"),
        ("/system.slice/system-openvpn.slice/openvpn@home\\x2dvpn.service", "openvpn@home\\x2dvpn.service -"),
        ("/system.slice/web@\\xc3\\xa4\\x5c.service", "web@\\xc3\\xa4\\x5c.service -"),
        ("/system.slice/_cpu.service", "cpu.service -"),
        ("/system.slice/dev-sda2.swap", "dev-sda2.swap -"),
        ("/system.slice", "- -"),
        ("/system.slice/systemd-udevd.service/udev", "systemd-udevd.service -"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope -"),
        ("/user.slice/user-1000.slice/user@1000.service", "user@1000.service -"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service/init.scope -"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-1234.scope",
            "user@1000.service/app-gnome-firefox-1234.scope -",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-8b1a.scope",
            "user@1000.service/vte-spawn-8b1a.scope -",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/session.slice/pipewire.service",
            "user@1000.service/pipewire.service -",
        ),
        ("/user.slice/user@x.service/app.slice/a.scope", "user@x.service -"),
    ]);
}

#[test]
fn containers_of_engines_with_either_driver() {
    check(&[
        ("/system.slice/docker-ID.scope", "docker-ID.scope docker:ID"),
        ("/docker/ID", "- docker:ID"),
        ("/docker/ID/init", "- docker:ID"),
        ("/ecs/9f1c/ID", "- docker:ID"),
        (
            "/user.slice/user-1000.slice/user@1000.service/docker-ID.scope/ssh.service",
            "user@1000.service/docker-ID.scope docker:ID",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
            "user@1000.service/docker-ID.scope docker:ID",
        ),
        ("/machine.slice/libpod-ID.scope", "libpod-ID.scope podman:ID"),
        ("/machine.slice/libpod-ID.scope/container", "libpod-ID.scope podman:ID"),
        ("/machine.slice/libpod-conmon-ID.scope", "libpod-conmon-ID.scope -"),
        ("/libpod_parent/libpod-ID", "- podman:ID"),
        ("/system.slice/web.service/libpod-payload-ID", "web.service podman:ID"),
        ("/system.slice/web.service/runtime", "web.service -"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            "user@1000.service/libpod-ID.scope podman:ID",
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2f5b_11.slice/cri-containerd-ID.scope",
            "cri-containerd-ID.scope kubernetes:ID",
        ),
        ("/kubepods.slice/kubepods-pod2f5b.slice/crio-ID.scope", "crio-ID.scope kubernetes:ID"),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2f.slice/docker-ID.scope",
            "docker-ID.scope kubernetes:ID",
        ),
        ("/kubepods/burstable/pod2f5b-11/ID", "- kubernetes:ID"),
        (
            "/system.slice/containerd.service/kubepods-burstable-pod2f.slice:cri-containerd:ID",
            "containerd.service kubernetes:ID",
        ),
        ("/system.slice/nerdctl-ID.scope", "nerdctl-ID.scope containerd:ID"),
        (
            "/system.slice/docker-ID.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/cri-containerd-ID.scope",
            "cri-containerd-ID.scope kubernetes:ID",
        ),
    ]);
}

#[test]
fn containers_that_are_machines_run_units_of_their_own() {
    check(&[
        ("/lxc/web", "- lxc:web"),
        ("/lxc/101/ns/system.slice/nginx.service", "nginx.service lxc:101"),
        ("/lxc.payload/web", "- lxc:web"),
        ("/lxc.payload.web", "- lxc:web"),
        ("/lxc.payload.web/system.slice/nginx.service", "nginx.service lxc:web"),
        (
            "/lxc.payload.web/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope",
            "user@1000.service/a.scope lxc:web",
        ),
        ("/lxc.monitor.web", "- -"),
        (
            "/machine.slice/systemd-nspawn@my\\x2dbox.service/payload/system.slice/cron.service",
            "cron.service nspawn:my-box",
        ),
        ("/machine.slice/systemd-nspawn@box.service/supervisor", "systemd-nspawn@box.service -"),
        ("/machine.slice/machine-box.scope/payload", "machine-box.scope nspawn:box"),
        ("/machine.slice/machine-box.scope/supervisor", "machine-box.scope -"),
        ("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/emulator", "machine-qemu\\x2d1\\x2dvm.scope -"),
        ("/system.slice/docker-ID.scope/system.slice/nginx.service", "nginx.service docker:ID"),
        ("/lxc/outer/lxc/inner", "- lxc:inner"),
    ]);
}

#[test]
fn applications_in_a_box() {
    let app = "/user.slice/user-1000.slice/user@1000.service/app.slice/";
    for (scope, container) in [
        ("app-flatpak-org.mozilla.firefox-3012.scope", "flatpak:org.mozilla.firefox"),
        ("app-flatpak-com.example.my\\x2dapp-3012.scope", "flatpak:com.example.my-app"),
        ("flatpak-org.gimp.GIMP-77.scope", "flatpak:org.gimp.GIMP"),
        ("app-flatpak-firefox-3012.scope", "-"),
        ("app-flatpak-org.mozilla.firefox-x.scope", "-"),
        ("snap.firefox.firefox-0c4e1ee5-85ac-4f16-b8fd-8b4a30cba3a8.scope", "snap:firefox"),
        ("snap.firefox.firefox.0c4e1ee5-85ac-4f16-b8fd-8b4a30cba3a8.scope", "snap:firefox"),
        ("snap.snap\\x2dstore.snap\\x2dstore-0c4e.scope", "snap:snap-store"),
        ("snap.Evil.x.scope", "-"),
    ] {
        assert_eq!(text(&format!("{app}{scope}")), format!("user@1000.service/{scope} {container}"));
    }
    check(&[
        ("/system.slice/snap.lxd.daemon.service", "snap.lxd.daemon.service snap:lxd"),
        ("/system.slice/snap.hello_two.daemon.service", "snap.hello_two.daemon.service snap:hello_two"),
        ("/system.slice/snap-core20-1234.mount", "snap-core20-1234.mount -"),
        ("/system.slice/snapd.service", "snapd.service -"),
    ]);
}

#[test]
fn what_only_looks_like_it_is_nothing() {
    let short = &ID[..63];
    let upper = ID.to_uppercase();
    for path in [
        format!("/system.slice/docker-{short}.scope"),
        format!("/system.slice/docker-{upper}.scope"),
        format!("/system.slice/docker-{ID}0.scope"),
        format!("/system.slice/docker-{ID}.scope.d"),
        format!("/elsewhere/{ID}"),
        format!("/{ID}"),
        "/docker/buildkit/k2t5q".to_owned(),
        "/process_api/d0bfeaa4580b6492ecc362e046076164".to_owned(),
        "/lxc.payload.".to_owned(),
        "/lxc".to_owned(),
    ] {
        assert_eq!(Placement::of_cgroup(&path.as_str().into()).container, None, "{path}");
    }
    // Below a unit, names are that unit's: nobody becomes sshd by making a folder.
    check(&[
        ("/system.slice/evil.service/system.slice/ssh.service", "evil.service -"),
        ("/user.slice/user-1000.slice/session-3.scope/ssh.service", "session-3.scope -"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user@0.service/ssh.service",
            "user@1000.service/user@0.service -",
        ),
        ("/a\u{1b}[2J/b\n.service", "- -"),
    ]);
}
