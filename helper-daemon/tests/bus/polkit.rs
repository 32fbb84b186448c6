//! A stand-in for polkitd, for what the real one cannot be made to do without root: it answers from a table and
//! remembers what it was asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use portolan_bus::action;
use zbus::{Connection, fdo, interface, object_server::SignalEmitter, zvariant::OwnedValue};

const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) subject_kind: String,
    /// The details' names and values, as the wire had them.
    pub(crate) details: Vec<(String, String)>,
    pub(crate) action: String,
    pub(crate) interactive: bool,
}

#[derive(Default)]
struct Table {
    granted: HashSet<String>,
    granted_by_password: HashSet<String>,
    fails: bool,
    hangs: bool,
    questions: Vec<Question>,
}

/// What is allowed to everybody on the bus.
pub(crate) struct Polkit {
    table: Arc<Mutex<Table>>,
    connection: Connection,
}

struct Authority(Arc<Mutex<Table>>);

impl Polkit {
    /// Takes polkit's place on the bus. Everything is allowed at first.
    pub(crate) async fn serve(connection: Connection) -> Self {
        let polkit = Self { table: Arc::default(), connection };
        polkit.allow(&[action::VIEW_ALL, action::VIEW_OWN, action::REVIEW]);
        polkit.connection.object_server().at(PATH, Authority(polkit.table.clone())).await.unwrap();
        polkit.connection.request_name("org.freedesktop.PolicyKit1").await.unwrap();
        polkit
    }

    /// Allows these actions and no others.
    pub(crate) fn allow(&self, actions: &[&str]) {
        self.table.lock().unwrap().granted = actions.iter().map(ToString::to_string).collect();
    }

    /// Allows these actions after a question to the person.
    pub(crate) fn allow_by_password(&self, actions: &[&str]) {
        self.table.lock().unwrap().granted_by_password = actions.iter().map(ToString::to_string).collect();
    }

    /// Answers with an error from now on.
    pub(crate) fn fail(&self) {
        self.table.lock().unwrap().fails = true;
    }

    /// Answers nothing at all from now on.
    pub(crate) fn hang(&self) {
        self.table.lock().unwrap().hangs = true;
    }

    /// What was asked so far.
    pub(crate) fn questions(&self) -> Vec<Question> {
        self.table.lock().unwrap().questions.clone()
    }

    /// Says that rights changed.
    pub(crate) async fn announce_change(&self) {
        let emitter = SignalEmitter::new(&self.connection, PATH).unwrap();
        Authority::changed(&emitter).await.unwrap();
    }
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedValue>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation_id: String,
    ) -> fdo::Result<((bool, bool, HashMap<String, String>),)> {
        let hangs = self.0.lock().unwrap().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut table = self.0.lock().unwrap();
        let interactive = flags & 1 != 0;
        table.questions.push(Question {
            subject_kind: subject.0,
            details: subject.1.iter().map(|(key, value)| (key.clone(), format!("{:?}", **value))).collect(),
            action: action.clone(),
            interactive,
        });
        if table.fails {
            return Err(fdo::Error::Failed("polkit is out of order".to_owned()));
        }
        let challenge = table.granted_by_password.contains(&action);
        let granted = table.granted.contains(&action) || (interactive && challenge);
        Ok(((granted, challenge && !granted, HashMap::new()),))
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
