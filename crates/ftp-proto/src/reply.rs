//! The server's half of the control connection. What comes in may be one byte at a time, several replies at once, or
//! no FTP at all, and it comes from a stranger: so there is one decoder, and it has limits.

use std::fmt::{self, Display};

use thiserror::Error;

use crate::code::{Code, Severity};
use crate::escape::Escaped;
use crate::line::{LineSplitter, LineTooLong};
use crate::telnet;

/// How much of a line that is no reply is shown, in bytes.
const EXCERPT: usize = 80;

/// Stands after an excerpt that does not go to the line's end.
const CUT: char = '…';

/// One reply: a code, and the text that came with it in one line or more.
///
/// `Display` shows it in one line, with control characters escaped: `550 No such file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: Code,
    /// Never empty.
    lines: Vec<Vec<u8>>,
}

impl Reply {
    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the first digit of the code says.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The text without the code, its lines joined with LF, U+FFFD where it is not UTF-8.
    ///
    /// This is what the server sent: for a log or a terminal, use `Display`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines.join(&b'\n')).into_owned()
    }

    /// The same reply with stars in place of every occurrence of `secret`, whatever the case of its ASCII letters: some
    /// servers repeat the password in the text that refuses it. An empty secret hides nothing.
    #[must_use]
    pub fn without(self, secret: &[u8]) -> Self {
        let lines = self.lines.into_iter().map(|line| starred(line, secret)).collect();
        Self { lines, ..self }
    }

    /// The texts of the lines as they were sent, without the code where it stands before them. There is at least one.
    ///
    /// A line between the first and the last keeps everything else, a leading space too.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(Vec::as_slice)
    }
}

fn starred(line: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    if secret.is_empty() {
        return line;
    }
    let mut shown = Vec::new();
    let mut rest = line.as_slice();
    while let Some(at) = rest.windows(secret.len()).position(|window| window.eq_ignore_ascii_case(secret)) {
        shown.extend_from_slice(&rest[..at]);
        shown.extend_from_slice(b"***");
        rest = &rest[at + secret.len()..];
    }
    shown.extend_from_slice(rest);
    shown
}

impl Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        let texts = self.lines().map(<[u8]>::trim_ascii).filter(|text| !text.is_empty());
        for (at, text) in texts.enumerate() {
            write!(f, "{}{}", if at == 0 { " " } else { " / " }, Escaped(text))?;
        }
        Ok(())
    }
}

/// How much of a reply is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes in a line, its LF not counted.
    pub line: usize,
    /// Lines in a reply, empty lines before it included.
    pub lines: usize,
    /// Bytes that are kept: of the reply that is not complete, and of all that nobody has taken.
    pub total: usize,
}

impl Default for ReplyLimits {
    /// 16 KiB a line: an MLST reply holds a path, 4 KiB on Linux, and every byte of it may be doubled. 1000 lines:
    /// greetings and FEAT have tens. 256 KiB in all: what a thousand sessions can be made to keep stays affordable.
    fn default() -> Self {
        Self { line: 16 * 1024, lines: 1000, total: 256 * 1024 }
    }
}

/// Makes replies of the control connection's bytes, however these were split.
///
/// Take replies after every push until there is none: what waits counts against [`ReplyLimits::total`]. After an error
/// there is no way on, because where the next reply begins is not known: the error is given again, and nothing is
/// kept.
///
/// Tolerated: LF without CR (old Unix servers), and empty lines before a reply, which some servers leave behind their
/// greeting.
#[derive(Debug, Clone)]
pub struct ReplyDecoder {
    limits: ReplyLimits,
    lines: LineSplitter,
    unfinished: Unfinished,
    /// More was pushed than may wait. What fitted is read first.
    overflowed: bool,
    failed: Option<ReplyError>,
}

impl ReplyDecoder {
    /// A decoder for a fresh connection.
    pub fn new(limits: ReplyLimits) -> Self {
        Self {
            limits,
            lines: LineSplitter::new(limits.line),
            unfinished: Unfinished::default(),
            overflowed: false,
            failed: None,
        }
    }

    /// Takes the bytes that came next. What breaks a limit is not kept, and neither is anything after it.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.overflowed || self.failed.is_some() {
            return;
        }
        let room = self.limits.total.saturating_sub(self.unfinished.bytes + self.lines.len());
        self.overflowed = bytes.len() > room;
        self.lines.push(bytes.get(..room).unwrap_or(bytes));
    }

    /// The next complete reply. None until more bytes come.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.read_reply().inspect_err(|error| {
            self.failed = Some(error.clone());
            self.lines = LineSplitter::new(self.limits.line);
            self.unfinished = Unfinished::default();
        })
    }

    /// Whether all that was pushed has been taken as replies, and nothing is left.
    ///
    /// It must be so before the connection is upgraded to TLS: bytes that came glued to the answer to AUTH came in the
    /// clear, from whoever wrote them, and must not be read as if they had come through TLS (CVE-2021-38371 is the
    /// same mistake in SMTP).
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.unfinished.is_empty() && !self.overflowed && self.failed.is_none()
    }

    /// What is wrong with the bytes that wait for the end of their line, if they can only be the beginning of something
    /// that is no reply. A stranger that falls silent or leaves after half a line is told from an FTP server so.
    pub fn stray(&self) -> Option<ReplyError> {
        let rest = self.lines.rest();
        let may_be_a_reply = self.unfinished.code.is_some() || rest.iter().take(3).all(u8::is_ascii_digit);
        (!may_be_a_reply).then(|| ReplyError::NotAReply { line: excerpt(rest) })
    }

    fn read_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(line) = self.lines.next_line()? {
            if let Some(reply) = self.unfinished.add(line, &self.limits)? {
                return Ok(Some(reply));
            }
        }
        if self.overflowed { Err(ReplyError::TooLong { limit: self.limits.total }) } else { Ok(None) }
    }
}

/// The reply that these bytes are, for the tests of what reads replies.
#[cfg(test)]
pub(crate) fn reply(bytes: impl AsRef<[u8]>) -> Reply {
    let mut decoder = ReplyDecoder::new(ReplyLimits::default());
    decoder.push(bytes.as_ref());
    match decoder.next_reply() {
        Ok(Some(reply)) if decoder.is_empty() => reply,
        other => panic!("not one reply: {other:?}"),
    }
}

/// Why bytes are no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Something answers that does not speak FTP.
    #[error("not an FTP reply: {line}")]
    NotAReply {
        /// The line's beginning, control characters escaped: enough to tell HTTP from SSH.
        line: String,
    },
    /// A line is too long.
    #[error("a line of the reply is longer than {limit} bytes")]
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The reply has too many lines.
    #[error("the reply has more than {limit} lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// The reply, or what waits to be taken, is too long.
    #[error("the reply is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl ReplyError {
    /// The same error with stars in place of every occurrence of `secret`, whatever the case of its ASCII letters, and of
    /// the start of one that the excerpt has cut off. An empty secret hides nothing.
    #[must_use]
    pub fn without(self, secret: &[u8]) -> Self {
        let Self::NotAReply { line } = self else { return self };
        let shown = Escaped(secret).to_string();
        if shown.is_empty() {
            return Self::NotAReply { line };
        }
        let line = starred(line.into_bytes(), shown.as_bytes());
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some(start) = line.strip_suffix(CUT) else { return Self::NotAReply { line } };
        let mut parts =
            shown.char_indices().rev().map(|(at, _)| &shown[..at]).filter(|part| !part.is_empty());
        let line = match parts.find_map(|part| without_end(start, part)) {
            Some(rest) => format!("{rest}***{CUT}"),
            None => line,
        };
        Self::NotAReply { line }
    }
}

/// `text` without `end`, if it ends so, whatever the case.
fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(rest)
}

impl From<LineTooLong> for ReplyError {
    fn from(error: LineTooLong) -> Self {
        Self::LineTooLong { limit: error.limit }
    }
}

/// The reply that is being read.
#[derive(Debug, Clone, Default)]
struct Unfinished {
    /// Known once the first line is there.
    code: Option<Code>,
    texts: Vec<Vec<u8>>,
    /// Lines so far, the empty ones before the reply included.
    lines: usize,
    /// Bytes so far, codes included.
    bytes: usize,
}

impl Unfinished {
    fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Adds a line, and gives the reply that it completes.
    ///
    /// RFC 959 §4.2: `123-` opens a reply of several lines, and only a line that begins with the same code and a space
    /// closes it. Lines that begin with another code are text.
    fn add(&mut self, line: &[u8], limits: &ReplyLimits) -> Result<Option<Reply>, ReplyError> {
        self.lines += 1;
        self.bytes += line.len();
        if self.lines > limits.lines {
            return Err(ReplyError::TooManyLines { limit: limits.lines });
        }
        // "\r\r\n" is what a stream in text mode makes of "\r\n".
        let line = without_trailing_crs(line);
        let coded = CodedLine::parse(line).filter(|coded| self.code.is_none_or(|code| code == coded.code));
        match coded {
            // Many servers repeat `123-` before every line (Pure-FTPd 1.0.50's greeting); it is no part of the text.
            Some(coded) => {
                self.code = Some(coded.code);
                self.texts.push(telnet::unescape(coded.text));
                Ok(if coded.closes { self.take() } else { None })
            }
            None if self.code.is_some() => {
                self.texts.push(telnet::unescape(line));
                Ok(None)
            }
            None if line.trim_ascii().is_empty() => Ok(None),
            None => Err(ReplyError::NotAReply { line: excerpt(line) }),
        }
    }

    fn take(&mut self) -> Option<Reply> {
        let Self { code, texts, .. } = std::mem::take(self);
        Some(Reply { code: code?, lines: texts })
    }
}

/// A line that begins with a code: `123 text`, `123-text`, or just `123`.
struct CodedLine<'a> {
    code: Code,
    closes: bool,
    text: &'a [u8],
}

impl<'a> CodedLine<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let (digits, rest) = line.split_at_checked(3)?;
        let code = Code::parse(digits)?;
        match rest {
            [] => Some(Self { code, closes: true, text: rest }),
            [b' ', text @ ..] => Some(Self { code, closes: true, text }),
            [b'-', text @ ..] => Some(Self { code, closes: false, text }),
            _ => None,
        }
    }
}

fn without_trailing_crs(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    &line[..end]
}

fn excerpt(line: &[u8]) -> String {
    match line.get(..EXCERPT) {
        Some(start) if start.len() < line.len() => format!("{}{CUT}", Escaped(start)),
        _ => Escaped(line).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    const SMALL: ReplyLimits = ReplyLimits { line: 24, lines: 4, total: 64 };

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
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads as check(input, expect![…])")]
    fn check(bytes: &[u8], expected: Expect) {
        let (replies, error) = decode(SMALL, &[bytes]);
        let replies = replies.iter().map(|reply| format!("{reply} <- {:?}\n", reply.text()));
        let error = error.map(|error| format!("{error}\n"));
        expected.assert_eq(&replies.chain(error).collect::<String>());
    }

    #[test]
    fn a_secret_in_what_is_no_reply_is_starred_even_where_it_is_cut_off() {
        let long = format!("{}canary", "x".repeat(EXCERPT - 3));
        let table = [
            ("canary, CANARY", "***, ***".to_owned()),
            ("a can of worms", "a can of worms".to_owned()),
            (&long, format!("{}***…", "x".repeat(EXCERPT - 3))),
        ];
        for (line, expected) in table {
            let error = ReplyError::NotAReply { line: excerpt(line.as_bytes()) };
            assert_eq!(error.clone().without(b""), error);
            assert_eq!(error.without(b"canary"), ReplyError::NotAReply { line: expected }, "{line}");
        }
    }

    #[test]
    fn a_secret_is_starred_wherever_it_stands() {
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        decoder.push(b"530-no canaryCANARY\r\n530 can canary, ary\r\n");
        let reply = decoder.next_reply().ok().flatten().unwrap_or_else(|| panic!("a reply"));
        assert_eq!(reply.clone().without(b"canary").to_string(), "530 no ****** / can ***, ary");
        assert_eq!(reply.clone().without(b""), reply);
    }

    #[test]
    fn one_line() {
        check(
            b"220 ready\r\n",
            expect![[r#"
            220 ready <- "ready"
        "#]],
        );
        check(
            b"230\r\n",
            expect![[r#"
            230 <- ""
        "#]],
        );
        check(
            b"200  two spaces \r\n",
            expect![[r#"
            200 two spaces <- " two spaces "
        "#]],
        );
        check(
            b"220 text mode\r\r\n",
            expect![[r#"
            220 text mode <- "text mode"
        "#]],
        );
        check(
            b"226 done\n150 late\n",
            expect![[r#"
            226 done <- "done"
            150 late <- "late"
        "#]],
        );
    }

    #[test]
    fn several_lines() {
        check(
            b"220-a\r\n b\r\n220 c\r\n",
            expect![[r#"
            220 a / b / c <- "a\n b\nc"
        "#]],
        );
        check(
            b"230-a\r\n230-b\r\n230 c\r\n",
            expect![[r#"
            230 a / b / c <- "a\nb\nc"
        "#]],
        );
        check(
            b"211-\r\n\r\n211\r\n",
            expect![[r#"
            211 <- "\n\n"
        "#]],
        );
    }

    #[test]
    fn text_lines_that_begin_with_another_code_are_text() {
        check(
            b"230-\r\n530 no\r\n2300 x\r\n230 yes\r\n",
            expect![[r#"
            230 530 no / 2300 x / yes <- "\n530 no\n2300 x\nyes"
        "#]],
        );
    }

    #[test]
    fn an_empty_line_before_a_reply_is_passed_over() {
        check(
            b"220 a\r\n\r\n331 b\r\n",
            expect![[r#"
            220 a <- "a"
            331 b <- "b"
        "#]],
        );
    }

    #[test]
    fn doubled_telnet_escapes_are_one_byte() {
        let (replies, _) = decode(SMALL, &[b"257 \"/\xff\xff\"\r\n"]);
        assert_eq!(replies[0].lines().collect::<Vec<_>>(), [b"\"/\xff\""]);
    }

    #[test]
    fn hostile_text_is_shown_in_one_harmless_line() {
        check(
            b"550-\x1b[2J\r\n230 a\rb\r\n550 c\r\n",
            expect![[r#"
            550 \u{1b}[2J / 230 a\rb / c <- "\u{1b}[2J\n230 a\rb\nc"
        "#]],
        );
    }

    #[test]
    fn what_is_no_ftp_is_shown() {
        check(
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            expect![[r#"
                not an FTP reply: SSH-2.0-OpenSSH_9.2p1
            "#]],
        );
        check(
            b"HTTP/1.1 400 Bad\r\n",
            expect![[r#"
                not an FTP reply: HTTP/1.1 400 Bad
            "#]],
        );
        check(
            b"220ready\r\n",
            expect![[r#"
                not an FTP reply: 220ready
            "#]],
        );
        check(
            b"\x15\x03\x01\x00\x02\x02\x46\n",
            expect![[r#"
                not an FTP reply: \u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F
            "#]],
        );
        let long = [b'x'; 200];
        let (_, error) = decode(ReplyLimits::default(), &[&long, b"\r\n"]);
        assert_eq!(error, Some(ReplyError::NotAReply { line: format!("{}…", "x".repeat(EXCERPT)) }));
    }

    #[test]
    fn half_a_line_tells_a_stranger_from_a_server() {
        let table: [(&[u8], Option<&str>); 6] = [
            (b"", None),
            (b"22", None),
            (b"220 half a gree", None),
            (b"220-hi\r\nhalf a li", None),
            (b"\x15\x03\x01\x00\x02\x02\x16", Some("\\u{15}\\u{3}\\u{1}\\u{0}\\u{2}\\u{2}\\u{16}")),
            (b"\r\nlogin: ", Some("login: ")),
        ];
        for (bytes, line) in table {
            let mut decoder = ReplyDecoder::new(ReplyLimits::default());
            decoder.push(bytes);
            assert_eq!(decoder.next_reply(), Ok(None));
            let stray = line.map(|line| ReplyError::NotAReply { line: line.to_owned() });
            assert_eq!(decoder.stray(), stray, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn limits_hold_and_errors_stay() {
        let table: [(&[u8], ReplyError); 5] = [
            (b"220 this line goes on and on", ReplyError::LineTooLong { limit: 24 }),
            (b"220 this line goes on and on\r\n", ReplyError::LineTooLong { limit: 24 }),
            (b"220-a\r\nb\r\nc\r\nd\r\n220 e\r\n", ReplyError::TooManyLines { limit: 4 }),
            (b"\n\n\n\n\n", ReplyError::TooManyLines { limit: 4 }),
            (
                b"220-22 bytes of greeting\n22 bytes of greeting..\n22 bytes of greeting..\n",
                ReplyError::TooLong { limit: 64 },
            ),
        ];
        for (bytes, error) in table {
            let mut decoder = ReplyDecoder::new(SMALL);
            decoder.push(b"120 soon\r\n");
            assert_eq!(decoder.next_reply().map(|reply| reply.map(|r| r.code().as_u16())), Ok(Some(120)));
            assert!(decoder.is_empty());
            decoder.push(bytes);
            assert_eq!(decoder.next_reply(), Err(error.clone()));
            decoder.push(b"220 fine again\r\n");
            assert_eq!(decoder.next_reply(), Err(error));
            assert!(!decoder.is_empty());
        }
    }

    #[test]
    fn a_flood_is_not_kept() {
        for flood in [&b"226 again\r\n"[..], b"226-a\r\n", b"xxxxxxxx", b"\r\n"] {
            let mut decoder = ReplyDecoder::new(SMALL);
            for _ in 0..10_000 {
                decoder.push(flood);
            }
            assert!(decoder.lines.len() <= SMALL.total);
            assert!(
                std::iter::from_fn(|| decoder.next_reply().transpose()).take(20).any(|reply| reply.is_err())
            );
        }
    }

    #[test]
    fn whatever_is_left_behind_the_answer_to_auth_shows() {
        for left in ["2", "230 injected\r\n", "230-injected\r\n", "\r\n", "\n", &"x".repeat(30)] {
            let mut decoder = ReplyDecoder::new(SMALL);
            decoder.push(format!("234 go\r\n{left}").as_bytes());
            assert!(matches!(decoder.next_reply(), Ok(Some(reply)) if reply.code() == Code::TLS_STARTS));
            assert!(!decoder.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn a_half_read_reply_is_not_nothing() {
        let mut decoder = ReplyDecoder::new(SMALL);
        decoder.push(b"220-a\r\n");
        assert_eq!(decoder.next_reply(), Ok(None));
        assert!(!decoder.is_empty());
    }

    /// Bytes that look like replies often enough.
    fn control_bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"220".to_vec()),
            Just(b" ".to_vec()),
            Just(b"-".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"text".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..3),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_replies(bytes in control_bytes(), size in 1_usize..9) {
            let limits = ReplyLimits { total: 4096, ..SMALL };
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(decode(limits, &pieces), decode(limits, &[&bytes]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(pieces: Vec<Vec<u8>>) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (replies, _) = decode(SMALL, &pieces);
            for reply in replies {
                prop_assert!(!reply.to_string().contains(char::is_control));
                prop_assert!(reply.lines().count() > 0);
            }
        }
    }
}
