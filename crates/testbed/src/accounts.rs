use std::fs;

use crate::{Error, user::User};

/// The first of the group numbers that are given to made-up groups; far above what a machine uses.
const FIRST_GID: u32 = 61_000;

/// The machine's `/etc/passwd` and `/etc/group` with `users` added, for polkit's eyes only.
pub(crate) fn with_users(users: &[User]) -> Result<(String, String), Error> {
    Ok(extend(&read("/etc/passwd")?, &read("/etc/group")?, users))
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { action: "read", path: path.into(), source })
}

fn extend(passwd: &str, group: &str, users: &[User]) -> (String, String) {
    let mut passwd = passwd.to_owned();
    let mut groups: Vec<String> = group.lines().map(str::to_owned).collect();
    for user in users {
        let entry = format!("{}:", user.name);
        if !passwd.lines().any(|line| line.starts_with(&entry)) {
            passwd.push_str(&format!("{}:x:{}:{}::/:/bin/false\n", user.name, user.uid, user.gid));
        }
        for name in &user.groups {
            join(&mut groups, name, &user.name);
        }
    }
    (passwd, groups.join("\n") + "\n")
}

fn join(groups: &mut Vec<String>, name: &str, member: &str) {
    let entry = format!("{name}:");
    let used = groups.len();
    match groups.iter_mut().find(|line| line.starts_with(&entry)) {
        Some(line) if line.ends_with(':') => line.push_str(member),
        Some(line) => line.push_str(&format!(",{member}")),
        // The number of lines grows with each group, so no two made-up groups share a number.
        None => {
            let gid = FIRST_GID + u32::try_from(used).unwrap_or(0);
            groups.push(format!("{name}:x:{gid}:{member}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_added_beside_those_of_the_machine() {
        let users = [
            User::new("alice", 4001).in_group("portolan").in_group("audio"),
            User::new("root", 0),
            User::new("bob", 4002).in_group("portolan"),
        ];
        let (passwd, group) = extend("root:x:0:0::/root:/bin/sh\n", "root:x:0:\naudio:x:29:eve\n", &users);
        assert_eq!(
            passwd,
            "root:x:0:0::/root:/bin/sh\nalice:x:4001:4001::/:/bin/false\nbob:x:4002:4002::/:/bin/false\n"
        );
        assert_eq!(group, "root:x:0:\naudio:x:29:eve,alice\nportolan:x:61002:alice,bob\n");
    }
}
