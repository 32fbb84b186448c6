//! The scenarios that take seconds, each once; `cargo xtask scenarios` runs all of them several times.

use portolan_scenarios::{Bed, Outcome, Pace, Run, World, attempt, find, is_good, print};

#[test]
#[ignore = "needs root, eBPF, a private bus and namespaces"]
fn what_programs_moved_is_what_portolan_says() {
    let world = World::new().unwrap();
    let mut bed = Bed::start().unwrap();
    let mut runs = Vec::new();
    for scenario in find(&[]).unwrap().into_iter().filter(|scenario| scenario.pace == Pace::Quick) {
        let seed = fastrand::u64(0..1_000_000_000);
        let mut run = Run::of(scenario);
        run.trials.push(Outcome::new(attempt(scenario, &mut bed, &world, seed), seed));
        runs.push(run);
    }
    let mut table = Vec::new();
    print(&runs, &mut table).unwrap();
    assert!(is_good(&runs), "{}", String::from_utf8_lossy(&table));
}
