//! Time in which no daemon ran is told from time in which nothing moved.

use std::{
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use portolan_bus::{Gap, History1Proxy, QueryRequest, SeriesResult};
use portolan_testbed::DaemonOptions;

use crate::bed::{Bed, PATIENCE, run};

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap()
}

/// What a program moved by bucket since then.
async fn series(bed: &Bed, program: &Path, since_ms: i64) -> SeriesResult {
    let proxy = bed.proxy().await;
    let history = History1Proxy::new(proxy.inner().connection()).await.unwrap();
    let query = format!("exe:{} since:@{}", program.display(), since_ms / 1000);
    let request = QueryRequest { query, step: "bucket".to_owned(), ..QueryRequest::default() };
    history.series(&request).await.unwrap()
}

/// Time passes: that is what this is about.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn talk(bed: &Bed, program: &Path, bytes: u64, in_all: u64) {
    run(program, &["tcp", &bed.programs.server().tcp_v4(), &bytes.to_string()]);
    let until = Instant::now() + PATIENCE;
    while bed.moved(program).await.0 != in_all {
        assert!(Instant::now() < until, "{}", bed.daemon.stderr());
    }
}

fn sent(series: &SeriesResult) -> u64 {
    series.lines.iter().flat_map(|line| &line.tx_bytes).sum()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn the_time_without_a_daemon_is_a_gap_and_silence_is_none() {
    let config = "[recording]\nbucket = \"1 s\"\n".to_owned();
    let mut bed = Bed::start_with(&DaemonOptions { config, ..DaemonOptions::default() });
    let program = bed.programs.copy("now-and-then");
    talk(&bed, &program, 1000, 1000).await;
    // A series begins with a whole bucket.
    pass(2).await;
    let began = now_ms();
    pass(4).await;
    let silent = series(&bed, &program, began).await;
    assert!(silent.times_unix_ms.len() >= 3, "{silent:?}");
    assert_eq!((silent.gaps.as_slice(), sent(&silent)), (&[][..], 0), "nothing moved, and that is known");

    bed.daemon.kill();
    let killed = now_ms();
    pass(5).await;
    let again = now_ms();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    talk(&bed, &program, 2000, 3000).await;
    let told = series(&bed, &program, began).await;
    let [Gap { from_unix_ms, until_unix_ms }] = told.gaps[..] else { panic!("{told:?}") };
    // It ends with what was told last: the question.
    assert!((killed - 4000..=killed).contains(&from_unix_ms), "{killed} {told:?}");
    // Whose first bytes are in a bucket was there from its beginning on.
    assert!((again - 1000..again + 30_000).contains(&until_unix_ms), "{again} {told:?}");
    let in_it = told.times_unix_ms.iter().filter(|start| told.is_gap(**start)).count();
    assert!(in_it >= 4, "{told:?}");
    assert_eq!(sent(&told), 2000);

    // Whoever ends as told leaves nothing out but the time after it.
    let stopped_at = now_ms();
    assert!(bed.daemon.stop().unwrap().success());
    let stopped = now_ms();
    pass(4).await;
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    let until = Instant::now() + PATIENCE;
    let gap = loop {
        assert!(Instant::now() < until, "{}", bed.daemon.stderr());
        if let [_, gap] = series(&bed, &program, began).await.gaps[..] {
            break gap;
        }
    };
    // What moved last has its bucket, to the end of that.
    assert!(
        (stopped_at - 1000..=stopped + 1000).contains(&gap.from_unix_ms),
        "{stopped_at} {gap:?} {stopped}"
    );
}
