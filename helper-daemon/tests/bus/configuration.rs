//! `org.portolan.Config1`: who may do what, and what a caller may send.

use portolan_bus::{Config1Proxy, Error, action};
use zbus::proxy::CacheProperties;

use crate::{sample, setup::Stage};

async fn client(stage: &Stage) -> Config1Proxy<'static> {
    let connection = stage.bus.connect().await;
    Config1Proxy::builder(&connection).cache_properties(CacheProperties::No).build().await.unwrap()
}

#[tokio::test]
async fn the_configuration_is_shown_to_who_may_see_anything_and_changed_by_who_may_configure() {
    let stage = Stage::set().await;
    let client = client(&stage).await;
    let shown = client.show().await.unwrap();
    assert_eq!((shown.settings[0].key.as_str(), shown.problems), ("recording.tick", vec!["why".to_owned()]));
    // As for the group portolan.
    assert!(matches!(client.set("recording.tick", "2 s").await, Err(Error::AccessDenied(_))));
    assert!(matches!(client.reset("recording.tick").await, Err(Error::AccessDenied(_))));
    stage.polkit.allow(&[action::CONFIGURE]);
    assert!(matches!(client.show().await, Err(Error::AccessDenied(_))));
    let setting = client.set("recording.tick", "2 s").await.unwrap();
    assert_eq!(setting, sample::setting("recording.tick", Some("2 s")));
    client.reset("exclusions.ports").await.unwrap();
    assert_eq!(
        *stage.memory().configured.lock().unwrap(),
        [("recording.tick", Some("2 s".to_owned())), ("exclusions.ports", None)]
    );
}

#[tokio::test]
async fn what_is_no_key_and_what_is_hostile_goes_no_further() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[action::CONFIGURE]);
    let client = client(&stage).await;
    let huge = "x".repeat(1 << 20);
    for key in
        ["", "tick", "recording", "recording.tick\n", "../recording.tick", "[recording]", "\u{1b}[31m", &huge]
    {
        let refused = client.set(key, "2 s").await;
        assert!(matches!(&refused, Err(Error::InvalidArgument(text)) if text.len() < 2000), "{refused:?}");
        assert!(matches!(client.reset(key).await, Err(Error::InvalidArgument(_))));
    }
    for value in ["1 s\"\nports = false", "\u{1b}[31m", "a\rb", "\u{85}"] {
        assert!(
            matches!(client.set("recording.tick", value).await, Err(Error::InvalidArgument(_))),
            "{value:?}"
        );
    }
    assert!(matches!(client.set("recording.tick", &huge).await, Err(Error::InvalidArgument(_))));
    assert!(stage.memory().configured.lock().unwrap().is_empty());
}
