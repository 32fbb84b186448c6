//! SIGKILL anywhere in what takes long: to forget, to save what a damaged file holds, to bring an old one to this version; and power that
//! fails, and a disk that becomes full, in the first of these.

use std::{env, error::Error, fs, io::Write, path::Path, process::Command, thread, time::Duration};

use portolan_core::{Bytes, Uid, UnixMillis};
use portolan_history::{History, Limits, Reader, Record, Salvage, WriteError, language};

use crate::{
    disk::Disk,
    migration,
    world::{Dice, Place, everything, executable, lineage, program, records, service},
};

const KILLS: u32 = 20;
/// What a child is to do, and to which file.
const JOB: &str = "PORTOLAN_TEST_JOB";
const PATH: &str = "PORTOLAN_TEST_PATH";

/// A child's part; without a job there is nothing to do.
#[test]
fn a_child_does_its_job() {
    let (Ok(job), Ok(path)) = (env::var(JOB), env::var(PATH)) else { return };
    let path = Path::new(&path);
    match job.as_str() {
        "forget" => forget(path).unwrap(),
        "save" => {
            let mut salvage = Salvage::resume(path).unwrap();
            if salvage.is_none() {
                salvage = Some(Salvage::begin(path, UnixMillis(9)).unwrap());
            }
            let mut history = History::open(path).unwrap();
            while history.save(&mut salvage, 2).unwrap().is_none() {}
        }
        "migrate" => {
            let mut history = History::open(path).unwrap();
            while history.is_behind() {
                history.catch_up().unwrap();
            }
        }
        other => panic!("{other}"),
    }
    fs::write(path.with_extension("done"), "").unwrap();
}

/// Goes on with what is being forgotten, or begins with it.
fn forget(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut history = History::open(path)?;
    let query = language::parse("app:secret-program", &jiff::Zoned::now()).unwrap();
    let mut what = match history.resume_forgetting(service)? {
        Some(again) => again,
        None => history.begin_forgetting(&query, service, Uid(7), UnixMillis(i64::MAX))?,
    };
    while history.forget(&mut what)? {}
    Ok(())
}

fn assert_forgotten(disk: &Disk, kept: Bytes) {
    assert_eq!(total(&disk.path().join("history.sqlite")), kept);
    let files = fs::read_dir(disk.path()).unwrap().map(|file| file.unwrap().path());
    for file in files.filter(|file| file.is_file()) {
        let content = fs::read(&file).unwrap();
        assert!(!content.windows(14).any(|part| part == b"secret-program"), "{file:?}");
    }
}

/// Kills a child again and again in the middle of its job, then lets it come to its end.
fn kill_in(job: &str, path: &Path) {
    let mut dice = Dice(u64::from(std::process::id()) << 8 | 5);
    let child = || {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "kills::a_child_does_its_job"]).env(JOB, job).env(PATH, path);
        child.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let done = path.with_extension("done");
    let mut killed = 0;
    while killed < KILLS && !done.exists() {
        let mut child = child();
        // Not waiting for luck: the moment is random.
        thread::sleep(Duration::from_millis(10 + dice.below(60 * u64::from(killed + 1))));
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
    }
    println!("{job}: killed {killed} times");
    assert!(killed > 3, "{job} was over after {killed}");
    assert!(done.exists() || child().wait().unwrap().success());
}

fn total(path: &Path) -> Bytes {
    Reader::open(path).unwrap().answer(&everything(), &Limits::default()).unwrap().total.bytes
}

/// Rows over some weeks, every other one of a program that is to be forgotten.
fn fill(path: &Path) -> Bytes {
    let (mut history, mut dice) = (History::open(path).unwrap(), Dice(11));
    let secret = program(&lineage(executable("/opt/secret-program", 9), None));
    let mut kept = Bytes::default();
    for day in 0..40 {
        let at = |number: usize| UnixMillis((day * 86_400 + i64::try_from(number).unwrap() * 700) * 1000);
        let rows: Vec<Record> = records(&mut dice, 120)
            .into_iter()
            .enumerate()
            .map(|(n, record)| Record { bucket_start: at(n), first: at(n), last: at(n), ..record })
            .map(|record| Record { bytes: Bytes { tx: 3, rx: 5 }, ..record })
            .collect();
        let secrets =
            rows.iter().map(|row| Record { owner: secret.clone(), ..row.clone() }).collect::<Vec<_>>();
        rows.iter().for_each(|row| kept += row.bytes);
        history.write(&rows).unwrap();
        history.write(&secrets).unwrap();
    }
    kept
}

#[test]
#[ignore = "needs root"]
fn what_is_to_be_forgotten_is_gone_and_nothing_else_however_often_somebody_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_blocks(folder.path(), 256);
    let path = disk.path().join("history.sqlite");
    let kept = fill(&path);
    kill_in("forget", &path);
    assert_forgotten(&disk, kept);
}

#[test]
#[ignore = "needs root"]
fn the_same_however_often_the_power_fails() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_blocks(folder.path(), 256);
    let path = disk.path().join("history.sqlite");
    let kept = fill(&path);
    let mut dice = Dice(u64::from(std::process::id()) << 8 | 5);
    let mut cuts = 0;
    while cuts < 10 {
        let fuse = disk.fuse();
        let result = thread::scope(|scope| {
            let forgetting = scope.spawn(|| forget(&path).map_err(|error| error.to_string()));
            // Not waiting for luck: the moment is random.
            thread::sleep(Duration::from_millis(5 + dice.below(30 * (cuts + 1))));
            fuse.blow();
            forgetting.join().unwrap()
        });
        disk.power_on();
        cuts += 1;
        if result.is_ok() {
            break;
        }
    }
    println!("{cuts} cuts");
    forget(&path).unwrap();
    assert_forgotten(&disk, kept);
}

#[test]
#[ignore = "needs root"]
fn what_a_full_disk_stopped_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_memory(folder.path(), "24m");
    let path = disk.path().join("history.sqlite");
    let kept = fill(&path);
    let mut history = History::open(&path).unwrap();
    let query = language::parse("app:secret-program", &jiff::Zoned::now()).unwrap();
    let mut what = history.begin_forgetting(&query, service, Uid(7), UnixMillis(i64::MAX)).unwrap();
    let ballast = disk.path().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let error = loop {
        match history.forget(&mut what) {
            Ok(has_more) => assert!(has_more, "the disk is full"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WriteError::DiskFull(_)), "{error:?}");
    drop(file);
    fs::remove_file(ballast).unwrap();
    // The same writer goes on, with what is written down.
    let mut what = history.resume_forgetting(service).unwrap().unwrap();
    while history.forget(&mut what).unwrap() {}
    assert!(history.resume_forgetting(service).unwrap().is_none());
    drop(history);
    assert_forgotten(&disk, kept);
}

#[test]
#[ignore = "needs root"]
fn what_a_damaged_file_holds_is_saved_once_however_often_somebody_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_blocks(folder.path(), 256);
    let path = disk.path().join("history.sqlite");
    fill(&path);
    let before = total(&path);
    kill_in("save", &path);
    assert_eq!(total(&path), before);
    assert!(!Salvage::is_under_way(&path).unwrap());
}

#[test]
#[ignore = "needs root"]
fn an_old_file_is_brought_to_this_version_once_however_often_somebody_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_blocks(folder.path(), 256);
    let place = Place::new();
    let rows = "INSERT INTO actor (id, owner, uid, network_namespace) VALUES (1, 'kernel', 0, 1);
        INSERT INTO peer (id, protocol, direction) VALUES (1, 'tcp', 'outbound');
        CREATE TEMP TABLE n AS WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 2000)
            SELECT value FROM n;
        INSERT INTO bucket SELECT value, value * 100000, 10000 FROM n WHERE value <= 200;
        INSERT INTO traffic SELECT bucket.id, 1, 1, n.value, 0, 1, 2, 1, 0, 0 FROM bucket, n;";
    migration::version(6, &place, rows);
    let path = disk.path().join("history.sqlite");
    fs::copy(place.path(), &path).unwrap();
    kill_in("migrate", &path);
    assert_eq!(total(&path), Bytes { tx: 400_000, rx: 800_000 });
}
