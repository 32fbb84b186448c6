//! 33: one pid, given to several programs within a tick.

use std::{ffi::CString, fs, io, ptr};

use crate::{
    moved::{Failure, Moved},
    words::Words,
};

/// Pids are tried from here downwards; new processes of the machine take them upwards from the last one.
const BELOW_LIMIT: i32 = 50;

/// `reuse programs=A,B,… rounds= to= up= down=`: runs the programs in turn, each in a process with the same pid as the one
/// before. The n-th sends `up` + n bytes.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let programs: Vec<&str> = words.text("programs")?.split(',').collect();
    let (up, down) = (words.number("up")?, words.number("down")?);
    let limit: i32 =
        fs::read_to_string("/proc/sys/kernel/pid_max")?.trim().parse().map_err(io::Error::other)?;
    let mut pid = limit - BELOW_LIMIT;
    for round in 0..words.number("rounds")? {
        let program = programs[usize::try_from(round).map_err(io::Error::other)? % programs.len()];
        let arguments = [
            program.to_owned(),
            "tcp".to_owned(),
            format!("to={}", words.text("to")?),
            format!("up={}", up + round),
            format!("down={down}"),
        ];
        let arguments: Vec<CString> =
            arguments.into_iter().map(CString::new).collect::<Result<_, _>>().map_err(io::Error::other)?;
        loop {
            match start(pid, &arguments) {
                // Somebody has it. Nothing has been moved under it yet, so another one is as good.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) && round == 0 => pid -= 1,
                Err(error) => {
                    return Err(io::Error::other(format!("pid {pid} was not given: {error}")).into());
                }
                Ok(()) => break,
            }
        }
        let mut status = 0;
        // SAFETY: the pid is of a child that has not been waited for, and `status` is written to.
        if unsafe { libc::waitpid(pid, &raw mut status, 0) } != pid || status != 0 {
            return Err(io::Error::other(format!("{program} failed: {status}")).into());
        }
    }
    Ok(Moved::default())
}

/// Starts a program with this pid.
fn start(pid: i32, arguments: &[CString]) -> io::Result<()> {
    let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: all zeros are valid for a struct of integers.
    let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
    how.exit_signal = u64::try_from(libc::SIGCHLD).map_err(io::Error::other)?;
    how.set_tid = u64::try_from((&raw const pid).addr()).map_err(io::Error::other)?;
    how.set_tid_size = 1;
    // SAFETY: as fork, for there is no stack; the kernel reads `how` and the pid in it, which live beyond the call. The
    // child of this process, which has one thread, calls nothing but execv and _exit.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw const how, size_of_val(&how)) } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: the array is of C strings and ends with a null pointer.
            unsafe {
                libc::execv(pointers[0], pointers.as_ptr());
                libc::_exit(127)
            }
        }
        _ => Ok(()),
    }
}
