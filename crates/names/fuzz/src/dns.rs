//! Any message. What is read of it is bounded.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| {
    let _ = portolan_names::dns::question(message);
    let answer = portolan_names::dns::answer(message);
    if let Some(answer) = answer {
        assert!(answer.addresses.len() <= 64);
        let _ = portolan_names::registrable(&answer.question);
    }
});
