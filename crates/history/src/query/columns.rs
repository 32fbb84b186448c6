use portolan_core::Dimension;

/// How a dimension becomes SQL. Every text is a constant, so that nothing that a caller says reaches the SQL text.
#[derive(Debug)]
pub(crate) struct Columns {
    /// What the traffic is grouped by: an expression over the tables of [`super::compile`], and its name. The first is NULL where
    /// the dimension is not known.
    pub(crate) group: &'static [(&'static str, &'static str)],
    /// Which tables that expression needs besides `bucket`, `traffic` and `actor`.
    pub(crate) needs: Needs,
    /// What that first expression is among where the dimension has one of the values in the place of `?`.
    pub(crate) among: &'static str,
    /// What is found out over all rows of a group, with its name; empty for nothing.
    pub(crate) summed: &'static str,
    /// How the groups (`g`) reach the tables that say what a number stands for.
    pub(crate) labels: &'static str,
    /// What is shown, over the groups and those tables.
    pub(crate) shown: &'static [&'static str],
}

/// A table that not every question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Peer,
    /// And `peer` before it.
    Domain,
    /// And `peer` before it.
    Place,
    Lineage,
    /// And `lineage` before it.
    Parent,
}

/// What stands in the row itself, once it has a group and shows it.
const PLAIN: Columns =
    Columns { group: &[], needs: Needs::Nothing, among: "?", summed: "", labels: "", shown: &[] };

/// The numbers of texts.
const TEXTS: &str = "SELECT id FROM text WHERE value IN (?)";
/// The numbers of executables by their paths.
const EXECUTABLES: &str =
    "SELECT e.id FROM executable e JOIN text ON text.id = e.path_id WHERE text.value IN (?)";
/// The numbers of a name and of all below it.
pub(crate) const BELOW: &str =
    "SELECT id FROM domain WHERE name = ? OR substr(name, -1 - length(?)) = '.' || ?";

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
pub(crate) const OWNER: Columns = Columns {
    group: &[("a.owner", "owner"), ("a.reason", "reason")],
    shown: &["g.owner", "g.reason"],
    ..PLAIN
};

/// Whether groups by this dimension say why they have no executable.
pub(crate) fn is_about_owner(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Application | Dimension::Executable | Dimension::Script | Dimension::Parent
    )
}

/// The SQL of a dimension.
pub(crate) fn of(dimension: Dimension) -> Columns {
    match dimension {
        Dimension::Application => Columns {
            group: &[("a.application_id", "application_id")],
            among: "SELECT id FROM application WHERE key IN (?)",
            labels: "LEFT JOIN application ON application.id = g.application_id",
            shown: &["application.key"],
            ..PLAIN
        },
        Dimension::Executable => Columns {
            group: &[("l.executable_id", "executable_id")],
            needs: Needs::Lineage,
            among: EXECUTABLES,
            labels: "LEFT JOIN executable e ON e.id = g.executable_id LEFT JOIN text e_path ON e_path.id = e.path_id",
            shown: &["e_path.value", "e.sha256", "e.provenance", package!("e")],
            ..PLAIN
        },
        Dimension::Script => Columns {
            group: &[("l.script_path_id", "script_path_id"), ("l.script_sha256", "script_sha256")],
            needs: Needs::Lineage,
            among: TEXTS,
            labels: "LEFT JOIN text script ON script.id = g.script_path_id
                LEFT JOIN executable se ON se.path_id = g.script_path_id AND se.sha256 = g.script_sha256",
            shown: &["script.value", "g.script_sha256", "se.provenance", package!("se")],
            ..PLAIN
        },
        Dimension::Parent => Columns {
            group: &[("p.executable_id", "parent_executable_id")],
            needs: Needs::Parent,
            among: EXECUTABLES,
            labels: "LEFT JOIN executable pe ON pe.id = g.parent_executable_id
                LEFT JOIN text pe_path ON pe_path.id = pe.path_id",
            shown: &["pe_path.value", "pe.sha256"],
            ..PLAIN
        },
        Dimension::Command => Columns {
            group: &[("a.command_id", "command_id")],
            among: TEXTS,
            labels: "LEFT JOIN text command ON command.id = g.command_id",
            shown: &["command.value"],
            ..PLAIN
        },
        Dimension::Unit => Columns {
            group: &[("a.unit_id", "unit_id")],
            among: TEXTS,
            labels: "LEFT JOIN text unit ON unit.id = g.unit_id",
            shown: &["unit.value"],
            ..PLAIN
        },
        Dimension::Container => Columns {
            group: &[("a.container_id", "container_id")],
            among: TEXTS,
            labels: "LEFT JOIN text container ON container.id = g.container_id",
            shown: &["container.value"],
            ..PLAIN
        },
        Dimension::Namespace => {
            plain(Needs::Nothing, &[("nullif(a.network_namespace, 0)", "namespace")], &["g.namespace"])
        }
        Dimension::Remote => Columns {
            group: &[("r.remote_address_id", "remote_address_id")],
            needs: Needs::Peer,
            among: "SELECT id FROM address WHERE value IN (?)",
            labels: "LEFT JOIN address remote ON remote.id = g.remote_address_id",
            shown: &["remote.value"],
            ..PLAIN
        },
        Dimension::Domain => Columns {
            group: &[("r.domain_id", "domain_id"), ("r.name_inferred", "name_inferred")],
            needs: Needs::Peer,
            among: "SELECT id FROM domain WHERE name IN (?)",
            // The order of `NameSource::ALL`.
            summed: "min(CASE r.name_source WHEN 'tls' THEN 0 WHEN 'quic' THEN 1 WHEN 'http' THEN 2 WHEN 'dns' THEN 3
                WHEN 'application' THEN 4 WHEN 'resolver' THEN 5 ELSE 6 END) AS name_source, ",
            labels: "LEFT JOIN domain ON domain.id = g.domain_id",
            shown: &["domain.name", "g.name_inferred", "g.name_source"],
        },
        Dimension::RegistrableDomain => plain(
            Needs::Domain,
            &[
                ("d.registrable", "registrable"),
                ("d.registrable IS NOT NULL AND r.name_inferred", "registrable_inferred"),
            ],
            &["g.registrable", "g.registrable_inferred"],
        ),
        Dimension::Range => plain(Needs::Place, &[("w.range", "range")], &["g.range"]),
        Dimension::Country => plain(
            Needs::Place,
            &[("w.country", "country"), ("iif(w.country IS NULL, w.range, NULL)", "stateless")],
            &["g.country", "g.stateless"],
        ),
        Dimension::Asn => Columns {
            group: &[("w.asn", "asn"), ("iif(w.asn IS NULL, w.range, NULL)", "unrouted")],
            needs: Needs::Place,
            labels: "LEFT JOIN network ON network.asn = g.asn",
            shown: &["g.asn", "network.name", "g.unrouted"],
            ..PLAIN
        },
        Dimension::Service => plain(
            Needs::Peer,
            &[
                (
                    "coalesce(r.recognised, service(r.protocol, r.service_port), r.protocol || '/' || r.service_port)",
                    "service",
                ),
                ("r.recognised IS NOT NULL", "is_recognised"),
            ],
            &["g.service", "g.is_recognised"],
        ),
        Dimension::User => plain(Needs::Nothing, &[("a.uid", "uid")], &["g.uid"]),
        Dimension::Protocol => plain(Needs::Peer, &[("r.protocol", "protocol")], &["g.protocol"]),
        Dimension::Direction => plain(Needs::Peer, &[("r.direction", "direction")], &["g.direction"]),
        Dimension::Port => plain(Needs::Peer, &[("r.service_port", "service_port")], &["g.service_port"]),
        Dimension::RemotePort => {
            plain(Needs::Nothing, &[("nullif(t.remote_port, 0)", "remote_port")], &["g.remote_port"])
        }
        Dimension::LocalPort => {
            plain(Needs::Nothing, &[("nullif(t.local_port, 0)", "local_port")], &["g.local_port"])
        }
        Dimension::Time => plain(Needs::Nothing, &[("b.start_ms", "start_ms")], &["g.start_ms"]),
    }
}

/// A dimension whose value stands in the row itself.
fn plain(
    needs: Needs,
    group: &'static [(&'static str, &'static str)],
    shown: &'static [&'static str],
) -> Columns {
    Columns { group, needs, shown, ..PLAIN }
}
