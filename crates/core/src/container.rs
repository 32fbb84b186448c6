use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Untrusted, unit::unescape};

/// What holds a program apart from the rest of the machine, by what it calls itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Container {
    /// Who made it.
    pub kind: ContainerKind,
    /// 64 hexadecimal digits where the kind gives out such; the name of an LXC or nspawn container, of a Flatpak application or
    /// of a snap. Hostile text.
    pub name: Untrusted,
}

/// Who makes containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContainerKind {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// A container of a Kubernetes pod, whichever runtime made it.
    Kubernetes,
    /// containerd without any of the above (nerdctl).
    Containerd,
    /// LXC, LXD, Incus, Proxmox.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
    /// A Flatpak application.
    Flatpak,
    /// A snap.
    Snap,
}

impl ContainerKind {
    /// The word before the colon.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Kubernetes => "kubernetes",
            Self::Containerd => "containerd",
            Self::Lxc => "lxc",
            Self::Nspawn => "nspawn",
            Self::Flatpak => "flatpak",
            Self::Snap => "snap",
        }
    }

    /// Whether a systemd of its own may run inside. The others are applications.
    pub(crate) fn is_machine(self) -> bool {
        !matches!(self, Self::Flatpak | Self::Snap)
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Container {
    /// `kind:name`.
    #[must_use]
    pub fn to_text(&self) -> Untrusted {
        format!("{}:{}", self.kind, self.name.as_raw()).into()
    }
}

/// The container that begins with a component of a cgroup's path; `before` are the components above it, `after` is the next.
pub(crate) fn beginning(before: &[&str], component: &str, after: Option<&str>) -> Option<Container> {
    engine(before, component)
        .or_else(|| machine(before, component, after))
        .or_else(|| application(component))
        .map(|(kind, name)| Container { kind, name })
}

type Named = (ContainerKind, Untrusted);

/// How engines call the cgroup of a container, before its id; with systemd's driver and `.scope`, or without.
const PREFIXES: [(&str, ContainerKind); 8] = [
    ("docker-", ContainerKind::Docker),
    ("libpod-payload-", ContainerKind::Podman),
    ("libpod-", ContainerKind::Podman),
    ("cri-containerd-", ContainerKind::Kubernetes),
    ("crio-", ContainerKind::Kubernetes),
    ("cri-o-", ContainerKind::Kubernetes),
    ("nerdctl-", ContainerKind::Containerd),
    ("", ContainerKind::Docker),
];

fn engine(before: &[&str], component: &str) -> Option<Named> {
    // containerd told to use systemd's names with the other driver: “SLICE:cri-containerd:ID”.
    if let Some((slice, id)) = component.split_once(":cri-containerd:") {
        return (slice.ends_with(".slice") && is_id(id)).then(|| (ContainerKind::Kubernetes, id.into()));
    }
    let name = component.strip_suffix(".scope").unwrap_or(component);
    let (prefix, kind, id) = PREFIXES.iter().find_map(|(prefix, kind)| {
        let id = name.strip_prefix(prefix).filter(|id| is_id(id))?;
        Some((*prefix, *kind, id))
    })?;
    let in_pod =
        before.iter().any(|above| above.starts_with("kubepods") || above.starts_with("kubelet-kubepods"));
    let kind = if in_pod && kind == ContainerKind::Docker { ContainerKind::Kubernetes } else { kind };
    if prefix.is_empty() && kind == ContainerKind::Docker {
        // An id alone says nothing about who made it; its folder does.
        let is_docker = before.last() == Some(&"docker") || before.first() == Some(&"ecs");
        return is_docker.then(|| (kind, id.into()));
    }
    Some((kind, id.into()))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Containers that are machines with a name.
fn machine(before: &[&str], component: &str, after: Option<&str>) -> Option<Named> {
    if let Some(name) = component.strip_prefix("lxc.payload.").filter(|name| !name.is_empty()) {
        return Some((ContainerKind::Lxc, name.into()));
    }
    match before.last() {
        Some(&("lxc" | "lxc.payload")) => return Some((ContainerKind::Lxc, component.into())),
        Some(above) if component == "payload" => {
            let instance =
                above.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
            return instance
                .filter(|name| !name.is_empty())
                .map(|name| (ContainerKind::Nspawn, unescape(name)));
        }
        _ => {}
    }
    // Virtual machines of libvirt have such a scope too; “supervisor” is nspawn itself, outside of the container.
    let name = component.strip_prefix("machine-")?.strip_suffix(".scope")?;
    let is_of_libvirt = ["qemu\\x2d", "lxc\\x2d", "lxd\\x2d"].iter().any(|driver| name.starts_with(driver));
    let is_nspawn = !name.is_empty() && !is_of_libvirt && after != Some("supervisor");
    is_nspawn.then(|| (ContainerKind::Nspawn, unescape(name)))
}

/// Applications in a box of their own.
fn application(component: &str) -> Option<Named> {
    let scope = component.strip_suffix(".scope");
    let flatpak =
        scope.and_then(|name| name.strip_prefix("app-flatpak-").or_else(|| name.strip_prefix("flatpak-")));
    if let Some((id, number)) = flatpak.and_then(|rest| rest.rsplit_once('-')) {
        let id = unescape(id);
        let is_valid = !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && is_flatpak_id(id.as_raw());
        return is_valid.then_some((ContainerKind::Flatpak, id));
    }
    let unit = scope.or_else(|| component.strip_suffix(".service"))?;
    let (name, application) = unit.strip_prefix("snap.")?.split_once('.')?;
    let name = unescape(name);
    (!application.is_empty() && is_snap_name(name.as_raw())).then_some((ContainerKind::Snap, name))
}

/// A D-Bus well-known name of at least three elements (docs.flatpak.org, “Identifiers”).
fn is_flatpak_id(id: &str) -> bool {
    let is_element = |element: &str| {
        !element.is_empty()
            && !element.starts_with(|first: char| first.is_ascii_digit())
            && element.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    id.len() <= 255 && id.split('.').count() >= 3 && id.split('.').all(is_element)
}

/// Lower-case letters, digits and dashes, with the key of a parallel instance after “_” (snapd, snap/naming).
fn is_snap_name(name: &str) -> bool {
    let (name, instance) = name.split_once('_').unwrap_or((name, "x"));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(|byte| is_plain(byte) || byte == b'-')
        && (1..=10).contains(&instance.len())
        && instance.bytes().all(is_plain)
}
