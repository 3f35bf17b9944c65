//! Names as text, and text as names.
#![no_main]

#[path = "../properties/charset.rs"]
mod charset;

libfuzzer_sys::fuzz_target!(|input: &[u8]| charset::check(input));
