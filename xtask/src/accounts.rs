use std::{env, fs, os::unix::fs::MetadataExt, path::PathBuf, process::Command, time::Duration};

use rustix::process::geteuid;

use crate::tool;

/// Somebody with an account on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: PathBuf,
}

/// The person behind the terminal: who asked root to run this, or whose desktop root was given, or else who runs it.
pub(crate) fn person() -> anyhow::Result<Account> {
    let own = geteuid().as_raw();
    if own != 0 {
        return by_uid(own);
    }
    let asked = ["SUDO_UID", "PKEXEC_UID"].into_iter().filter_map(|name| env::var(name).ok()?.parse().ok());
    let desktop = ["XDG_RUNTIME_DIR", "XAUTHORITY"]
        .into_iter()
        .filter_map(|name| Some(fs::metadata(env::var_os(name)?).ok()?.uid()));
    by_uid(asked.chain(desktop).find(|uid| *uid != 0).unwrap_or(0))
}

/// The account of a uid. One that the machine does not know has its number as its name and no home.
fn by_uid(uid: u32) -> anyhow::Result<Account> {
    let mut command = Command::new("getent");
    command.arg("passwd").arg(uid.to_string());
    let (_, answer) = tool::quietly(command, Duration::from_secs(10))?;
    Ok(parse(&answer).unwrap_or_else(|| Account {
        name: uid.to_string(),
        uid,
        gid: rustix::process::getegid().as_raw(),
        home: "/".into(),
    }))
}

/// Reads a line of passwd(5).
fn parse(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
    Some(Account {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_read() {
        let account = parse("eva:x:1000:1001:Eva,,,:/home/eva:/bin/bash\n").expect("it is complete");
        assert_eq!((account.name.as_str(), account.uid, account.gid), ("eva", 1000, 1001));
        assert_eq!(account.home, PathBuf::from("/home/eva"));
        assert_eq!(parse(""), None);
    }
}
