//! The interfaces as introspection shows them are those in `golden/`, so that a change of the contract is seen in review.
//! `UPDATE_GOLDEN=1` writes it anew.

use std::{fs, path::Path};

use portolan_bus::{ARCHIVE_INTERFACE, BUS_NAME, HISTORY_INTERFACE, OBJECT_PATH};
use zbus::fdo::IntrospectableProxy;

use crate::setup::Stage;

#[tokio::test]
async fn the_interfaces_are_the_golden_ones() {
    let stage = Stage::set().await;
    let connection = stage.bus.connect().await;
    let introspectable = IntrospectableProxy::builder(&connection)
        .destination(BUS_NAME)
        .unwrap()
        .path(OBJECT_PATH)
        .unwrap()
        .build()
        .await
        .unwrap();
    let introspection = introspectable.introspect().await.unwrap();
    for name in [BUS_NAME, HISTORY_INTERFACE, ARCHIVE_INTERFACE, "org.portolan.Config1"] {
        let found = ours(&introspection, name);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{name}.xml"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == golden, "the interface is not the one in {}:\n{found}", path.display());
    }
}

/// One of our interfaces alone: the standard ones are zbus' business.
fn ours(introspection: &str, name: &str) -> String {
    let begin = introspection.find(&format!("<interface name=\"{name}\">")).expect(introspection);
    let length = introspection[begin..].find("</interface>").expect(introspection) + "</interface>".len();
    let interface = &introspection[begin..begin + length];
    format!(
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \
         \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node name=\"{OBJECT_PATH}\">\n  {interface}\n</node>\n"
    )
}
