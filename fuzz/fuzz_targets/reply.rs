//! Replies of the control connection.
#![no_main]

#[path = "../properties/pieces.rs"]
mod pieces;
#[path = "../properties/reply.rs"]
mod reply;

libfuzzer_sys::fuzz_target!(|input: &[u8]| reply::check(input));
