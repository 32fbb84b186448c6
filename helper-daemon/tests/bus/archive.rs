//! `org.portolan.Archive1` over a history that is really read.

use std::{fs::File, io::Read, os::fd::OwnedFd};

use portolan_bus::{Archive1Proxy, BATCH_MAX_BYTES, Error, ExportEnd, HistoryContents, HistoryLevel, action};
use portolan_core::Uid;
use portolan_history::{Batch, Flow, line::FlowLine};
use zbus::{Connection, proxy::CacheProperties};

use crate::{
    history::{stage, tells},
    sample::own_uid,
    setup::soon,
};

async fn archive(connection: &Connection) -> Archive1Proxy<'static> {
    Archive1Proxy::builder(connection).cache_properties(CacheProperties::No).build().await.unwrap()
}

async fn read(pipe: impl Into<OwnedFd>) -> (Vec<FlowLine>, ExportEnd) {
    let mut file = File::from(pipe.into());
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    });
    let text = soon(reading).await.unwrap();
    let (lines, end) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines, serde_json::from_str(end).unwrap())
}

#[tokio::test]
async fn an_export_holds_what_the_query_means_and_its_caller_may_see() {
    let stage = stage().await;
    let archive = archive(&stage.bus.connect().await).await;
    let queries = ["", "user:0", "app:secret", "domain:secret.example OR domain:mine.example", "\"secret\""];
    for query in queries {
        stage.polkit.allow(&[action::VIEW_OWN]);
        let (lines, end) = read(soon(archive.export(query)).await.unwrap()).await;
        assert_eq!((end.problem.as_deref(), end.rows), (None, u64::try_from(lines.len()).unwrap()));
        assert!(!tells(&lines), "{query}: {lines:?}");
        assert!(lines.iter().all(|line| line.uid == Some(own_uid())), "{query}: {lines:?}");
    }
    stage.polkit.allow(&[action::VIEW_ALL, action::VIEW_OWN]);
    let (lines, _) = read(soon(archive.export("")).await.unwrap()).await;
    assert!(lines.len() == 2 && tells(&lines));
    let (lines, _) = read(soon(archive.export("domain:mine.example")).await.unwrap()).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((line.domain.as_deref(), line.parents.len()), (Some("mine.example"), 1));
    assert_eq!((line.command_line.as_deref(), line.tx_bytes), (Some("program --mine"), 1000));
}

#[tokio::test]
async fn what_the_file_holds_is_told_to_who_may_see_all_and_to_others_how_long_it_is_kept() {
    let stage = stage().await;
    let archive = archive(&stage.bus.connect().await).await;
    stage.polkit.allow(&[]);
    assert!(matches!(soon(archive.info()).await, Err(Error::AccessDenied(_))));
    stage.polkit.allow(&[action::VIEW_OWN]);
    let own = soon(archive.info()).await.unwrap();
    stage.polkit.allow(&[action::VIEW_ALL, action::VIEW_OWN]);
    let all = soon(archive.info()).await.unwrap();
    assert!(all.path.ends_with(".sqlite"), "{all:?}");
    let level = |level: &HistoryLevel| HistoryLevel {
        level: level.level.clone(),
        kept: level.kept.clone(),
        ..HistoryLevel::default()
    };
    let levels = all.levels.iter().map(level).collect();
    let nothing_of_others =
        HistoryContents { levels, max_bytes: all.max_bytes, ..HistoryContents::default() };
    assert_eq!(own, nothing_of_others);
    let shown: Vec<_> = all.levels.iter().map(|level| (level.level.as_str(), level.kept.as_str())).collect();
    let expected = [("bucket", "7 days"), ("minute", "30 days"), ("hour", "2 years"), ("day", "for ever")];
    assert_eq!((shown, all.max_bytes), (expected.to_vec(), Some(2_000_000_000)));
    assert!(all.levels[0].rows >= Some(2) && all.levels[0].intervals >= Some(1), "{all:?}");
    assert!(all.file_bytes > Some(4096) && all.log_bytes.is_some(), "{all:?}");
    assert!(all.levels[0].first_unix_ms.is_some());
}

#[tokio::test]
async fn who_may_not_gets_neither_rows_nor_any_in() {
    let stage = stage().await;
    let archive = archive(&stage.bus.connect().await).await;
    let batch = serde_json::to_vec(&Batch { flows: vec![Flow::default()], ..Batch::default() }).unwrap();
    stage.polkit.allow(&[]);
    assert!(matches!(soon(archive.export("")).await, Err(Error::AccessDenied(_))));
    // Whoever may see and review everything may not write everybody's history.
    stage.polkit.allow(&[action::VIEW_ALL, action::VIEW_OWN, action::REVIEW]);
    assert!(matches!(soon(archive.import(&batch)).await, Err(Error::AccessDenied(_))));
    assert!(matches!(soon(archive.forget("")).await, Err(Error::AccessDenied(_))));
    assert!(stage.memory().imports.lock().unwrap().is_empty());
    assert!(stage.memory().forgotten.lock().unwrap().is_empty());
    stage.polkit.allow(&[action::CONFIGURE]);
    soon(archive.forget("domain:example.org")).await.unwrap();
    let query = stage.memory().forgotten.lock().unwrap()[0].1.to_string();
    assert_eq!(query, "domain:example.org");
    assert_eq!(soon(archive.import(&batch)).await.unwrap().added, 1);
    assert_eq!(stage.memory().imports.lock().unwrap()[0].0, Uid(own_uid()));
}

#[tokio::test]
async fn what_means_nothing_is_refused() {
    let stage = stage().await;
    let archive = archive(&stage.bus.connect().await).await;
    stage.polkit.allow(&[action::CONFIGURE, action::VIEW_ALL]);
    assert!(matches!(soon(archive.export("country:")).await, Err(Error::WrongQuery(_))));
    assert!(matches!(soon(archive.forget("country:")).await, Err(Error::WrongQuery(_))));
    assert!(stage.memory().forgotten.lock().unwrap().is_empty());
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let texts = ["", "{}", "null", &nested, r#"{"source":{},"before":-1,"programs":[],"flows":[]}"#];
    for text in texts {
        let answer = soon(archive.import(text.as_bytes())).await;
        assert!(matches!(answer, Err(Error::InvalidArgument(_))), "{answer:?}");
    }
    let answer = soon(archive.import(&vec![b' '; BATCH_MAX_BYTES + 1])).await;
    assert!(matches!(answer, Err(Error::LimitExceeded(_))), "{answer:?}");
    assert!(stage.memory().imports.lock().unwrap().is_empty());
}
