//! What holds for whatever comes over the control connection.

use ftp_proto::{
    Features, Reply, ReplyDecoder, ReplyError, ReplyLimits, misleads, parse_epsv, parse_mdtm, parse_mlst,
    parse_pasv, parse_pwd, parse_size,
};

use crate::pieces::pieces;

/// Limits that a short input can break.
const SMALL: ReplyLimits = ReplyLimits { line: 48, lines: 6, total: 160 };

/// The first byte of the input says how the others are split.
pub(crate) fn check(input: &[u8]) {
    let Some((seed, bytes)) = input.split_first() else { return };
    let pieces = pieces(*seed, bytes);
    for limits in [ReplyLimits::default(), SMALL] {
        let whole = decode(limits, &[bytes]);
        let split = decode(limits, &pieces);
        if bytes.len() <= limits.total {
            assert_eq!(split, whole, "another split of the bytes gave other replies");
        } else {
            // Only a flood can tell the splits apart, by when it is noticed.
            assert!(split.0.starts_with(&whole.0), "another split of the bytes gave other replies");
        }
        for reply in &split.0 {
            check_limits(reply, limits);
            check_texts(reply, bytes.get(..usize::from(*seed) % 7).unwrap_or_default());
            check_readers(reply);
        }
    }
}

/// Every reply, taken as soon as it is complete, and the error that ended it.
fn decode(limits: ReplyLimits, pieces: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>) {
    let mut decoder = ReplyDecoder::new(limits);
    let mut replies = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => {
                    check_failed(decoder, &error);
                    return (replies, Some(error));
                }
            }
        }
    }
    check_rest(decoder);
    (replies, None)
}

/// There is no way on after an error.
fn check_failed(mut decoder: ReplyDecoder, error: &ReplyError) {
    decoder.push(b"220 ready\r\n");
    assert_eq!(decoder.next_reply().as_ref(), Err(error), "an error was forgotten");
    assert!(!decoder.is_empty());
    assert!(!error.to_string().contains(misleads));
}

/// A decoder that says that it is empty has nothing left that could become a part of the next reply.
fn check_rest(mut decoder: ReplyDecoder) {
    if decoder.is_empty() {
        decoder.push(b"220 ready\r\n");
        let next = decoder.next_reply();
        assert!(matches!(&next, Ok(Some(reply)) if reply.to_string() == "220 ready"), "{next:?}");
        assert!(decoder.is_empty());
    }
}

fn check_limits(reply: &Reply, limits: ReplyLimits) {
    let lines: Vec<&[u8]> = reply.lines().collect();
    assert!((1..=limits.lines).contains(&lines.len()));
    assert!(lines.iter().all(|line| line.len() <= limits.line));
    assert!(lines.iter().map(|line| line.len()).sum::<usize>() <= limits.total);
    assert!((100..700).contains(&reply.code().as_u16()));
}

/// What people are shown is one line that drives no terminal and tells no secret.
fn check_texts(reply: &Reply, secret: &[u8]) {
    assert!(!reply.to_string().contains(misleads));
    assert_eq!(reply.text().split('\n').count(), reply.lines().count());
    let hidden = reply.clone().without(secret);
    assert_eq!(hidden.lines().count(), reply.lines().count());
    // A secret made of stars cannot be hidden by stars.
    if !secret.is_empty() && !secret.contains(&b'*') {
        assert!(hidden.lines().all(|line| !contains(line, secret)));
    }
}

/// Every reader of replies, on a reply that may be the answer to something else.
fn check_readers(reply: &Reply) {
    assert_ne!(parse_epsv(reply), Ok(0));
    assert_ne!(parse_pasv(reply).map(|address| address.port()), Ok(0));
    if let Some(size) = parse_size(reply) {
        assert_eq!(reply.text().trim().trim_start_matches('0'), size.to_string().trim_start_matches('0'));
    }
    if let Some(time) = parse_mdtm(reply) {
        assert!((0..=9999).contains(&time.year()) && time.offset().is_utc());
    }
    if let Some(path) = parse_pwd(reply) {
        assert!(!path.display().to_string().contains(misleads));
    }
    if let Some(entry) = parse_mlst(reply) {
        assert!(!entry.name.is_empty() && reply.lines().any(|line| line.ends_with(&entry.name)));
    }
    let facts = Features::parse(reply).mlst.unwrap_or_default();
    assert!(facts.iter().all(|fact| !fact.name.is_empty() && !fact.name.contains(';')));
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
