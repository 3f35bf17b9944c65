//! Start messages, from their bytes to the line that answers.
#![no_main]

#[path = "../properties/start_message.rs"]
mod start_message;

libfuzzer_sys::fuzz_target!(|input: &[u8]| start_message::check(input));
