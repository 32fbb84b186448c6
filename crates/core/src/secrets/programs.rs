//! Options that take a secret as the next word, and those of well-known programs.

use std::ops::Range;

use super::{
    is_quote,
    names::{self, Secret},
    until,
};

/// An option of some programs.
struct Flag {
    programs: &'static [&'static str],
    /// `-p`, without the dash.
    letter: u8,
    /// Whether the value may be the next word; else it is of the same one.
    is_separate: bool,
    part: Part,
}

/// How much of an option's value is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// What is behind the first of this byte: `user:password`.
    After(u8),
    /// All of it, when it is no file's name: `name=value`.
    Pairs,
}

const MYSQL: &[&str] = &[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlshow",
    "mysqlcheck",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mariadb-check",
    "mariadb-import",
    "mariadb-show",
];
const LDAP: &[&str] =
    &["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd", "ldapcompare"];
const MONGO: &[&str] = &["mongo", "mongosh", "mongodump", "mongorestore", "mongoimport", "mongoexport"];
const SNMP: &[&str] = &["snmpget", "snmpgetnext", "snmpwalk", "snmpbulkwalk", "snmpset"];

const fn flag(programs: &'static [&'static str], letter: u8, is_separate: bool, part: Part) -> Flag {
    Flag { programs, letter, is_separate, part }
}

const FLAGS: [Flag; 20] = [
    flag(MYSQL, b'p', false, Part::Whole),
    flag(&["curl"], b'u', true, Part::After(b':')),
    flag(&["curl"], b'U', true, Part::After(b':')),
    flag(&["curl"], b'b', true, Part::Pairs),
    flag(&["sshpass"], b'p', true, Part::Whole),
    flag(&["redis-cli"], b'a', true, Part::Whole),
    flag(LDAP, b'w', true, Part::Whole),
    flag(MONGO, b'p', true, Part::Whole),
    flag(SNMP, b'A', true, Part::Whole),
    flag(SNMP, b'X', true, Part::Whole),
    flag(&["smbclient", "rpcclient", "net"], b'U', true, Part::After(b'%')),
    flag(&["zip", "unzip", "zipcloak"], b'P', true, Part::Whole),
    flag(&["7z", "7za", "7zr", "rar", "unrar"], b'p', false, Part::Whole),
    flag(&["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"], b'P', true, Part::Whole),
    flag(&["ipmitool", "sqlcmd", "bcp"], b'P', true, Part::Whole),
    flag(&["rdesktop"], b'p', true, Part::Whole),
    flag(&["lftp"], b'u', true, Part::After(b',')),
    flag(&["openssl"], b'k', true, Part::Whole),
    flag(&["openssl"], b'K', true, Part::Whole),
    flag(&["login"], b'p', true, Part::Whole), // docker login -p, podman, helm, …; `login` itself has no name behind -p
];

/// Programs whose `--password` has a value only behind a `=`, or none.
const ASKING: [&[&str]; 2] =
    [MYSQL, &["psql", "pg_dump", "pg_dumpall", "pg_restore", "createdb", "dropdb", "pg_basebackup"]];

/// What the next word is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Following {
    part: Part,
    /// Whether the option cannot be without a value.
    is_certain: bool,
    kind: Secret,
}

impl Following {
    /// Whether this is the option's value, and not the next option.
    pub(super) fn is_value(self, word: &[u8]) -> bool {
        self.is_certain || word.len() < 2 || word[0] != b'-'
    }

    /// Where the secret is in that value.
    pub(super) fn secret_of(self, word: &[u8]) -> Option<Range<usize>> {
        let is_path = self.kind == Secret::ValueButNoPath && names::is_path(word);
        let is_of_docker =
            word.starts_with(b"id=") || word.starts_with(b"source=") || word.starts_with(b"type=");
        if names::is_reference(word) || is_path || is_of_docker {
            return None;
        }
        match self.part {
            Part::Whole => Some(0..word.len()),
            Part::Pairs => word.contains(&b'=').then_some(0..word.len()),
            Part::After(byte) => word.iter().position(|found| *found == byte).map(|at| at + 1..word.len()),
        }
    }
}

/// What was read of a command line so far.
#[derive(Default)]
pub(super) struct Words {
    program: Option<Vec<u8>>,
    following: Option<Following>,
}

impl Words {
    pub(super) fn take_following(&mut self) -> Option<Following> {
        self.following.take()
    }

    /// Reads an argument, which may be a command line in itself (`sh -c`).
    pub(super) fn read(&mut self, argument: &[u8], secrets: &mut Vec<Range<usize>>) {
        let mut at = 0;
        let mut count = 0;
        while at < argument.len() {
            if argument[at].is_ascii_whitespace() {
                at += 1;
                continue;
            }
            let quote = Some(argument[at]).filter(|byte| is_quote(*byte));
            let start = if quote.is_some() { at + 1 } else { at };
            let end = match quote {
                Some(quote) => until(argument, start, |byte| byte == quote),
                None => until(argument, start, |byte| byte.is_ascii_whitespace()),
            };
            let word = &argument[start..end];
            let secret = match self.take_following() {
                Some(following) if following.is_value(word) => following.secret_of(word),
                _ => self.word(word),
            };
            secrets.extend(secret.map(|secret| start + secret.start..start + secret.end));
            at = end.max(start) + usize::from(quote.is_some());
            count += 1;
        }
        if count > 1 {
            self.following = None;
        }
    }

    /// The secret in a word, which may say that the next one is one.
    fn word(&mut self, word: &[u8]) -> Option<Range<usize>> {
        let Some(option) = word.strip_prefix(b"-") else {
            let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or(word);
            if is_known(name) {
                self.program = Some(name.to_vec());
            }
            return None;
        };
        if let Some(name) = option.strip_prefix(b"-") {
            self.long(name);
            return None;
        }
        let (letter, value) = option.split_first()?;
        if let Some(flag) = self.flag(*letter) {
            if value.is_empty() {
                self.expect(flag, flag.is_separate);
                return None;
            }
            let following = Following { part: flag.part, is_certain: true, kind: Secret::Value };
            return following.secret_of(value).map(|secret| 2 + secret.start..2 + secret.end);
        }
        if let Some(last) =
            value.last().filter(|_| option.iter().all(u8::is_ascii_alphabetic) && option.len() < 5)
            && let Some(flag) = self.flag(*last).filter(|flag| flag.is_separate)
        {
            self.expect(flag, true); // several in one: -su
        } else {
            self.long(option); // -password
        }
        None
    }

    fn long(&mut self, name: &[u8]) {
        let is_user = self.is_program("curl") && (name == b"user" || name == b"proxy-user");
        if is_user {
            let part = Part::After(b':');
            self.following = Some(Following { part, is_certain: true, kind: Secret::Value });
        } else if let Some(kind) = names::secret(name)
            && !ASKING.iter().any(|programs| programs.iter().any(|program| self.is_program(program)))
            && !name.iter().any(|byte| matches!(byte, b'=' | b':'))
        {
            self.following = Some(Following { part: Part::Whole, is_certain: false, kind });
        }
    }

    fn expect(&mut self, flag: &Flag, is_separate: bool) {
        if is_separate {
            self.following = Some(Following { part: flag.part, is_certain: true, kind: Secret::Value });
        }
    }

    fn flag(&self, letter: u8) -> Option<&'static Flag> {
        FLAGS.iter().find(|flag| {
            flag.letter == letter && flag.programs.iter().any(|program| self.is_program(program))
        })
    }

    fn is_program(&self, name: &str) -> bool {
        self.program.as_deref() == Some(name.as_bytes())
    }
}

/// Whether anything depends on this being the program. The last such word is: `sudo mysql …`, `docker exec db mysql …`.
fn is_known(name: &[u8]) -> bool {
    let lists = FLAGS.iter().map(|flag| flag.programs).chain(ASKING);
    lists.flatten().any(|program| program.as_bytes() == name)
}
