//! How bytes are counted on this kernel, in words.

use super::{
    hooks::Hook,
    places::{RECEIVE, SEND},
};

/// What no way of counting sees.
const UNSEEN: &str = "frames that AF_PACKET or AF_XDP hand over in shared memory";

/// How bytes are counted with these hooks, and what that cannot see.
pub(super) fn sentence(hooks: &[Hook]) -> String {
    let is_active = |name: &str| hooks.iter().any(|hook| hook.name == name && hook.problem.is_none());
    let way = |tracepoint: &str, function: &str| {
        if is_active(tracepoint) { Some(true) } else { is_active(function).then_some(false) }
    };
    match (way(SEND, "fexit/inet_sendmsg"), way(RECEIVE, "fexit/inet_recvmsg")) {
        (Some(true), Some(true)) => {
            format!("by the kernel's tracepoints, in the call that moves the bytes. Not seen: {UNSEEN}.")
        }
        (Some(_), Some(_)) => {
            let frames =
                if is_active("fexit/packet_recvmsg") { "" } else { ", and all other frames (AF_PACKET)" };
            format!(
                "when the kernel's functions for socket calls return, because this kernel has no tracepoints for it (they \
                 came with Linux 6.3). Not seen: {UNSEEN}{frames}; and a call that takes the processor in the middle of \
                 another's counting, which only a kernel with full preemption allows (Lost says how many)."
            )
        }
        (None, Some(_)) => {
            "only what programs receive: this kernel has no hook for what they send.".to_owned()
        }
        (Some(_), None) => {
            "only what programs send, and receive over TCP: this kernel has no hook for the rest.".to_owned()
        }
        (None, None) => {
            "only what programs receive over TCP: this kernel has no hook for the rest.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&'static str]) -> String {
        let hooks: Vec<Hook> = names.iter().map(|name| Hook::from_result(name, "", Ok(()))).collect();
        sentence(&hooks)
    }

    #[test]
    fn each_way_says_what_it_cannot_see() {
        assert!(with(&[SEND, RECEIVE]).starts_with("by the kernel's tracepoints"));
        let functions = with(&["fexit/inet_sendmsg", "fexit/inet_recvmsg"]);
        assert!(functions.contains("all other frames"), "{functions}");
        let functions = with(&["fexit/inet_sendmsg", "fexit/inet_recvmsg", "fexit/packet_recvmsg"]);
        assert!(functions.contains("Linux 6.3") && !functions.contains("all other frames"), "{functions}");
        assert!(with(&[]).starts_with("only what programs receive over TCP"));
    }
}
