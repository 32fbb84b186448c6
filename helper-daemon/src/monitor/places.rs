//! The hooks, and what stands in for those that older kernels do not have.

use super::hooks::Hook;

/// A hook: `at_<name>` is attached, and jumps to the program in `<name>_now`, which is `on_<name>`.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) hook: &'static str,
    pub(super) purpose: &'static str,
    /// Nothing can be attributed without it.
    pub(super) is_essential: bool,
    /// The hook that must be missing for this one to be attached.
    instead_of: Option<&'static str>,
}

pub(super) const SEND: &str = "tp_btf/sock_send_length";
pub(super) const RECEIVE: &str = "tp_btf/sock_recv_length";

const fn place(name: &'static str, hook: &'static str, purpose: &'static str) -> Place {
    Place { name, hook, purpose, is_essential: false, instead_of: None }
}

const fn essential(name: &'static str, hook: &'static str, purpose: &'static str) -> Place {
    Place { is_essential: true, ..place(name, hook, purpose) }
}

const fn instead_of(
    missing: &'static str,
    name: &'static str,
    hook: &'static str,
    purpose: &'static str,
) -> Place {
    Place { instead_of: Some(missing), ..place(name, hook, purpose) }
}

const SENDS: &str = "counts the bytes that programs send";
const SENDS_FILES: &str = "counts what sendfile and splice send";
const SENDS_FRAMES: &str = "counts the frames that programs send";
const RECEIVES: &str = "counts the bytes that programs receive (all but TCP)";
const RECEIVES_FRAMES: &str = "counts the frames that programs receive";
const PEER_SENT_4: &str = "knows the peer of datagrams sent over IPv4";
const PEER_SENT_6: &str = "knows the peer of datagrams sent over IPv6";
const PEER_RECEIVED_4: &str = "knows the peer of datagrams received over IPv4";
const PEER_RECEIVED_6: &str = "knows the peer of datagrams received over IPv6";

/// What is attached everywhere, in this order: what keeps the bytes of a socket that is closed comes before all that may give one a
/// cell, and programs move bytes in between.
pub(super) const PLACES: [Place; 14] = [
    essential("fork", "tp_btf/sched_process_fork", "knows who started whom"),
    essential("exec", "tp_btf/sched_process_exec", "knows which file a process runs"),
    place(
        "prepare",
        "tp_btf/sched_prepare_exec",
        "knows whether a program that is in memory only was changed after it was executed",
    ),
    essential("exit", "tp_btf/sched_process_exit", "knows when a process is gone"),
    place("moved", "tp_btf/cgroup_attach_task", "knows when a process is moved to another unit or container"),
    place("release", "cgroup/sock_release", "keeps what a socket moved until it was closed"),
    place("tcp_state", "tp_btf/inet_sock_set_state", "sees TCP connections before their first byte"),
    place("sent", SEND, SENDS),
    place("received", RECEIVE, RECEIVES),
    place("consumed", "tp_btf/tcp_rcv_space_adjust", "counts the bytes that programs receive over TCP"),
    place("sendmsg4", "cgroup/sendmsg4", PEER_SENT_4),
    place("sendmsg6", "cgroup/sendmsg6", PEER_SENT_6),
    place("recvmsg4", "cgroup/recvmsg4", PEER_RECEIVED_4),
    place("recvmsg6", "cgroup/recvmsg6", PEER_RECEIVED_6),
];

/// What is attached where one of the above is missing (bpf/c/older.h). Who says that a call fell back comes before who asks.
pub(super) const ALTERNATIVES: [Place; 15] = [
    instead_of(SEND, "inet_sendmsg", "fexit/inet_sendmsg", SENDS),
    instead_of(SEND, "inet6_sendmsg", "fexit/inet6_sendmsg", SENDS),
    instead_of(SEND, "inet_sendpage_entry", "fentry/inet_sendpage", SENDS_FILES),
    instead_of(SEND, "sock_no_sendpage", "fexit/sock_no_sendpage", SENDS_FILES),
    instead_of(SEND, "inet_sendpage", "fexit/inet_sendpage", SENDS_FILES),
    instead_of(SEND, "packet_sendmsg", "fexit/packet_sendmsg", SENDS_FRAMES),
    instead_of(SEND, "packet_sendmsg_spkt", "fexit/packet_sendmsg_spkt", SENDS_FRAMES),
    instead_of(RECEIVE, "inet_recvmsg", "fexit/inet_recvmsg", RECEIVES),
    instead_of(RECEIVE, "inet6_recvmsg", "fexit/inet6_recvmsg", RECEIVES),
    instead_of(RECEIVE, "sock_common_recvmsg", "fexit/sock_common_recvmsg", RECEIVES),
    instead_of(RECEIVE, "packet_recvmsg", "fexit/packet_recvmsg", RECEIVES_FRAMES),
    instead_of("cgroup/sendmsg4", "udp_sendmsg", "fentry/udp_sendmsg", PEER_SENT_4),
    instead_of("cgroup/sendmsg6", "udpv6_sendmsg", "fentry/udpv6_sendmsg", PEER_SENT_6),
    instead_of("cgroup/recvmsg4", "udp_recvmsg", "fexit/udp_recvmsg", PEER_RECEIVED_4),
    instead_of("cgroup/recvmsg6", "udpv6_recvmsg", "fexit/udpv6_recvmsg", PEER_RECEIVED_6),
];

impl Place {
    /// All that there may be.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        PLACES.iter().chain(&ALTERNATIVES)
    }

    /// Whether a call that it misses is not counted. What the others miss is found out at the socket's next use.
    pub(super) fn counts_calls(&self) -> bool {
        [SEND, RECEIVE].contains(&self.instead_of.unwrap_or(self.hook))
    }
}

/// What can stand in for a hook.
pub(super) fn stand_ins(place: &Place) -> impl Iterator<Item = &'static Place> {
    ALTERNATIVES.iter().filter(move |other| other.instead_of == Some(place.hook))
}

/// Tries the alternatives of every hook that is not active, and puts them into its place when one of them works.
///
/// Where none works, the hook stays and says why its first alternative does not.
pub(super) fn stand_in(
    hooks: Vec<Hook>,
    mut attach: impl FnMut(&'static Place) -> Result<(), String>,
) -> Vec<Hook> {
    let mut result = Vec::new();
    for mut hook in hooks {
        let Some(problem) = &hook.problem else {
            result.push(hook);
            continue;
        };
        let instead: Vec<Hook> = ALTERNATIVES
            .iter()
            .filter(|place| place.instead_of == Some(hook.name))
            .map(|place| Hook::from_result(place.hook, place.purpose, attach(place)))
            .collect();
        if instead.iter().any(|hook| hook.problem.is_none()) {
            result.extend(instead);
            continue;
        }
        if let Some(Hook { name, problem: Some(reason), .. }) = instead.first() {
            hook.problem = Some(format!("{problem}; in its place, {name}: {reason}"));
        }
        result.push(hook);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &'static str, result: Result<(), String>) -> Hook {
        Hook::from_result(name, "a purpose", result)
    }

    #[test]
    fn a_hook_that_is_missing_is_replaced_by_all_its_alternatives() {
        let hooks =
            vec![hook("tp_btf/sched_process_fork", Ok(())), hook(SEND, Err("it is not there".into()))];
        let mut tried = 0;
        let hooks = stand_in(hooks, |place| {
            tried += 1;
            if place.name == "packet_sendmsg" { Err("a module".into()) } else { Ok(()) }
        });
        assert_eq!(tried, 7);
        assert_eq!(hooks.len(), 8, "what works stays, and what is missing is not named any more");
        let inactive: Vec<_> =
            hooks.iter().filter(|hook| hook.problem.is_some()).map(|hook| hook.name).collect();
        assert_eq!(inactive, ["fexit/packet_sendmsg"]);
    }

    #[test]
    fn a_hook_without_a_working_alternative_stays_with_both_reasons() {
        let hooks = stand_in(vec![hook(RECEIVE, Err("it is not there".into()))], |_| Err("refused".into()));
        let reason = hooks[0].problem.as_deref().unwrap();
        assert_eq!(
            (hooks.len(), hooks[0].name, reason),
            (1, RECEIVE, "it is not there; in its place, fexit/inet_recvmsg: refused")
        );
        let alone = stand_in(vec![hook("cgroup/sock_release", Err("no".into()))], |_| Ok(()));
        assert_eq!((alone[0].name, alone[0].problem.as_deref()), ("cgroup/sock_release", Some("no")));
    }

    #[test]
    fn what_a_socket_leaves_is_kept_before_anything_is_counted() {
        let at = |name| PLACES.iter().position(|place| place.name == name).unwrap();
        for name in ["tcp_state", "sent", "received", "consumed"] {
            assert!(at("release") < at(name), "{name}");
        }
    }

    #[test]
    fn every_alternative_is_of_a_hook_that_there_is() {
        for place in &ALTERNATIVES {
            assert!(PLACES.iter().any(|other| place.instead_of == Some(other.hook)), "{}", place.hook);
        }
        let counting = Place::all().filter(|place| place.counts_calls()).count();
        assert_eq!(counting, 13);
    }
}
