//! Inputs that a fuzzer found worth keeping, held against the properties that it tries to break. CONTRIBUTING.md says
//! how to run the fuzzer itself.

use std::io;

#[path = "../../../fuzz/properties/address.rs"]
mod address;
#[path = "../../../fuzz/properties/charset.rs"]
mod charset;
#[path = "../../../fuzz/properties/listing.rs"]
mod listing;
#[path = "../../../fuzz/properties/pieces.rs"]
mod pieces;
#[path = "../../../fuzz/properties/replay.rs"]
mod replay;
#[path = "../../../fuzz/properties/reply.rs"]
mod reply;

#[test]
fn replies() -> io::Result<()> {
    replay::replay("reply", reply::check)
}

#[test]
fn addresses() -> io::Result<()> {
    replay::replay("address", address::check)
}

#[test]
fn listings() -> io::Result<()> {
    replay::replay("listing", listing::check)
}

#[test]
fn names() -> io::Result<()> {
    replay::replay("charset", charset::check)
}
