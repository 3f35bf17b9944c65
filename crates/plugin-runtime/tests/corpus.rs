//! Start messages that a fuzzer found worth keeping, held against the properties that it tries to break. CONTRIBUTING.md
//! says how to run the fuzzer itself.

use std::io;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;
#[path = "../../../fuzz/properties/start_message.rs"]
mod start_message;

#[test]
fn start_messages() -> io::Result<()> {
    replay::replay("start_message", start_message::check)
}
