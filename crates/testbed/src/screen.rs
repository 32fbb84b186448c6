use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use zbus::{
    Connection,
    zvariant::{OwnedObjectPath, OwnedValue},
};

use crate::{Desktop, Error, wait};

/// How often the screen is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(200);
/// A tree that is larger than this is not looked at to its end.
const MOST_WIDGETS: usize = 20_000;

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const COMPONENT: &str = "org.a11y.atspi.Component";
const TEXT: &str = "org.a11y.atspi.Text";

/// Something on the screen, as the accessibility bus tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget {
    /// What it is: `push button`, `menu item`, `label`, `static`, `frame`, …
    pub role: String,
    /// What a screen reader would say.
    pub name: String,
    /// The text in it; empty where it holds none.
    pub text: String,
    /// Its left edge on the screen.
    pub x: i32,
    /// Its upper edge on the screen.
    pub y: i32,
    /// Its width; 0 when it is not shown.
    pub width: i32,
    /// Its height; 0 when it is not shown.
    pub height: i32,
}

impl Desktop {
    /// Everything that is on the screen now, program by program. Empty parts of windows are left out.
    ///
    /// # Errors
    /// The accessibility bus does not answer.
    pub fn widgets(&self) -> Result<Vec<Widget>, Error> {
        self.user().act(|| {
            let address = wait::on_this_thread(self.session_bus(), async |session| {
                let bus = ("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus");
                let reply = session.call_method(Some(bus.0), bus.1, Some(bus.2), "GetAddress", &()).await?;
                reply.body().deserialize::<String>()
            })?;
            wait::on_this_thread(&address, all_widgets)
        })?
    }

    /// Waits until something for which `wanted` holds is shown, and returns it.
    ///
    /// # Errors
    /// It was not shown in time; the error lists what was.
    pub fn wait_for_widget(
        &self,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&Widget) -> bool,
    ) -> Result<Widget, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let widgets = self.widgets()?;
            if let Some(found) = widgets.iter().find(|widget| widget.is_shown() && wanted(widget)) {
                return Ok(found.clone());
            }
            if Instant::now() >= deadline {
                let shown: Vec<String> = widgets.iter().map(|widget| format!("{widget:?}")).collect();
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    seconds: timeout.as_secs(),
                    output: format!("The screen shows:\n{}", shown.join("\n")),
                });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for a button or menu item named `name` and presses it.
    ///
    /// # Errors
    /// There was none in time.
    pub fn press(&self, name: &str, timeout: Duration) -> Result<(), Error> {
        let button = self.wait_for_widget(&format!("a button “{name}”"), timeout, |widget| {
            widget.name == name && ["button", "push button", "menu item"].contains(&widget.role.as_str())
        })?;
        self.click_widget(&button)
    }

    /// Clicks into the middle of a widget.
    ///
    /// # Errors
    /// xdotool failed.
    pub fn click_widget(&self, widget: &Widget) -> Result<(), Error> {
        self.click(widget.x + widget.width / 2, widget.y + widget.height / 2)
    }
}

impl Widget {
    /// Whether it has a place on the screen.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.width > 0 && self.height > 0 && self.x >= 0 && self.y >= 0
    }
}

async fn all_widgets(bus: Connection) -> zbus::Result<Vec<Widget>> {
    let root = OwnedObjectPath::try_from("/org/a11y/atspi/accessible/root")?;
    let mut waiting = VecDeque::from([("org.a11y.atspi.Registry".to_owned(), root)]);
    let mut widgets = Vec::new();
    while let Some((owner, path)) = waiting.pop_front() {
        if widgets.len() >= MOST_WIDGETS {
            break;
        }
        let node = Node { bus: &bus, owner: &owner, path: &path };
        widgets.push(node.widget().await);
        waiting.extend(node.children().await.unwrap_or_default());
    }
    Ok(widgets)
}

/// One object on the accessibility bus.
struct Node<'a> {
    bus: &'a Connection,
    owner: &'a str,
    path: &'a OwnedObjectPath,
}

impl Node<'_> {
    async fn call<B>(&self, interface: &str, method: &str, body: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::ser::Serialize + zbus::zvariant::DynamicType,
    {
        self.bus.call_method(Some(self.owner), self.path, Some(interface), method, body).await
    }

    async fn children(&self) -> zbus::Result<Vec<(String, OwnedObjectPath)>> {
        let children: Vec<(String, OwnedObjectPath)> =
            self.call(ACCESSIBLE, "GetChildren", &()).await?.body().deserialize()?;
        if !children.is_empty() {
            return Ok(children);
        }
        // The window around a web page counts the page as its child, and does not list it.
        let count = self.call("org.freedesktop.DBus.Properties", "Get", &(ACCESSIBLE, "ChildCount")).await?;
        if i32::try_from(count.body().deserialize::<OwnedValue>()?)? == 0 {
            return Ok(children);
        }
        let page = self.call(ACCESSIBLE, "GetChildAtIndex", &0_i32).await?.body().deserialize()?;
        Ok(vec![page])
    }

    /// What it says of itself. Not everything has a name, a place or a text, and what has just gone away has nothing.
    async fn widget(&self) -> Widget {
        let role = self.call(ACCESSIBLE, "GetRoleName", &()).await;
        let role = role.and_then(|reply| reply.body().deserialize()).unwrap_or_default();
        let name = self.call("org.freedesktop.DBus.Properties", "Get", &(ACCESSIBLE, "Name")).await;
        let name = name.and_then(|reply| reply.body().deserialize::<OwnedValue>());
        let name = name.ok().and_then(|name| String::try_from(name).ok()).unwrap_or_default();
        // WebKit's page ends when it is asked for an interface that it does not have.
        let interfaces = self.call(ACCESSIBLE, "GetInterfaces", &()).await;
        let interfaces: Vec<String> =
            interfaces.and_then(|reply| reply.body().deserialize()).unwrap_or_default();
        let has = |interface: &str| interfaces.iter().any(|known| known == interface);
        let (mut x, mut y, mut width, mut height) = (0, 0, 0, 0);
        if has(COMPONENT)
            && let Ok(reply) = self.call(COMPONENT, "GetExtents", &0_u32).await
        {
            (x, y, width, height) = reply.body().deserialize().unwrap_or_default();
        }
        let mut text = String::new();
        if has(TEXT)
            && let Ok(reply) = self.call(TEXT, "GetText", &(0_i32, -1_i32)).await
        {
            text = reply.body().deserialize().unwrap_or_default();
        }
        Widget { role, name, text, x, y, width, height }
    }
}
