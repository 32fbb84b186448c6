//! Puts up a private bus, prints its address and holds it until it is killed.

use portolan_testbed::{Error, Polkit, PrivateBus};

fn main() -> Result<(), Error> {
    let bus = PrivateBus::start(&Polkit::default())?;
    println!("{}", bus.address());
    loop {
        std::thread::park();
    }
}
