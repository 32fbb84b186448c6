//! One app a session: the second start makes the first one open its window.
//!
//! This is settled before GTK starts. `tauri-plugin-single-instance` settles it after, and calls `exit` while tao's
//! thread is opening its display: one second start in forty died of a segmentation fault.

use std::collections::HashMap;

use tokio::sync::mpsc;
use zbus::{Connection, connection::Builder, proxy, zvariant::Value};

use crate::controller::{Choice, Request};

const NAME: &str = "org.portolan.Desktop";
const PATH: &str = "/org/portolan/Desktop";

/// Takes the name on the session's bus that `session` leads to. The app is the first for as long as the connection lives.
///
/// `None` when another one runs; it was told to open its window when `open` was wanted.
pub(super) async fn claim(
    session: impl Fn() -> zbus::Result<Builder<'static>>,
    requests: mpsc::Sender<Request>,
    open: bool,
) -> zbus::Result<Option<Connection>> {
    let claimed = session()?
        .name(NAME)?
        .replace_existing_names(false)
        .allow_name_replacements(false)
        .serve_at(PATH, Application { requests })?
        .build()
        .await;
    match claimed {
        Ok(connection) => Ok(Some(connection)),
        Err(zbus::Error::NameTaken) => {
            if open {
                ApplicationProxy::new(&session()?.build().await?).await?.activate(HashMap::new()).await?;
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The part of the desktop entry specification's D-Bus interface that the app has.
struct Application {
    requests: mpsc::Sender<Request>,
}

#[zbus::interface(name = "org.freedesktop.Application")]
impl Application {
    async fn activate(&self, _platform_data: HashMap<String, Value<'_>>) {
        self.requests.send(Request::Chosen(Choice::Open)).await.ok();
    }
}

#[proxy(
    interface = "org.freedesktop.Application",
    default_service = "org.portolan.Desktop",
    default_path = "/org/portolan/Desktop",
    gen_blocking = false
)]
trait Application {
    fn activate(&self, platform_data: HashMap<&str, Value<'_>>) -> zbus::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::testing::Bus;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_start_opens_the_window_of_the_first() {
        let bus = Bus::start(None);
        let session = || Builder::address(bus.address.as_str());
        let (requests, mut todo) = mpsc::channel(1);
        let first = claim(session, requests, true).await.unwrap();
        assert!(first.is_some());

        let (unused, _) = mpsc::channel(1);
        assert!(claim(session, unused.clone(), false).await.unwrap().is_none());
        assert!(todo.try_recv().is_err(), "a start in the background opens no window");
        assert!(claim(session, unused.clone(), true).await.unwrap().is_none());
        assert!(matches!(todo.recv().await, Some(Request::Chosen(Choice::Open))));

        first.unwrap().close().await.unwrap();
        assert!(claim(session, unused, true).await.unwrap().is_some());
    }
}
