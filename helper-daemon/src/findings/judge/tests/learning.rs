//! The first hours, and what package managers bring.

use super::*;

fn learning() -> Judge {
    let mut judge = Judge::default();
    judge.learn(true);
    judge
}

#[test]
fn what_packages_list_is_learned_and_everything_else_told_at_once() {
    let cases = [
        (verified(), (Baseline, Quiet)),
        (Provenance::Unchecked(package()), (Baseline, Quiet)),
        (Provenance::Unowned, (NewApplication, Loud)),
        (Provenance::not_looked_at(), (NewApplication, Normal)),
        (Provenance::Modified(package()), (NewApplication, Loud)),
    ];
    for (provenance, expected) in cases {
        let program = Program::of("/usr/bin/curl", 1, provenance);
        let mut judge = learning();
        assert_eq!(told(&mut judge, &program), [expected]);
        assert_eq!(told(&mut judge, &program), []);
    }
    let script = |provenance| Program::of("/usr/bin/python3", 1, verified()).with_script(Some(1), provenance);
    assert_eq!(told(&mut learning(), &script(Some(verified()))), [(Baseline, Quiet)]);
    let unread = || Some(Provenance::not_looked_at());
    for (provenance, severity) in [(None, Normal), (unread(), Normal), (Some(Provenance::Unowned), Loud)] {
        assert_eq!(told(&mut learning(), &script(provenance)), [(NewApplication, severity)]);
    }
}

#[test]
fn a_change_is_a_change_also_while_portolan_learns() {
    let mut judge = learning();
    assert_eq!(told(&mut judge, &Program::of("/usr/bin/curl", 1, verified())), [(Baseline, Quiet)]);
    assert_eq!(told(&mut judge, &curl(2)), [(ChangedExecutable, Loud)]);
    assert_eq!(told(&mut judge, &Program::of("/usr/bin/curl", 3, verified())), [(Upgraded, Quiet)]);
    let mut second = Program::of("/usr/lib/curl/helper", 1, Provenance::Unchecked(package()));
    second.application = key();
    assert_eq!(told(&mut judge, &second), [(Baseline, Quiet)], "nothing was in its place");
}

#[test]
fn when_learning_has_ended_what_is_new_is_told() {
    let mut judge = learning();
    judge.learn(false);
    assert_eq!(told(&mut judge, &Program::of("/usr/bin/curl", 1, verified())), [(NewApplication, Normal)]);
}

#[test]
fn all_that_is_learned_is_one_group_and_so_is_a_run_of_a_package_manager() {
    let mut judge = learning();
    let mut group = |path: &str, content, at: i64| {
        let found = judge.observe(&Program::of(path, content, verified()).talk(), UnixMillis(NOW.0 + at));
        assert!(found[0].subject.is_none() && found[0].evidence.members.len() == 1);
        found[0].group.clone().unwrap()
    };
    let minute = 60_000;
    assert_eq!([group("/a", 1, 0), group("/b", 1, 1)], ["baseline", "baseline"]);
    let first = group("/a", 2, 0);
    assert_eq!(first, format!("deb {}", NOW.0));
    assert_eq!(group("/b", 2, 9 * minute), first);
    assert_eq!(group("/a", 3, 18 * minute), first, "the pause counts, not the whole");
    let second = group("/b", 3, 29 * minute);
    assert_ne!(second, first);
    assert_ne!(group("/b", 4, -29 * minute), second, "the clock was set back");
}

#[test]
fn who_dismissed_a_run_is_told_of_the_next_change_as_of_another() {
    let mut judge = known(ReviewState::Approved, &[1]);
    let group = |judge: &mut Judge, content, at| {
        let found = judge.observe(&Program::of("/usr/bin/curl", content, verified()).talk(), UnixMillis(at));
        found[0].group.clone().unwrap()
    };
    let first = group(&mut judge, 2, 5);
    judge.answered(Upgraded);
    assert_ne!(group(&mut judge, 3, 6), first);
}
