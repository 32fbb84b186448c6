//! What does not fit into memory, where no folder but the history's own can be written to: as under the daemon's unit.

use std::{env, path::Path, process::Command};

use portolan_core::Dimension;
use portolan_history::{History, Limits, Question, Reader};

use crate::{
    migration::version,
    world::{Place, everything},
};

/// The history, for the test inside.
const INSIDE: &str = "PORTOLAN_TEST_HISTORY";

/// All but the folder `$1` becomes read-only; then the rest is run.
const READ_ONLY: &str = "mount --bind \"$1\" \"$1\"; for dir in / /tmp /var/tmp /usr/tmp; do \
    ! mountpoint -q $dir || mount -o remount,bind,ro $dir; done; cd /; shift; exec \"$@\"";

const MANY: &str = "INSERT INTO actor (id, owner, uid, network_namespace) VALUES (1, 'kernel', 0, 1);
    INSERT INTO bucket VALUES (1, 1700000000000, 10000);
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
        INSERT INTO address SELECT n, unhex(format('20010db8000000000000000000%06x', n)) FROM n;
    INSERT INTO peer SELECT id, 'tcp', 'outbound', NULL, id, 443 FROM address;
    INSERT INTO traffic SELECT 1, 1, peer.id, port.value, 443, peer.id, 1, 1, 0, 0 FROM peer, json_each('[1, 2, 3]') port;";

#[test]
#[ignore = "needs root and namespaces"]
fn what_is_too_large_to_be_sorted_in_memory_needs_no_folder_but_the_historys() {
    if let Some(path) = env::var_os(INSIDE) {
        return sort(path.as_ref());
    }
    let place = Place::new();
    version(5, &place, MANY);
    let name = "sorting::what_is_too_large_to_be_sorted_in_memory_needs_no_folder_but_the_historys";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", READ_ONLY, "sh"]).arg(place.dir.path());
    command.arg(env::current_exe().unwrap()).args(["--exact", "--ignored", "--nocapture", name]);
    let output = command.env(INSIDE, place.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn sort(path: &Path) {
    let mut history = History::open(path).unwrap();
    while history.is_behind() {
        history.catch_up().unwrap();
    }
    drop(history);
    let by = vec![Dimension::Remote, Dimension::LocalPort];
    let answer =
        Reader::open(path).unwrap().answer(&Question { by, ..everything() }, &Limits::default()).unwrap();
    assert_eq!(answer.groups.len(), 300_000);
}
