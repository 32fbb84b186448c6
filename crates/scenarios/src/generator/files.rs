//! 29: programs whose file has no name, or no longer the one that it was started by.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsRawFd,
    process::Stdio,
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::{
    counted,
    launch::Launched,
    moved::{Failure, Moved},
    stream,
    words::Words,
};

/// `memfd program= name= to= up= down= pause-ms= [settle-ms=] [sealed=yes] [altered=yes]`: runs a copy of `program` that is in memory only, and
/// writes to it once it runs: the kernel refuses that for files, but not for a descriptor of memory that was there before.
pub(crate) fn memfd(words: &Words) -> Result<Moved, Failure> {
    let name = words.text("name")?;
    // Not closed by exec: the program is started by its descriptor.
    let mut file = File::from(memfd_create(name, MemfdFlags::ALLOW_SEALING).map_err(io::Error::from)?);
    io::copy(&mut File::open(words.text("program")?)?, &mut file)?;
    if words.is("sealed") {
        fcntl_add_seals(&file, SealFlags::WRITE).map_err(io::Error::from)?;
    }
    std::thread::sleep(std::time::Duration::from_millis(words.number_or("settle-ms", 0)?));
    let inner = ["to", "up", "down", "pause-ms"].iter().map(|key| Ok(format!("{key}={}", words.text(key)?)));
    let mut inner = inner.collect::<Result<Vec<_>, Failure>>()?;
    inner.insert(0, "patient".to_owned());
    let program = format!("/proc/self/fd/{}", file.as_raw_fd());
    let running = Launched::start(&program, &format!("/memfd:{name}"), &inner, Stdio::null())?;
    if words.is("altered") {
        file.write_all(b"what was never executed")?;
    }
    running.finish()?;
    Ok(Moved::default())
}

/// `patient to= up= down= pause-ms=`: connects, prints `connected`, and moves its bytes when stdin has ended and the pause
/// is over.
pub(crate) fn patient(words: &Words) -> Result<Moved, Failure> {
    let mut connection = TcpStream::connect(words.address("to")?)?;
    println!("connected");
    io::stdin().read_to_end(&mut Vec::new())?;
    std::thread::sleep(std::time::Duration::from_millis(words.number_or("pause-ms", 0)?));
    let mut moved = Moved::default();
    let greeting = stream::greeting(words.number("up")?, words.number("down")?);
    moved.tx += counted::send_all(&mut connection, &greeting)?;
    moved.tx += counted::send_all(&mut connection, &vec![29; words.size("up")?])?;
    connection.shutdown(Shutdown::Write)?;
    moved.rx += counted::receive_all(&mut connection)?;
    Ok(moved)
}
