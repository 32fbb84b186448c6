//! Pictures and pages of answers that are made up, hostile ones too.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use jiff::tz::TimeZone;
use portolan_bus::{
    Access, Application, Column, Covered, Finding, FindingState, Gap, Groups, Line, Other, QueryResult,
    QueryRow, SeriesResult, Severity, Sum,
};
use portolan_core::Dimension;
use portolan_report::{Bars, Chart, Language, Look, Map, Report, Theme};
use proptest::{collection::vec, prelude::*};
use resvg::usvg::roxmltree::Document;

const HOSTILE: [&str; 8] = [
    "</text><script>alert(1)</script>",
    "\"' onload='alert(1)",
    "&amp;&#0;]]>",
    "\u{202e}gpj.exe\u{2066}",
    "\x1b[31mred\x1b[2J\u{0}\u{fffe}",
    "مرحبا 12 שלום",
    "z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "<!--",
];

fn look(language: Language) -> Look {
    Look::new(language, TimeZone::get("Europe/Madrid").unwrap())
}

fn row(keys: &[(&str, &str)], rx_bytes: u64, tx_bytes: u64) -> QueryRow {
    let keys = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    QueryRow {
        keys,
        tx_bytes,
        rx_bytes,
        flows: 1,
        first_unix_ms: 1_780_000_000_000,
        last_unix_ms: 1_780_000_100_000,
    }
}

fn answer(rows: Vec<QueryRow>, other: Option<Other>) -> QueryResult {
    let add = |mut sum: Sum, row: &QueryRow| {
        sum.tx_bytes = sum.tx_bytes.saturating_add(row.tx_bytes);
        sum.rx_bytes = sum.rx_bytes.saturating_add(row.rx_bytes);
        sum
    };
    let mut total = rows.iter().fold(Sum::default(), add);
    other.iter().for_each(|other| total.add(&other.sum));
    let covered = Covered {
        since_unix_ms: Some(1_780_000_000_000),
        until_unix_ms: Some(1_780_003_600_000),
        finest: "minute".to_owned(),
    };
    QueryResult { groups: Groups::new(rows, other), total, covered, places: Vec::new(), access: Access::All }
}

fn series(step_ms: i64, lines: Vec<(&str, Vec<u64>)>) -> SeriesResult {
    let count = lines.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or_default();
    SeriesResult {
        step_ms,
        times_unix_ms: (0..).take(count).map(|at: i64| 1_780_000_000_000 + at * step_ms).collect(),
        keys: Column::of(lines.iter().map(|(name, _)| [("application", *name)])),
        lines: lines
            .into_iter()
            .map(|(_, rx_bytes)| Line {
                tx_bytes: vec![0; rx_bytes.len()],
                flows: vec![0; rx_bytes.len()],
                rx_bytes,
            })
            .collect(),
        other: None,
        gaps: Vec::new(),
        covered: Covered { since_unix_ms: None, until_unix_ms: None, finest: "bucket".to_owned() },
        places: Vec::new(),
        access: Access::All,
    }
}

/// The texts of a picture.
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let written = document.descendants().filter(|node| node.has_tag_name("text"));
    written.map(|node| node.text().unwrap_or_default().trim().to_owned()).collect()
}

fn application<'a>(series: &'a SeriesResult) -> Chart<'a> {
    Chart { about: "", series, by: Some(Dimension::Application) }
}

/// How many shapes have this colour.
fn shapes(svg: &str, tag: &str, colour: &str) -> usize {
    let document = Document::parse(svg).unwrap();
    let has = |node: &resvg::usvg::roxmltree::Node<'_, '_>| {
        node.has_tag_name(tag) && node.attribute("fill") == Some(colour)
    };
    document.descendants().filter(has).count()
}

#[test]
fn a_step_that_nobody_recorded_is_a_gap_and_not_zero() {
    let without = series(60_000, vec![("path:/a", vec![5, 5, 0, 0, 5, 5])]);
    let first = without.times_unix_ms[0];
    let gap = Gap { from_unix_ms: first + 90_000, until_unix_ms: first + 240_000 };
    let with = SeriesResult { gaps: vec![gap], ..without.clone() };
    let drawn = |series: &SeriesResult| application(series).draw(&look(Language::English)).svg().to_owned();
    let (with, without) = (drawn(&with), drawn(&without));
    // Two areas with shade between them, and what the shade means.
    assert_eq!((shapes(&with, "polygon", "#0072B2"), shapes(&without, "polygon", "#0072B2")), (2, 1));
    assert_eq!((shapes(&with, "rect", "#F1ECE0"), shapes(&without, "rect", "#F1ECE0")), (2, 0));
    assert!(texts(&with).contains(&"not recorded".to_owned()));
    assert!(!texts(&without).contains(&"not recorded".to_owned()));
}

#[test]
fn a_chart_says_how_wide_its_steps_are_and_orders_its_lines_by_size() {
    let lines =
        vec![("path:/usr/bin/small", vec![1_000_000; 7]), ("path:/usr/bin/large", vec![9_000_000; 7])];
    let series = series(60_000, lines);
    let english = texts(application(&series).draw(&look(Language::English)).svg());
    assert!(english.iter().any(|text| text.contains("Each step is 1\u{a0}minute wide")), "{english:?}");
    let place = |name: &str| english.iter().position(|text| text == name).unwrap();
    assert!(place("large") < place("small"));
    let spanish = texts(application(&series).draw(&look(Language::Spanish)).svg());
    assert!(spanish.iter().any(|text| text.contains("Cada escalón abarca 1\u{a0}minuto")), "{spanish:?}");
    // 720 steps are no picture: they are drawn by days, and said to be.
    let long = self::series(3_600_000, vec![("path:/a", vec![1; 720])]);
    let texts = texts(application(&long).draw(&look(Language::English)).svg());
    assert!(texts.iter().any(|text| text.contains("Each step is 1\u{a0}day wide")), "{texts:?}");
}

/// Every row of the list beside the map, and its sum.
#[test]
fn nothing_is_missing_from_the_sum_beside_the_map() {
    let other = Other { groups: 3, sum: Sum { rx_bytes: 7_000, ..Sum::default() } };
    let mut rows = vec![
        row(&[("country", "US")], 4_000_000, 1_000_000),
        row(&[("country", "SG")], 300_000, 0),
        row(&[("country", "EU")], 20_000, 0),
        row(&[("range", "private")], 1_000, 0),
        row(&[("range", "loopback")], 2_000, 0),
        row(&[("range", "public")], 3_000, 0),
        row(&[], 4_000, 0),
    ];
    let codes: Vec<String> = (0..40).map(|at| format!("Q{at}")).collect();
    rows.extend(codes.iter().map(|code| row(&[("country", code)], 1_000, 0)));
    let answer = answer(rows, Some(other));
    let picture = Map { about: "", answer: &answer }.draw(&look(Language::English));
    let texts = texts(picture.svg());
    for name in
        ["United States", "Singapore", "EU", "local network", "this machine", "unknown place", "All together"]
    {
        assert!(texts.iter().any(|text| text == name), "{name}: {texts:?}");
    }
    let amounts: Vec<f64> = texts
        .iter()
        .filter(|text| !text.contains('≥') && !text.contains(','))
        .filter_map(|text| amount(text))
        .collect();
    let (sum, parts) = amounts.split_last().unwrap();
    let parts: f64 = parts.iter().sum();
    assert!((parts - sum).abs() < 10_000.0, "{parts} is not {sum}: {amounts:?}");
    assert!((sum - 5_380_000.0).abs() < 10_000.0, "{sum}");
}

fn amount(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once('\u{a0}')?;
    let unit = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}

#[test]
fn hostile_names_are_text_in_every_picture_and_page() {
    let long = "x".repeat(10_000);
    let names: Vec<&str> = HOSTILE.into_iter().chain([long.as_str()]).collect();
    let of = |key: &str| answer(names.iter().map(|name| row(&[(key, *name)], 1_000, 10)).collect(), None);
    let series = series(60_000, names.iter().map(|name| (*name, vec![9; 5])).collect());
    let look = look(Language::English);
    let about = HOSTILE.concat();
    let (apps, domains, countries) = (of("application"), of("registrable_domain"), of("country"));
    let pictures = [
        Chart { about: &about, ..application(&series) }.draw(&look),
        Bars { about: &about, answer: &apps, by: Dimension::Application }.draw(&look),
        Bars { about: &about, answer: &domains, by: Dimension::RegistrableDomain }.draw(&look),
        Map { about: &about, answer: &countries }.draw(&look),
    ];
    for picture in &pictures {
        let svg = picture.svg();
        let document = Document::parse(svg).unwrap();
        assert!(document.descendants().all(|node| !node.has_tag_name("script")));
        assert!(
            !svg.contains('\x1b')
                && !svg.contains('\u{202e}')
                && !svg.contains("xxxxxxxxxx".repeat(31).as_str())
        );
    }
    let known: Vec<Application> = names.iter().map(|name| known(name)).collect();
    let findings: Vec<Finding> = names.iter().map(|name| finding(name)).collect();
    let report = Report {
        host: &about,
        query: &about,
        known: &known,
        findings: &findings,
        ..report(&series, &apps, &domains, &countries)
    };
    let page = report.html(&look);
    assert!(
        !page.contains("<script")
            && !page.contains("<!--")
            && !page.contains('\x1b')
            && !page.contains('\u{202e}')
    );
    assert!(page.contains("&lt;script&gt;"));
    // Our own attributes only: no name has opened a tag or left an attribute.
    assert!(!page.replace("&#39;", "").contains("onload='"));
}

#[test]
fn a_page_is_whole_and_asks_for_nothing_from_elsewhere() {
    let series = series(3_600_000, vec![("path:/usr/bin/curl", vec![1_000_000; 24])]);
    let apps = answer(
        vec![
            row(&[("application", "path:/usr/bin/curl")], 900, 90),
            row(&[("unattributed", "table-full")], 10, 0),
        ],
        None,
    );
    let empty = answer(Vec::new(), None);
    let (known, findings) = ([known("path:/usr/bin/curl")], [finding("path:/usr/bin/curl")]);
    let report = Report { known: &known, findings: &findings, ..report(&series, &apps, &empty, &empty) };
    let (english, spanish) = (report.html(&look(Language::English)), report.html(&look(Language::Spanish)));
    for page in [&english, &spanish] {
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
        for address in ["http://", "https://"] {
            let outside = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains(address), "{address}");
        }
        for other in ["<script", " style=", "url(", "@import", "<img", "<link", "<a "] {
            assert!(!page.contains(other), "{other}");
        }
        assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
        assert_eq!(page.matches("<svg").count(), page.matches("<title>").count() - 1);
    }
    assert!(english.contains("New application") && spanish.contains("Aplicación nueva"));
    assert!(
        english.contains("99.00\u{a0}% of the bytes") && spanish.contains("El 99,00\u{a0}% de los bytes")
    );
}

#[test]
fn answers_without_anything_are_said_to_be_so() {
    let (nothing, empty) = (series(60_000, Vec::new()), answer(Vec::new(), None));
    let look = look(Language::Spanish);
    let pictures = [
        application(&nothing).draw(&look),
        Bars { about: "", answer: &empty, by: Dimension::Domain }.draw(&look),
        Map { about: "", answer: &empty }.draw(&look),
    ];
    for picture in pictures {
        assert!(texts(picture.svg()).contains(&"No se registró nada de eso.".to_owned()));
    }
    let page = report(&nothing, &empty, &empty, &empty).html(&look);
    assert!(page.contains("No se registró nada en este tiempo."));
}

#[test]
fn a_picture_becomes_pixels() {
    let series = series(60_000, vec![("path:/a", vec![3, 1, 2])]);
    let picture = application(&series).draw(&Look { theme: Theme::Night, ..look(Language::English) });
    match picture.png(2) {
        Ok(png) => {
            assert!(png.starts_with(b"\x89PNG"));
            assert_eq!(
                (&png[16..20], &png[20..24]),
                (&2560_u32.to_be_bytes()[..], &1440_u32.to_be_bytes()[..])
            );
        }
        // As on a server without a screen: it is said, and the drawing is there.
        Err(error) => assert!(error.to_string().contains("no font")),
    }
}

fn report<'a>(
    series: &'a SeriesResult,
    applications: &'a QueryResult,
    destinations: &'a QueryResult,
    countries: &'a QueryResult,
) -> Report<'a> {
    Report {
        host: "laptop",
        query: "",
        since_ms: 1_780_000_000_000,
        until_ms: 1_780_086_400_000,
        now_ms: 1_780_090_000_000,
        series,
        applications,
        destinations,
        countries,
        services: destinations,
        before: Some(applications),
        known: &[],
        findings: &[],
        status: None,
    }
}

fn known(key: &str) -> Application {
    Application {
        application: key.to_owned(),
        path: key.to_owned(),
        sha256: "00".repeat(32),
        provenance: None,
        script: None,
        review: "approved".to_owned(),
        first_unix_ms: 1_780_000_001_000,
        last_unix_ms: 1_780_000_002_000,
        executables: 1,
    }
}

fn finding(key: &str) -> Finding {
    Finding {
        id: 1,
        kind: "new-application".to_owned(),
        severity: Severity::Loud,
        state: FindingState::Open,
        unix_ms: 1_780_000_001_000,
        updated_unix_ms: 1_780_000_001_000,
        times: 1,
        snoozed_until_unix_ms: None,
        answered_by: None,
        answered_unix_ms: None,
        application: Some(key.to_owned()),
        path: Some(key.to_owned()),
        sha256: None,
        previous_sha256: None,
        parent_path: None,
        uid: None,
        remote: None,
        remote_name: None,
        remote_name_inferred: false,
        detail: None,
        evidence: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is in an answer, there is a picture, and it is XML.
    #[test]
    fn no_answer_makes_it_panic(
        names in vec(any::<String>(), 0..12),
        bytes in vec(any::<u64>(), 0..40),
        times in vec(any::<i64>(), 0..40),
        step_ms in any::<i64>(),
        size in any::<(u32, u32)>(),
    ) {
        let size = (size.0 % 3000, size.1 % 3000);
        let look = Look { size, ..look(Language::Spanish) };
        let mut series = series(1, names.iter().map(|name| (name.as_str(), bytes.clone())).collect());
        (series.step_ms, series.times_unix_ms) = (step_ms, times);
        let chart = application(&series).draw(&look);
        let total = Chart { by: None, ..application(&series) }.draw(&look);
        let keys = ["country", "range", "application", "unattributed"];
        let rows = names.iter().zip(keys.iter().cycle()).zip(bytes.iter().cycle());
        let answer = answer(rows.map(|((name, key), bytes)| row(&[(key, name)], *bytes, *bytes)).collect(), None);
        let map = Map { about: "", answer: &answer }.draw(&look);
        let bars = Bars { about: "", answer: &answer, by: Dimension::Application }.draw(&look);
        for picture in [chart, total, map, bars] {
            prop_assert!(Document::parse(picture.svg()).is_ok());
        }
        let page = Report { since_ms: step_ms, until_ms: i64::MAX, ..report(&series, &answer, &answer, &answer) }.html(&look);
        prop_assert!(page.ends_with("</html>\n"));
    }
}
