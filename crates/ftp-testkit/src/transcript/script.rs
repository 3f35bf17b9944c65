//! The text of a transcript, taken apart line by line before anything is played.

/// What one control connection is to see, in order.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
}

/// One line of a script, as written and as understood.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) line: String,
    pub(super) action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// `S:` and `S+:`. The text still has its placeholders; `raw` text has escapes and no line end of its
    /// own.
    Send { text: String, raw: bool },
    /// `C:`
    Expect(Pattern),
    /// `D>`
    SendData(Vec<u8>),
    /// `D<`, with the bytes that must come, when they are given.
    ReceiveData(Option<Vec<u8>>),
    /// `D:`
    Data(Data),
    /// `T:`
    Control(Control),
    /// `S*:`, `S~:`, `D*:` and `D~:`
    Endless(Flow),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Exactly(String),
    StartsWith(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Open,
    Listen,
    Plain,
    Forged,
    Connect,
    Stranger,
    Close,
    Cut,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Tls,
    Hello,
    NoTls,
    Forged,
    Forget,
    Pause,
    Gone,
    Eof,
    Hang,
    Close,
    Cut,
    Reset,
}

/// Bytes that are sent again and again, until the client leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) on: Connection,
    pub(super) pace: Pace,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Control,
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As fast as the client takes them.
    Flood,
    /// One byte at a time.
    Drip,
}

impl Script {
    /// Reads the lines of one connection.
    pub(super) fn parse(text: &str) -> Self {
        let steps: Vec<Step> = text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| Step { line: line.to_owned(), action: Action::parse(line) })
            .collect();
        let ends = |step: &Step| match &step.action {
            Action::Control(control) => {
                !matches!(control, Control::Tls | Control::Hello | Control::Forget | Control::Pause)
            }
            Action::Endless(flow) => flow.on == Connection::Control,
            _ => false,
        };
        if let Some(end) = steps.iter().position(ends)
            && let Some(unreachable) = steps.get(end + 1)
        {
            panic!("`{}` can never be played after `{}`", unreachable.line, steps[end].line);
        }
        Self { steps }
    }
}

impl Action {
    fn parse(line: &str) -> Self {
        let (marker, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (marker, rest) {
            ("S:", _) => Self::Send { text: rest.to_owned(), raw: false },
            ("S+:", _) => {
                unescape(rest);
                Self::Send { text: rest.to_owned(), raw: true }
            }
            ("C:", _) => Self::Expect(match rest.strip_suffix('*') {
                Some(start) => Pattern::StartsWith(start.to_owned()),
                None => Pattern::Exactly(rest.to_owned()),
            }),
            ("D>", _) => Self::SendData(unescape(rest)),
            ("D<", "") => Self::ReceiveData(None),
            ("D<", _) => Self::ReceiveData(Some(unescape(rest))),
            ("S*:", _) => Self::endless(Connection::Control, Pace::Flood, rest),
            ("S~:", _) => Self::endless(Connection::Control, Pace::Drip, rest),
            ("D*:", _) => Self::endless(Connection::Data, Pace::Flood, rest),
            ("D~:", _) => Self::endless(Connection::Data, Pace::Drip, rest),
            ("D:", "open") => Self::Data(Data::Open),
            ("D:", "listen") => Self::Data(Data::Listen),
            ("D:", "plain") => Self::Data(Data::Plain),
            ("D:", "forged") => Self::Data(Data::Forged),
            ("D:", "connect") => Self::Data(Data::Connect),
            ("D:", "stranger") => Self::Data(Data::Stranger),
            ("D:", "close") => Self::Data(Data::Close),
            ("D:", "cut") => Self::Data(Data::Cut),
            ("D:", "reset") => Self::Data(Data::Reset),
            ("T:", "tls") => Self::Control(Control::Tls),
            ("T:", "hello") => Self::Control(Control::Hello),
            ("T:", "no tls") => Self::Control(Control::NoTls),
            ("T:", "forged") => Self::Control(Control::Forged),
            ("T:", "pause") => Self::Control(Control::Pause),
            ("T:", "gone") => Self::Control(Control::Gone),
            ("T:", "forget") => Self::Control(Control::Forget),
            ("T:", "eof") => Self::Control(Control::Eof),
            ("T:", "hang") => Self::Control(Control::Hang),
            ("T:", "close") => Self::Control(Control::Close),
            ("T:", "cut") => Self::Control(Control::Cut),
            ("T:", "reset") => Self::Control(Control::Reset),
            _ => panic!("not a line of a transcript: `{line}`"),
        }
    }

    fn endless(on: Connection, pace: Pace, text: &str) -> Self {
        let bytes = unescape(text);
        assert!(!bytes.is_empty(), "nothing to be sent again and again: `{text}`");
        Self::Endless(Flow { on, pace, bytes })
    }
}

impl Pattern {
    pub(super) fn matches(&self, line: &str) -> bool {
        match self {
            Self::Exactly(text) => line == text,
            Self::StartsWith(start) => line.starts_with(start.as_str()),
        }
    }
}

/// Turns `\r`, `\n`, `\t`, `\\` and `\xNN` into the bytes they stand for.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = match after.as_bytes() {
            [b'r', ..] => (Some(b'\r'), 1),
            [b'n', ..] => (Some(b'\n'), 1),
            [b't', ..] => (Some(b'\t'), 1),
            [b'\\', ..] => (Some(b'\\'), 1),
            [b'x', ..] => (after.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok()), 3),
            _ => (None, 0),
        };
        bytes.push(byte.unwrap_or_else(|| panic!("not an escape of a transcript: `\\{after}`")));
        rest = &after[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn lines_are_understood() {
        let script = Script::parse(
            r"
            # A comment, and an empty line:

            S: 220 hi
            S:  MLST type*;
            S+: 2\x32\r\n
            C: USER *
            C: *
            C: PASV
            D> a\tb\\\xff
            D<
            D< given
            D: cut
            T: hello
            T: tls
            T: forget
            D~: ab\n",
        );
        let actions: Vec<String> = script.steps.iter().map(|step| format!("{:?}\n", step.action)).collect();
        expect![[r#"
            Send { text: "220 hi", raw: false }
            Send { text: " MLST type*;", raw: false }
            Send { text: "2\\x32\\r\\n", raw: true }
            Expect(StartsWith("USER "))
            Expect(StartsWith(""))
            Expect(Exactly("PASV"))
            SendData([97, 9, 98, 92, 255])
            ReceiveData(None)
            ReceiveData(Some([103, 105, 118, 101, 110]))
            Data(Cut)
            Control(Hello)
            Control(Tls)
            Control(Forget)
            Endless(Flow { on: Data, pace: Drip, bytes: [97, 98, 10] })
        "#]]
        .assert_eq(&actions.concat());
    }

    #[test]
    fn mistakes_in_a_script_stop_the_test() {
        for (text, complaint) in [
            ("X: what", "not a line of a transcript: `X: what`"),
            ("D: explode", "not a line of a transcript: `D: explode`"),
            (r"D> \q", r"not an escape of a transcript: `\q`"),
            (r"S+: \xg0", r"not an escape of a transcript: `\xg0`"),
            ("T: close\nS: 220 hi", "`S: 220 hi` can never be played after `T: close`"),
            ("S*: x\nS: 220 hi", "`S: 220 hi` can never be played after `S*: x`"),
            ("D*:", "nothing to be sent again and again: ``"),
        ] {
            let panic = std::panic::catch_unwind(|| Script::parse(text)).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), complaint);
        }
    }
}
