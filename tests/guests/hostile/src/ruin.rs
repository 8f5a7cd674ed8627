//! Ways to take what others need.

use std::collections::HashMap;
use std::hint::black_box;

/// Does what the word says, if it is one of ruin.
pub(crate) fn ruin(word: &str) {
    match word {
        "trap" => trap(),
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(3),
        "spin" => spin(),
        "fill" => fill(),
        "memory" => memory(),
        "stack" => {
            black_box(stack(black_box(0)));
        }
        "frames" => {
            black_box(frames(0));
        }
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(3_600)),
        "sleep_for_ever" => std::thread::sleep(std::time::Duration::MAX),
        "print_flood" => print_flood(),
        "print" => {
            print(&mut std::io::stdout(), "to the output \u{1b}[31m");
            print(&mut std::io::stderr(), "to the error output");
        }
        "hash" => hash(),
        _ => {}
    }
}

#[cfg(target_family = "wasm")]
fn trap() {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_family = "wasm"))]
fn trap() {
    std::process::abort()
}

fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// Burns time with few instructions: each copy is one of them.
fn fill() {
    let mut block = vec![1_u8; 64 << 20];
    loop {
        black_box(&mut block).fill(2);
    }
}

fn memory() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Needs nothing but return addresses, which lie on the host's stack.
#[inline(never)]
fn stack(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { stack(depth + 1).rotate_left(3) ^ depth }
}

/// Needs room for its frames, which lie in the guest's memory.
#[expect(unconditional_recursion, reason = "on purpose")]
fn frames(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    frames(depth + 1) + black_box(frame)[0]
}

fn print_flood() {
    let line = "flood ".repeat(20);
    for _ in 0..100_000 {
        print(&mut std::io::stdout(), &line);
    }
}

fn print(to: &mut dyn std::io::Write, line: &str) {
    // Whether anybody reads it is none of a guest's business.
    let _ = writeln!(to, "{line}");
}

/// Uses the seed of the standard library's hash maps.
fn hash() {
    let map: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
    black_box(map);
}
