//! Folder listings in every format.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;
#[path = "../properties/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|input: &[u8]| listing::check(input));
