//! Where addresses belong, stored with what was moved.

use crate::bed::{Bed, answer_of, run};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_flow_is_stored_with_the_place_of_its_other_side() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("placed");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    let proxy = bed.proxy().await;
    let ask = async |by: &[&str]| answer_of(&proxy, &format!("exe:{:?}", program), by).await;
    let result = ask(&["range", "country", "asn"]).await;
    let rows = result.groups.rows();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let keys = ["range", "country", "asn"].map(|key| row.keys.get(key).map(String::as_str));
    assert_eq!(keys, [Some("loopback"), None, None], "a special range has neither");
    let [places] = &result.places[..] else { panic!("{:?}", result.places) };
    assert!(places.made_unix_ms.is_some() && places.attribution.as_ref().unwrap().contains("CC BY-SA"));
    assert!(ask(&["range"]).await.places.is_empty(), "nothing in it is from there");
}
