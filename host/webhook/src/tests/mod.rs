//! The channel over a host and a receiver that do what a test says.

mod courier;
mod desk;
mod fake;
mod teller;
