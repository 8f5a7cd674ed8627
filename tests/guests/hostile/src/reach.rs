//! Ways to reach for the outside. Each says what it found there.

use std::collections::HashMap;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::{Instant, SystemTime};

/// Does what the word says, if it is one of reaching out, and tells what came of it.
pub(crate) fn reach(word: &str) -> Option<String> {
    Some(match word {
        "open_file" => found(std::fs::read("/etc/passwd").map(|bytes| bytes.len())),
        "write_file" => found(std::fs::write("/tmp/hostile", "mine")),
        "list_folder" => found(std::fs::read_dir(".").map(Iterator::count)),
        "current_folder" => found(std::env::current_dir()),
        "open_socket" => found(TcpStream::connect("127.0.0.1:80").map(|_| ())),
        "listen" => found(TcpListener::bind("127.0.0.1:0").map(|_| ())),
        "udp" => found(UdpSocket::bind("127.0.0.1:0").map(|_| ())),
        "look_up" => found("localhost:80".to_socket_addrs().map(Iterator::count)),
        "env" => format!("{} variables", std::env::vars_os().count()),
        "args" => format!("{} arguments", std::env::args_os().count()),
        "stdin" => found(std::io::stdin().read(&mut [0; 16])),
        "random" => random(),
        "clock" => clock(),
        "nap" => nap(),
        _ => return None,
    })
}

fn found<T: std::fmt::Debug>(result: std::io::Result<T>) -> String {
    match result {
        Ok(value) => format!("reached: {value:?}"),
        Err(error) => format!("denied: {error}"),
    }
}

/// The order of a hash map follows from the seed that its process drew.
fn random() -> String {
    let map: HashMap<u32, ()> = (0..50).map(|n| (n, ())).collect();
    format!("{:?}", map.keys().collect::<Vec<_>>())
}

fn clock() -> String {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = Instant::now();
    let mut count = 0_u64;
    for n in 0..10_000_u64 {
        count = std::hint::black_box(count + n);
    }
    format!("{} ms, {} ns passed", wall.as_millis(), start.elapsed().as_nanos())
}

fn nap() -> String {
    let (wall, start) = (SystemTime::now(), Instant::now());
    std::thread::sleep(std::time::Duration::from_secs(3_600));
    let slept = SystemTime::now().duration_since(wall).unwrap_or_default();
    format!("slept {} s, {} s by the wall", start.elapsed().as_secs(), slept.as_secs())
}
