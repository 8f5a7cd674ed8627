//! WASI with nothing behind it.
//!
//! Standard libraries import WASI whether or not a program uses it, so its interfaces must be there for a component
//! to be instantiated. Behind them is nothing: no arguments, no environment, no files, no sockets, an input that is
//! at its end. Clocks show the time that the host feeds, random numbers follow from a seed that the host gives, and
//! what is written goes to the log. Nothing here calls the operating system or waits, so a guest cannot hold up a
//! thread beyond its fuel and deadline, and the same inputs give the same outputs.
//!
//! The interfaces of files and sockets are wasmtime's own, but no guest can come by a descriptor or a socket that
//! would lead into them: there are no preopened folders, and making a socket is refused here.

mod cli;
mod clock;
mod io;
mod log;
mod net;
mod random;

use pointsman_model::Timestamp;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtx, WasiSocketsCtxView};

use self::clock::Clock;
use self::log::Log;
use self::random::Random;
use crate::guest::Guest;

/// The interfaces that plugins may import: what standard libraries take for granted.
pub(crate) const INTERFACES: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// What a guest sees of the world.
pub(crate) struct Wasi {
    clock: Clock,
    random: Random,
    log: Log,
    table: ResourceTable,
    files: WasiFilesystemCtx,
    sockets: WasiSocketsCtx,
}

impl Wasi {
    /// Makes a world for one instance.
    pub(crate) fn new(plugin: &str, seed: [u8; 32], handles: usize, log_bytes: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        Self {
            clock: Clock::default(),
            random: Random::new(seed),
            log: Log::new(plugin, log_bytes),
            table,
            files: WasiFilesystemCtx::default(),
            sockets: WasiSocketsCtx::default(),
        }
    }

    /// Sets the time, and gives the log its full allowance again.
    pub(crate) fn begin_call(&mut self, at: Timestamp) {
        self.clock.set(at);
        self.log.begin_call();
    }

    /// Writes out what was left of a line.
    pub(crate) fn end_call(&mut self) {
        self.log.end_call();
    }
}

struct HasWasi;

impl HasData for HasWasi {
    type Data<'a> = &'a mut Wasi;
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

fn wasi(guest: &mut Guest) -> &mut Wasi {
    &mut guest.wasi
}

fn files(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    WasiFilesystemCtxView { ctx: &mut guest.wasi.files, table: &mut guest.wasi.table }
}

fn sockets(guest: &mut Guest) -> WasiSocketsCtxView<'_> {
    WasiSocketsCtxView { ctx: &mut guest.wasi.sockets, table: &mut guest.wasi.table }
}

/// Links [`INTERFACES`].
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    use bindings::{cli, clocks, filesystem, random, sockets as net, sync};

    let l = linker;
    cli::environment::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::exit::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::stderr::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::stdin::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::stdout::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::terminal_input::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::terminal_output::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::terminal_stderr::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::terminal_stdin::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    cli::terminal_stdout::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    clocks::monotonic_clock::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    clocks::wall_clock::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    random::insecure::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    random::insecure_seed::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    random::random::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    sync::io::poll::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    sync::io::streams::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    wasmtime_wasi_io::bindings::wasi::io::error::add_to_linker::<Guest, HasTable>(l, |g| &mut g.wasi.table)?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(l, files)?;
    sync::filesystem::types::add_to_linker::<Guest, WasiFilesystem>(l, files)?;
    net::instance_network::add_to_linker::<Guest, WasiSockets>(l, sockets)?;
    net::ip_name_lookup::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    net::network::add_to_linker::<Guest, WasiSockets>(l, &net::network::LinkOptions::default(), sockets)?;
    net::tcp_create_socket::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    sync::sockets::tcp::add_to_linker::<Guest, WasiSockets>(l, sockets)?;
    sync::sockets::udp::add_to_linker::<Guest, WasiSockets>(l, sockets)?;
    sync::sockets::udp_create_socket::add_to_linker::<Guest, HasWasi>(l, wasi)?;
    Ok(())
}
