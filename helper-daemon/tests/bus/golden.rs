//! The interface as introspection shows it is the one in `golden/`, so that a change of the contract is seen in review.
//! `UPDATE_GOLDEN=1` writes it anew.

use std::{fs, path::Path};

use portolan_bus::{BUS_NAME, OBJECT_PATH};
use zbus::fdo::IntrospectableProxy;

use crate::setup::Stage;

#[tokio::test]
async fn the_interface_is_the_golden_one() {
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
    for interface in ["org.portolan.Daemon1", "org.portolan.Config1"] {
        compare(&introspection, interface);
    }
}

fn compare(introspection: &str, interface: &str) {
    let found = ours(introspection, interface);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{interface}.xml"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == golden, "the interface is not the one in {}:\n{found}", path.display());
}

/// Our interface alone: the standard ones are zbus' business.
fn ours(introspection: &str, interface: &str) -> String {
    let begin = introspection.find(&format!("<interface name=\"{interface}\">")).expect(introspection);
    let length = introspection[begin..].find("</interface>").expect(introspection) + "</interface>".len();
    let interface = &introspection[begin..begin + length];
    format!(
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \
         \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node name=\"{OBJECT_PATH}\">\n  {interface}\n</node>\n"
    )
}
