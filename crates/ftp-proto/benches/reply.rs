//! What a reply costs, from the bytes of a control connection to the value: one line, as nearly all are; a long one, as FEAT
//! and banners give it; and both in small reads, as a network may bring them.

use std::fmt;

use divan::Bencher;
use divan::counter::BytesCount;
use ftp_proto::{Reply, ReplyDecoder, ReplyError, ReplyLimits};

fn main() {
    divan::main();
}

/// Replies as they arrive.
struct Arrival {
    name: &'static str,
    /// Lines before the last.
    lines: usize,
    /// Bytes of a read.
    read: usize,
}

const WHOLE: usize = 8 * 1024;
const SMALL: usize = 7;

const ARRIVALS: [Arrival; 4] = [
    Arrival { name: "one line", lines: 0, read: WHOLE },
    Arrival { name: "one line, 7 bytes a read", lines: 0, read: SMALL },
    Arrival { name: "500 lines", lines: 500, read: WHOLE },
    Arrival { name: "500 lines, 7 bytes a read", lines: 500, read: SMALL },
];

impl Arrival {
    fn text(&self) -> Vec<u8> {
        let line = " A line of what a server has to say before one may log in\r\n";
        let before = if self.lines == 0 { String::new() } else { "226-Hello\r\n".to_owned() };
        (before + &line.repeat(self.lines) + "226 Transfer complete.\r\n").into_bytes()
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[divan::bench(args = ARRIVALS)]
fn reply(bencher: Bencher<'_, '_>, arrival: &Arrival) {
    let text = arrival.text();
    let mut decoder = ReplyDecoder::new(ReplyLimits::default());
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| decode(&mut decoder, &text, arrival.read));
}

/// The one reply of the text.
fn decode(decoder: &mut ReplyDecoder, text: &[u8], read: usize) -> Result<Option<Reply>, ReplyError> {
    let mut reply = None;
    for bytes in text.chunks(read) {
        decoder.push(bytes);
        reply = reply.or(decoder.next_reply()?);
    }
    Ok(reply)
}
