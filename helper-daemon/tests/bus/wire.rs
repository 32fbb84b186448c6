//! What is really on the wire, for clients in other languages.

use futures_util::StreamExt;
use portolan_bus::{
    BUS_NAME, DetailsResult, HISTORY_INTERFACE, LiveTick, OBJECT_PATH, QueryRequest, QueryResult,
    SeriesResult, Status,
};
use zbus::{
    MatchRule, Message, MessageStream,
    message::Type as Kind,
    zvariant::{Type, Value},
};

use crate::{
    sample,
    setup::{Stage, client, soon},
};

async fn raw_status(stage: &Stage) -> Message {
    let connection = stage.bus.connect().await;
    connection.call_method(Some(BUS_NAME), OBJECT_PATH, Some(BUS_NAME), "Status", &()).await.unwrap()
}

/// Whether the message's header has this signature. zbus itself reads “(su)” and “su” as the same.
fn has_signature(message: &Message, signature: &str) -> bool {
    let mut field = vec![u8::try_from(signature.len()).unwrap()];
    field.extend(signature.bytes());
    field.push(0);
    message.data().windows(field.len()).any(|window| window == field)
}

#[tokio::test]
async fn a_struct_is_one_argument_as_introspection_says() {
    let stage = Stage::set().await;
    assert!(has_signature(&raw_status(&stage).await, &Status::SIGNATURE.to_string()));

    let connection = stage.bus.connect().await;
    let rule = MatchRule::builder().msg_type(Kind::Signal).interface(BUS_NAME).unwrap().build();
    let mut signals = MessageStream::for_match_rule(rule, &connection, None).await.unwrap();
    client(&connection).await.subscribe_live().await.unwrap();
    stage.memory().tick(sample::tick(1, &[0]));
    let signal = soon(signals.next()).await.unwrap().unwrap();
    assert!(has_signature(&signal, &LiveTick::SIGNATURE.to_string()));

    let ask = async |method: &str| {
        let request = (QueryRequest::default(),);
        let call =
            connection.call_method(Some(BUS_NAME), OBJECT_PATH, Some(HISTORY_INTERFACE), method, &request);
        call.await.unwrap()
    };
    assert!(has_signature(&ask("Query").await, &QueryResult::SIGNATURE.to_string()));
    assert!(has_signature(&ask("Series").await, &SeriesResult::SIGNATURE.to_string()));
}

#[tokio::test]
async fn the_history_answers_in_columns() {
    let groups = "(a(sasau)atatataxaxa(t(tttaxax)))";
    assert_eq!(QueryRequest::SIGNATURE.to_string(), "(sasussu)");
    assert_eq!(
        QueryResult::SIGNATURE.to_string(),
        format!("({groups}(tttaxax)(axaxs)a(saxas)s)"),
        "changing this breaks every client"
    );
    let line = "(atatat)";
    assert_eq!(
        SeriesResult::SIGNATURE.to_string(),
        format!("(xaxa(sasau)a{line}a{line}a(xx)(axaxs)a(saxas)s)")
    );
    let details = DetailsResult::SIGNATURE.to_string();
    assert!(
        details.contains(&format!("a{{s{groups}}}")) && details.len() < 256,
        "the most that D-Bus allows: {details}"
    );
}

#[tokio::test]
async fn enums_are_words_and_options_are_lists_of_none_or_one() {
    assert_eq!(
        Status::SIGNATURE.to_string(),
        "(ssassx(ssaxa(ssttt))sa(sbs)(ttta{st}tt)(sta(stt)tx)(asa(sxxb))a{st}(sataxas)(ttttt)uax)",
        "changing this breaks every client"
    );
    assert_eq!(LiveTick::SIGNATURE.to_string(), "(xua(assasasasasasuasasbttu))");

    let stage = Stage::set().await;
    let reply = raw_status(&stage).await;
    let body = reply.body();
    let status: zbus::zvariant::Structure<'_> = body.deserialize().unwrap();
    let fields = status.fields();
    assert_eq!(fields[1], Value::from("reduced"));
    assert_eq!(fields[3], Value::from("all"));
    let Value::Structure(self_test) = &fields[5] else { panic!("{fields:?}") };
    assert_eq!(self_test.fields()[0], Value::from("passed"));
    assert_eq!(self_test.fields()[2], Value::from(vec![-5_i64]));
    let Value::Structure(history) = &fields[12] else { panic!("{fields:?}") };
    assert_eq!(history.fields()[2], Value::from(Vec::<i64>::new()));
    assert_eq!(history.fields()[3], Value::from(vec!["disk full"]));
}

#[tokio::test]
async fn errors_have_their_names() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[]);
    let connection = stage.bus.connect().await;
    let answer = connection.call_method(Some(BUS_NAME), OBJECT_PATH, Some(BUS_NAME), "Status", &()).await;
    let Err(zbus::Error::MethodError(name, Some(text), _)) = answer else { panic!("{answer:?}") };
    assert_eq!(name.as_str(), "org.portolan.Error.AccessDenied");
    assert!(text.contains("org.portolan.view-own"), "{text}");
}
