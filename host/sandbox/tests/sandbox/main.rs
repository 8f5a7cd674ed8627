//! Guests that misbehave are contained and named; guests that behave get what the contract promises.

mod backend;
mod cache;
mod determinism;
mod isolation;
mod loading;
mod log;
mod policy;
mod reach;
mod sanitizer;
mod scarcity;
mod support;
