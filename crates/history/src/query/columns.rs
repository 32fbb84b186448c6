use portolan_core::Dimension;

/// How a dimension becomes SQL. Every text is a constant, so that nothing that a caller says reaches the SQL text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    /// Whose it is.
    pub(super) of: Of,
    /// What makes a group, over the tables of [`ACTORS`] or [`PEERS`].
    pub(super) group: &'static str,
    /// How many columns that is.
    pub(super) width: usize,
    /// The table whose `id` its first column is, where that is all it takes to say what it stands for.
    pub(super) table: Option<&'static str>,
    /// How its first column (`g.c0`) reaches several tables that say what it stands for.
    pub(super) labels: &'static str,
    /// What is shown, over those tables; empty where it is shown as it is.
    pub(super) shown: &'static str,
}

/// What a dimension is a quality of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Actor,
    Peer,
    /// Of the row itself.
    LocalPort,
    RemotePort,
    /// Of the interval.
    Time,
}

/// All actors, with what a group of them may need.
pub(super) const ACTORS: &str = "FROM actor a";
/// The same, with their executables and those of their parents.
pub(super) const LINEAGES: &str =
    "FROM actor a LEFT JOIN lineage l ON l.id = a.lineage_id LEFT JOIN lineage p ON p.id = l.parent_id";
/// All peers.
pub(super) const PEERS: &str = "FROM peer r";
/// The same, with their names and places.
pub(super) const PLACES: &str =
    "FROM peer r LEFT JOIN domain d ON d.id = r.domain_id LEFT JOIN place w ON w.id = r.place_id";

/// What is spoken, over a peer.
macro_rules! service {
    () => {
        "coalesce(r.recognised, service(r.protocol, r.service_port), r.protocol || '/' || r.service_port)"
    };
}
pub(super) use service;

/// The package of an executable: `deb curl 7.88.1-10`. NULL where none is known.
macro_rules! package {
    ($table:literal) => {
        concat!(
            $table,
            ".package_manager || ' ' || ",
            $table,
            ".package_name || ' ' || ",
            $table,
            ".package_version"
        )
    };
}

/// Says of groups without an executable why they have none; goes before the dimensions where one of them is about the owner.
pub(super) const OWNER: Columns =
    Columns { of: Of::Actor, group: "a.owner, a.reason", width: 2, table: None, labels: "", shown: "" };

/// Whether groups by this dimension say why they have no executable.
pub(super) fn is_about_owner(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Application | Dimension::Executable | Dimension::Script | Dimension::Parent
    )
}

/// The SQL of a dimension.
pub(super) fn of(dimension: Dimension) -> Columns {
    const fn actor(group: &'static str, labels: &'static str, shown: &'static str) -> Columns {
        Columns { of: Of::Actor, group, width: 1, table: None, labels, shown }
    }
    const fn peer(group: &'static str, labels: &'static str, shown: &'static str) -> Columns {
        Columns { of: Of::Peer, ..actor(group, labels, shown) }
    }
    const fn row(of: Of) -> Columns {
        Columns { of, ..actor("", "", "") }
    }
    const fn named(by: Columns, table: &'static str, shown: &'static str) -> Columns {
        Columns { table: Some(table), shown, ..by }
    }
    let text = |group| named(actor(group, "", ""), "text", "text.value");
    match dimension {
        Dimension::Application => named(actor("a.application_id", "", ""), "application", "application.key"),
        Dimension::Executable => actor(
            "l.executable_id",
            "LEFT JOIN executable e ON e.id = g.c0 LEFT JOIN text ON text.id = e.path_id",
            concat!("text.value, e.sha256, e.provenance, ", package!("e")),
        ),
        Dimension::Script => Columns {
            width: 2,
            ..actor(
                "l.script_path_id, l.script_sha256",
                "LEFT JOIN text ON text.id = g.c0
                    LEFT JOIN executable e ON e.path_id = g.c0 AND e.sha256 = unhex(g.c1)",
                concat!("text.value, e.provenance, ", package!("e")),
            )
        },
        Dimension::Parent => actor(
            "p.executable_id",
            "LEFT JOIN executable e ON e.id = g.c0 LEFT JOIN text ON text.id = e.path_id",
            "text.value, e.sha256",
        ),
        Dimension::Command => text("a.command_id"),
        Dimension::Unit => text("a.unit_id"),
        Dimension::Container => text("a.container_id"),
        Dimension::Namespace => actor("nullif(a.network_namespace, 0)", "", ""),
        Dimension::User => actor("nullif(a.uid, 4294967295)", "", ""),
        Dimension::Remote => named(peer("r.remote_address_id", "", ""), "address", "address.value"),
        Dimension::Domain => Columns {
            width: 2,
            ..named(peer("r.domain_id, r.name_inferred", "", ""), "domain", "domain.name")
        },
        Dimension::RegistrableDomain => Columns {
            width: 2,
            ..peer("d.registrable, d.registrable IS NOT NULL AND r.name_inferred", "", "")
        },
        Dimension::Range => peer("w.range", "", ""),
        Dimension::Country => {
            Columns { width: 2, ..peer("w.country, iif(w.country IS NULL, w.range, NULL)", "", "") }
        }
        Dimension::Asn => Columns {
            width: 2,
            ..peer(
                "w.asn, iif(w.asn IS NULL, w.range, NULL)",
                "LEFT JOIN network ON network.asn = g.c0",
                "network.name",
            )
        },
        Dimension::Service => {
            Columns { width: 2, ..peer(concat!(service!(), ", r.recognised IS NOT NULL"), "", "") }
        }
        Dimension::Protocol => peer("r.protocol", "", ""),
        Dimension::Direction => peer("r.direction", "", ""),
        Dimension::Port => peer("r.service_port", "", ""),
        Dimension::RemotePort => row(Of::RemotePort),
        Dimension::LocalPort => row(Of::LocalPort),
        Dimension::Time => row(Of::Time),
    }
}

/// Whether a dimension needs the tables of [`LINEAGES`] or [`PLACES`].
pub(super) fn needs_more(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Executable
            | Dimension::Script
            | Dimension::Parent
            | Dimension::RegistrableDomain
            | Dimension::Range
            | Dimension::Country
            | Dimension::Asn
    )
}
