use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use portolan_core::{Executable, Package, PackageManager, Sha256Digest};
use sha2::{Digest, Sha256};

use super::{shipped::Shipped, *};

fn digest(path: &Path) -> Sha256Digest {
    Sha256Digest(Sha256::digest(fs::read(path).unwrap()).into())
}

/// A question of a process that sees the machine's mounts, or others which root has made.
fn question(path: &Path, is_of_machine: bool) -> Question {
    let key = File::open(path).ok().map(|file| FileKey::of(&file).unwrap());
    let path = path.to_str().unwrap().into();
    let (script, container, uid) = (None, None, Uid(0));
    let app_image = None;
    Question {
        number: 7,
        path,
        key,
        may_be_layer: false,
        script,
        pid: None,
        has_machines_mounts: is_of_machine,
        has_roots_mounts: true,
        is_in_machines_mount: is_of_machine,
        container,
        is_users_word: false,
        uid,
        app_image,
    }
}

fn asked_script(path: Untrusted, key: Option<FileKey>) -> AskedScript {
    AskedScript { path, key, is_certain: true }
}

fn ask(questions: Vec<Question>) -> Vec<Answer> {
    ask_of(&mut Databases::new(), questions)
}

fn ask_of(databases: &mut Databases, questions: Vec<Question>) -> Vec<Answer> {
    let mut answers = Vec::new();
    databases.answer(questions, |answer| answers.push(answer));
    answers.sort_by_key(|answer| answer.number);
    answers
}

/// A file of a package; `None` where this machine has no dpkg.
fn owned() -> Option<PathBuf> {
    let path = fs::canonicalize("/usr/bin/dpkg").ok()?;
    Path::new("/var/lib/dpkg/status").exists().then_some(path)
}

#[test]
fn a_file_as_its_package_shipped_it_is_verified_and_any_other_content_is_not() {
    let Some(path) = owned() else { return };
    let answer = ask(vec![question(&path, true)]).remove(0);
    assert_eq!((answer.number, answer.executable.place), (7, Place::OfTheMachine));
    let Provenance::Verified(package) = answer.executable.provenance_of(Some(&digest(&path))) else {
        panic!("{answer:?}")
    };
    assert_eq!((package.manager, package.name.as_str()), (PackageManager::Deb, "dpkg"));
    let other = answer.executable.provenance_of(Some(&Sha256Digest([1; 32])));
    assert!(matches!(other, Provenance::Unknown(_)), "{other:?}");
}

#[test]
fn what_no_package_lists_is_unowned_and_so_is_a_script_of_a_packaged_interpreter() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let Some(path) = owned() else { return };
    let mut asked = question(&path, true);
    let script = question(file.path(), false);
    asked.script = Some(asked_script(script.path.clone(), script.key));
    let answer = ask(vec![asked]).remove(0);
    assert_eq!(answer.script.as_ref().unwrap().owned, Owned::Nobody);
    let sha256 = digest(&path);
    let executable = Executable { path: path.to_str().unwrap().into(), sha256 };
    let script = portolan_core::FileContent { path: script.path, sha256: Some(sha256) };
    let lineage = Lineage { executable, script: Some(script), parent: None };
    assert!(matches!(answer.provenance_of(&lineage), Provenance::Verified(_)));
    assert_eq!(answer.script_provenance_of(&lineage), Some(Provenance::Unowned));
}

#[test]
fn another_file_at_the_path_of_a_packaged_one_is_not_of_that_package() {
    let Some(path) = owned() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let impostor = Question { key: question(file.path(), false).key, ..question(&path, false) };
    let same_elsewhere = Question { number: 8, ..question(&path, false) };
    // Who makes a filesystem chooses the numbers of its files.
    let mut in_another = Question { number: 9, ..question(&path, false) };
    in_another.key.as_mut().unwrap().device = (0, 1);
    let answers = ask(vec![impostor, same_elsewhere, in_another]);
    assert_eq!((answers[2].executable.place, answers[2].executable.package()), (Place::Elsewhere, None));
    assert_eq!((answers[0].executable.place, answers[0].executable.package()), (Place::Elsewhere, None));
    assert_eq!(
        answers[1].executable.place,
        Place::OfTheMachine,
        "the very file, seen from another namespace"
    );
}

#[test]
fn a_changed_file_is_modified() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program");
    fs::write(&path, "shipped").unwrap();
    let md5 = portolan_packages::Checksum::Md5(md5::Md5::digest("shipped").into());
    let package = Package { manager: PackageManager::Deb, name: "x".to_owned(), version: "1".to_owned() };
    let shipped = Shipped::of(Some(&md5), &path);
    assert_eq!(shipped.compare(&package, &digest(&path)), Provenance::Verified(package.clone()));
    let before = digest(&path);
    fs::write(&path, "modified").unwrap();
    let modified = Shipped::of(Some(&md5), &path);
    assert_eq!(modified.compare(&package, &digest(&path)), Provenance::Modified(package.clone()));
    assert!(matches!(modified.compare(&package, &before), Provenance::Unknown(_)), "it was another one");
    assert_eq!(Shipped::of(None, &path).compare(&package, &digest(&path)), Provenance::Unchecked(package));
    assert!(matches!(Shipped::of(Some(&md5), dir.path()), Shipped::Unknown(_)));
}

#[test]
fn a_script_that_is_not_known_for_certain_to_be_the_one_at_its_path_is_no_package_s() {
    let Some(path) = owned() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let [found, other] = [question(&path, false).key, question(file.path(), false).key];
    let mut asked = question(&path, true);
    let all = [(found, true, true), (other, true, false), (None, true, false), (found, false, false)];
    for (key, is_certain, is_packaged) in all {
        asked.script = Some(AskedScript { is_certain, ..asked_script(asked.path.clone(), key) });
        let script = ask(vec![asked.clone()]).remove(0).script.unwrap();
        assert_eq!((script.place, script.package().is_some()), (Place::OfTheMachine, is_packaged));
    }
}

#[test]
fn of_a_script_in_mounts_that_a_user_can_make_nothing_is_proven() {
    let Some(path) = owned() else { return };
    let mut asked = question(&path, false);
    for (has_roots_mounts, place) in [(true, Place::OfTheMachine), (false, Place::Elsewhere)] {
        asked.script = Some(asked_script(asked.path.clone(), asked.key));
        asked.has_roots_mounts = has_roots_mounts;
        let answer = ask(vec![asked.clone()]).remove(0);
        assert_eq!(answer.executable.place, Place::OfTheMachine, "it is the very file");
        let script = answer.script.unwrap();
        assert_eq!((script.place, script.package().is_some()), (place, has_roots_mounts));
    }
}

#[test]
fn what_a_package_manager_at_work_leaves_open_is_asked_again() {
    let source = |owned| Source { place: Place::OfTheMachine, owned };
    let mut answer = Answer::unknown(Place::OfTheMachine, "nobody answered");
    assert!(!answer.is_passing(), "it was waited for");
    answer.executable = source(Owned::NotYet("it is being changed".to_owned()));
    assert!(answer.is_passing());
    (answer.executable, answer.script) = (source(Owned::Nobody), Some(answer.executable));
    assert!(answer.is_passing());
}

#[test]
fn a_replaced_file_is_the_machine_s_for_who_sees_what_the_machine_sees_where_only_root_mounts() {
    let files = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let [old, new] = files.each_ref().map(|file| question(file.path(), false));
    let pid = Some(Pid(std::process::id()));
    for (pid, has_roots_mounts, place) in
        [(pid, true, Place::OfTheMachine), (pid, false, Place::Elsewhere), (None, true, Place::Elsewhere)]
    {
        let asked = Question { key: old.key, pid, has_roots_mounts, ..new.clone() };
        assert_eq!(ask(vec![asked]).remove(0).executable.place, place);
    }
}

#[test]
fn what_is_known_is_answered_before_the_databases_are_asked_for_the_rest() {
    let files = [(); 3].map(|()| tempfile::NamedTempFile::new().unwrap());
    let numbered = |number: usize| {
        let number_of = u64::try_from(number).unwrap();
        Question { number: number_of, ..question(files[number].path(), true) }
    };
    let mut databases = Databases::new();
    let mut ask = |numbers: &[usize]| {
        let mut answered = Vec::new();
        databases.answer(numbers.iter().map(|number| numbered(*number)).collect(), |answer| {
            answered.push(answer.number);
        });
        answered
    };
    assert_eq!(ask(&[2]), [2]);
    assert_eq!(ask(&[0, 1, 2]), [2, 0, 1]);
}

#[test]
fn a_question_for_which_there_is_no_room_is_refused_and_all_others_are_answered() {
    let (open, gate) = mpsc::channel::<()>();
    let (send, answers) = mpsc::channel();
    // The first answer is under way until the gate is open.
    let origins = Origins::start(move |_| {
        let _ = gate.recv();
        let _ = send.send(());
    });
    let origins = origins.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let question = question(file.path(), false);
    let taken = (0..2 * QUEUE).take_while(|_| origins.ask(question.clone())).count();
    drop(open);
    assert!((QUEUE..=QUEUE + BATCH).contains(&taken), "{taken}");
    assert_eq!(answers.iter().take(taken).count(), taken);
    assert!(origins.ask(question), "there is room again");
}
