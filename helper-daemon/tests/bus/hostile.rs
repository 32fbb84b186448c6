//! Callers that ask too much, too long, or never listen, and how a question ends before its answer.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
};

use portolan_bus::{BUS_NAME, Error, HISTORY_INTERFACE, OBJECT_PATH, QueryRequest};
use zbus::Message;

use crate::setup::{Stage, client, history, soon};

fn request(token: u32) -> QueryRequest {
    QueryRequest { token, ..QueryRequest::default() }
}

#[tokio::test]
async fn a_question_is_cancelled_by_its_token_and_by_nobody_else() {
    let stage = Stage::set().await;
    let memory = stage.service.backend.clone();
    memory.question_permits.forget_permits(1000);
    let (asker, stranger) = (stage.asker().await, stage.asker().await);
    let asked = tokio::spawn({
        let asker = asker.clone();
        async move { asker.query(&request(7)).await }
    });
    soon(memory.question_arrivals.acquire()).await.unwrap().forget();
    assert!(!stranger.cancel(7).await.unwrap() && !asker.cancel(8).await.unwrap());
    assert_eq!(memory.given_up.available_permits(), 0);
    assert!(asker.cancel(7).await.unwrap());
    let answer = soon(asked).await.unwrap();
    assert!(matches!(answer, Err(Error::Cancelled(_))), "{answer:?}");
    soon(memory.given_up.acquire()).await.unwrap().forget();
    assert!(!asker.cancel(7).await.unwrap(), "it is over");
}

#[tokio::test]
async fn who_leaves_the_bus_waits_for_no_answer() {
    let stage = Stage::set().await;
    let memory = stage.service.backend.clone();
    memory.question_permits.forget_permits(1000);
    let connection = stage.bus.connect().await;
    let asker = history(&connection).await;
    let asked: Vec<_> = (0..3)
        .map(|_| {
            let asker = asker.clone();
            tokio::spawn(async move { asker.query(&request(0)).await })
        })
        .collect();
    soon(memory.question_arrivals.acquire_many(3)).await.unwrap().forget();
    assert_eq!(memory.given_up.available_permits(), 0);
    connection.close().await.unwrap();
    soon(memory.given_up.acquire_many(3)).await.unwrap().forget();
    for answer in asked {
        assert!(soon(answer).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_thousand_questions_keep_nobody_from_an_answer() {
    let stage = Stage::set().await;
    let memory = stage.service.backend.clone();
    memory.question_permits.forget_permits(1000);
    let flooder = history(&stage.bus.connect().await).await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let flooder = flooder.clone();
        flood.spawn(async move { flooder.query(&request(0)).await });
    }
    let other = async {
        soon(memory.question_arrivals.acquire_many(4)).await.unwrap().forget();
        let client = stage.client().await;
        for _ in 0..10 {
            soon(client.findings(false)).await.unwrap();
        }
        // What holds all places of the connection may end now.
        memory.question_permits.add_permits(1000);
    };
    let (answers, ()) = soon(async { tokio::join!(flood.join_all(), other) }).await;
    // Some of them by the bus itself, which has limits as well.
    let is_refused =
        |answer: &&Result<_, Error>| matches!(answer, Err(Error::LimitExceeded(_) | Error::Bus(_)));
    let refused = answers.iter().filter(is_refused).count();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answered >= 4 && refused >= 900 && answered + refused == 1000, "{answered} {refused}");
}

#[tokio::test]
async fn a_megabyte_of_text_is_refused_before_anybody_reads_it() {
    let stage = Stage::set().await;
    let asker = stage.asker().await;
    for text in ["(".repeat(1 << 20), "port:1 ".repeat(1 << 17), "ä".repeat(1 << 19)] {
        let request = QueryRequest { query: text.clone(), ..QueryRequest::default() };
        let answers = [
            soon(asker.query(&request)).await.map(drop),
            soon(asker.series(&request)).await.map(drop),
            soon(asker.complete(&text, 5)).await.map(drop),
            soon(asker.details("flow", &text)).await.map(drop),
        ];
        let is_refused = |answer: &Result<(), Error>| matches!(answer, Err(Error::LimitExceeded(_)));
        assert!(answers.iter().all(is_refused), "{answers:?}");
        let answers = [
            soon(asker.values("domain", &text, 5)).await.map(drop),
            soon(asker.values(&text, "", 5)).await.map(drop),
            soon(asker.details(&text, "x")).await.map(drop),
            soon(asker.details("application", &text)).await.map(drop),
            soon(asker.details("executable", &text)).await.map(drop),
        ];
        assert!(answers.iter().all(|answer| matches!(answer, Err(Error::InvalidArgument(_)))), "{answers:?}");
    }
    assert!(stage.memory().queries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_never_reads_its_answers_holds_up_nobody() {
    let stage = Stage::set().await;
    let long: Vec<_> = (0..500)
        .map(|number| portolan_bus::Finding {
            path: Some("/".repeat(4096)),
            ..crate::sample::finding(number, None)
        })
        .collect();
    *stage.memory().findings.lock().unwrap() = long;
    let address = stage.bus.address();
    // A client by hand: one of a library would read by itself.
    let deaf = tokio::task::spawn_blocking(move || {
        let mut socket = UnixStream::connect(address.strip_prefix("unix:path=").unwrap()).unwrap();
        let uid: String = crate::sample::own_uid().to_string().bytes().map(|c| format!("{c:02x}")).collect();
        write!(socket, "\0AUTH EXTERNAL {uid}\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(socket.try_clone().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("OK "), "{line}");
        socket.write_all(b"BEGIN\r\n").unwrap();
        let mut send = |message: zbus::message::Builder<'_>| {
            socket.write_all(message.build(&()).unwrap().data()).unwrap();
        };
        let bus = "org.freedesktop.DBus";
        let hello = Message::method_call("/org/freedesktop/DBus", "Hello").unwrap();
        send(hello.destination(bus).unwrap().interface(bus).unwrap());
        for _ in 0..300 {
            let ask = Message::method_call(OBJECT_PATH, "SubscribeFindings").unwrap();
            send(ask.destination(BUS_NAME).unwrap().interface(BUS_NAME).unwrap());
        }
        socket
    });
    let deaf = soon(deaf).await.unwrap();
    let (connection, mut answered) = (stage.bus.connect().await, 0);
    let (listener, asker) = (client(&connection).await, history(&connection).await);
    for _ in 0..20 {
        soon(asker.query(&request(0))).await.unwrap();
        answered += usize::from(soon(listener.findings(false)).await.is_ok());
    }
    assert_eq!(answered, 20);
    drop(deaf);
    assert_eq!(asker.inner().interface(), HISTORY_INTERFACE);
}
