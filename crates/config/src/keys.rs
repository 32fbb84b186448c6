//! All keys.

use std::{ops::RangeInclusive, time::Duration};

use portolan_core::Severity;
use toml_edit::{Array, Value};

use crate::{
    Config, LogFormat, Network, Wanted, amount,
    exclusions::{Names, digest},
    value::{self, Trouble},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Ages of a history.
const AGES: (Duration, Duration) = (HOUR, Duration::from_secs(1000 * 365 * 86_400));

/// A key of the configuration.
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// What it means, for the default file: sentences.
    pub about: &'static str,
    /// Another value than the default, for the default file.
    pub example: Option<&'static str>,
    /// How its value is written on a command line.
    pub(crate) form: Form,
    /// Takes a value of a file in, or what is wrong with it.
    pub(crate) read: fn(&mut Config, &Value, &mut Vec<Trouble>),
    show: fn(&Config) -> Value,
}

/// What kind of a value it is in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Switch,
    Number,
    Text,
    /// What several files say adds up.
    List,
    /// A text or a list, of which the last counts.
    TextOrList,
}

impl Key {
    /// The key of this name.
    fn section_and_word(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// The section that it is in.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.section_and_word().0
    }

    /// Its name within its section.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.section_and_word().1
    }

    /// Its value as a file has it.
    #[must_use]
    pub fn show(&self, config: &Config) -> String {
        (self.show)(config).to_string()
    }

    /// Whether what several files say adds up.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.form == Form::List
    }
}

/// The key of this name.
#[must_use]
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A key of one value, which the last file that has it says.
macro_rules! one {
    ($name:literal, $form:ident, $section:ident.$field:ident, $read:expr, $show:expr, $about:literal $(, $example:literal)?) => {
        Key {
            name: $name,
            about: $about,
            example: None$(.or(Some($example)))?,
            form: Form::$form,
            read: |config, value, troubles| match $read(value) {
                Ok(found) => config.$section.$field = found,
                Err(trouble) => troubles.push(trouble),
            },
            show: |config| Value::from($show(config.$section.$field)),
        }
    };
}

/// A list, which grows with each file.
macro_rules! list {
    ($name:literal, exclusions.$field:ident, $read:expr, $show:expr, $about:literal, $example:literal) => {
        Key {
            name: $name,
            about: $about,
            example: Some($example),
            form: Form::List,
            read: |config, value, troubles| {
                for one in value::list(value, concat!("such as ", $example), troubles, $read) {
                    if !config.exclusions.$field.contains(&one) {
                        config.exclusions.$field.push(one);
                    }
                }
            },
            show: |config| Value::Array(config.exclusions.$field.iter().map($show).collect::<Array>()),
        }
    };
}

/// Every key there is.
pub const KEYS: &[Key] = &[
    one!(
        "recording.tick",
        Text,
        recording.tick,
        |value| value::duration(value, (SECOND / 10, SECOND * 10)),
        amount::show_duration,
        "How often the counters are read: \"100 ms\" to \"10 s\"."
    ),
    one!(
        "recording.bucket",
        Text,
        recording.bucket,
        bucket,
        amount::show_duration,
        "How long one entry of the history lasts: \"1 s\" to \"1 h\", a whole part of an hour. Another length begins where both \
         lengths do."
    ),
    one!(
        "recording.command_lines",
        Switch,
        recording.command_lines,
        value::switch,
        bool::from,
        "Whether command lines are recorded. What looks like a password or a token in them is masked as ***. Without them, the \
         history and its questions know programs by their files alone. What was recorded before stays, here and below."
    ),
    one!(
        "recording.addresses",
        Switch,
        recording.addresses,
        value::switch,
        bool::from,
        "Whether addresses are recorded. Without them, countries and networks are not, either."
    ),
    one!(
        "recording.ports",
        Switch,
        recording.ports,
        value::switch,
        bool::from,
        "Whether ports are recorded."
    ),
    one!(
        "recording.domains",
        Switch,
        recording.domains,
        value::switch,
        bool::from,
        "Whether the names of the other sides are recorded."
    ),
    one!(
        "retention.bucket",
        Text,
        retention.bucket,
        |value| value::age(value, AGES),
        amount::show_age,
        "How long the history is kept as it was recorded, with ports, at least \"1 h\", or \"for ever\"."
    ),
    one!(
        "retention.minute",
        Text,
        retention.minute,
        |value| value::age(value, AGES),
        amount::show_age,
        "How long its sums by the minute are kept; at least as long as the above."
    ),
    one!(
        "retention.hour",
        Text,
        retention.hour,
        |value| value::age(value, AGES),
        amount::show_age,
        "The same by the hour."
    ),
    one!(
        "retention.day",
        Text,
        retention.day,
        |value| value::age(value, AGES),
        amount::show_age,
        "The same by the day."
    ),
    one!(
        "retention.max_size",
        Text,
        retention.max_bytes,
        |value| value::size(value, 16_000_000),
        amount::show_size,
        "How large the history may become, at least \"16 MB\". Beyond, what is finest and oldest goes first."
    ),
    one!(
        "learning.period",
        Text,
        learning.period,
        |value| value::duration(value, (Duration::ZERO, DAY * 365)),
        amount::show_duration,
        "How long, while the daemon runs and the machine is awake, what talks is learned as one list to review, instead of told one by one: \"0 s\" to \
         \"1 year\". What no package owns, or what differs from its package, is told at once all the same. `portolan learning end` \
         ends it."
    ),
    one!(
        "notifications.least",
        Text,
        notifications.least,
        value::least,
        |least: Option<Severity>| least.map_or("none", Severity::as_str),
        "How severe a finding must be to be told: \"normal\", \"loud\", or \"none\" is."
    ),
    Key {
        name: "notifications.quiet_kinds",
        about: "Kinds of findings that are not told, however severe, as `portolan findings --json` calls them.",
        example: Some("[\"new-application\", \"unidentified\"]"),
        form: Form::List,
        read: |config, value, troubles| {
            for kind in value::list(value, "such as [\"new-application\"]", troubles, value::kind) {
                if !config.notifications.quiet_kinds.contains(&kind) {
                    config.notifications.quiet_kinds.push(kind);
                }
            }
        },
        show: |config| {
            Value::Array(config.notifications.quiet_kinds.iter().map(|kind| kind.as_str()).collect())
        },
    },
    Key {
        name: "places.databases",
        about: "Where countries and networks are looked up: a MaxMind DB file with GeoLite2's fields, such as GeoLite2's or DB-IP's own, \
                on a disk of this machine; or a list of at most 4, such as countries or cities first and networks second; or \"own\" \
                for Portolan's; or \"none\". It is read again when it changes.",
        example: Some("[\"/usr/share/GeoIP/GeoLite2-City.mmdb\", \"/usr/share/GeoIP/GeoLite2-ASN.mmdb\"]"),
        form: Form::TextOrList,
        read: |config, value, troubles| config.places.databases = value::databases(value, troubles),
        show: |config| {
            let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
            match config.places.databases.as_deref() {
                None => "own".into(),
                Some([]) => "none".into(),
                Some([one]) => path(one).into(),
                Some(several) => Value::Array(several.iter().map(path).collect()),
            }
        },
    },
    Key {
        name: "log.file",
        about: "The file, as an absolute path, or \"off\". Nobody but root may be able to write to its folder. The packaged service may \
                write to /var/log/portolan, and nowhere else beside its own folders.",
        example: Some("\"/var/log/portolan/flows.log\""),
        form: Form::Text,
        read: |config, value, troubles| match value::file(value) {
            Ok(file) => config.log.file = file,
            Err(trouble) => troubles.push(trouble),
        },
        show: |config| {
            config
                .log
                .file
                .as_ref()
                .map_or_else(|| "off".into(), |file| file.to_string_lossy().into_owned().into())
        },
    },
    one!(
        "log.format",
        Text,
        log.format,
        value::format,
        |format: LogFormat| format.as_str(),
        "\"json\": an object on each line. \"csv\": cells, with headings at the top. A file of the other format is put aside."
    ),
    one!(
        "log.rotate",
        Text,
        log.rotate_bytes,
        |value| value::size(value, 64_000),
        amount::show_size,
        "A file of this size is put aside as FILE.1, and a new one begun; at least \"64 kB\"."
    ),
    one!(
        "log.keep",
        Number,
        log.keep,
        |value| value::count(value, 1000),
        i64::from,
        "How many of those are kept, 0 to 1000; the oldest goes first."
    ),
    list!(
        "exclusions.applications",
        exclusions.applications,
        Wanted::read,
        Wanted::show,
        "By application, executable or script, as a query finds them (app:, exe:, script:): by names, keys or paths, in whatever case; * is anything.",
        "[\"deb:curl:/usr/bin/curl\", \"/opt/backup/*\"]"
    ),
    list!(
        "exclusions.executables",
        exclusions.executables,
        digest,
        |digest| digest.to_string(),
        "By the SHA-256 of the executable or of the script that it runs.",
        "[\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]"
    ),
    list!(
        "exclusions.networks",
        exclusions.networks,
        Network::read,
        Network::show,
        "By network: the other side's, unless a side is said: remote, local, either or both.",
        "[\"10.0.0.0/8\", { network = \"fd00::/8\", side = \"either\" }]"
    ),
    one!(
        "exclusions.between_local",
        Switch,
        exclusions.between_local,
        value::switch,
        bool::from,
        "Whether traffic is excluded of which neither side is on the internet: loopback, private and link-local addresses, groups of \
         receivers."
    ),
    list!(
        "exclusions.ports",
        exclusions.ports,
        |value| value::numbers::<u16>(value, "port"),
        numbers,
        "By the port of the service: the other side's for what this machine opened, else this side's.",
        "[53, \"6881-6889\"]"
    ),
    list!(
        "exclusions.domains",
        exclusions.domains,
        Names::read,
        Names::show,
        "By the name of the other side, as far as it is known; *.example.org is example.org and all below it.",
        "[\"localhost\", \"*.example.org\"]"
    ),
    list!(
        "exclusions.users",
        exclusions.users,
        |value| value::numbers::<u32>(value, "number of a user"),
        numbers,
        "By user: their numbers.",
        "[1001, \"60000-60999\"]"
    ),
    list!(
        "exclusions.containers",
        exclusions.containers,
        Wanted::read,
        Wanted::show,
        "By container, as a query finds it (container:): by name, or with its kind; * is anything.",
        "[\"lxc:build-*\", \"docker:*\"]"
    ),
];

/// A bucket must not cross the end of a minute or of an hour, by which it is added up.
fn bucket(value: &Value) -> Result<Duration, Trouble> {
    let found = value::duration(value, (SECOND, HOUR))?;
    let divides = |unit: Duration| unit.as_millis().is_multiple_of(found.as_millis());
    let minute = SECOND * 60;
    let is_whole =
        if found < minute { divides(minute) } else { divides(HOUR) && found.as_secs().is_multiple_of(60) };
    if is_whole {
        return Ok(found);
    }
    let shown = amount::show_duration(found);
    let message =
        format!("{shown} is no whole part of a minute or an hour, such as \"10 s\", \"1 min\" or \"5 min\"");
    Err(Trouble::at(value, message))
}

fn numbers<T>(range: &RangeInclusive<T>) -> Value
where
    T: Copy + PartialEq + std::fmt::Display + Into<i64>,
{
    let (first, last) = (*range.start(), *range.end());
    if first == last { Value::from(first.into()) } else { format!("{first}-{last}").into() }
}
