//! What a server says it can do. A promise, not a fact: servers list features that fail, so the client still looks at
//! every answer.

use crate::code::Severity;
use crate::reply::Reply;

/// The answer to `FEAT` (RFC 2389 §3.2), as far as this client has a use for it. The default is a server that promises
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one line of the reply, and none excludes another")]
pub struct Features {
    /// `MLST`: MLST and MLSD are there, with these facts (RFC 3659 §7.8). The list is empty when the server names none.
    pub mlst: Option<Vec<Fact>>,
    /// `SIZE` is there (RFC 3659 §4).
    pub size: bool,
    /// `MDTM` is there (RFC 3659 §3).
    pub mdtm: bool,
    /// Names are UTF-8 (RFC 2640 §3.2).
    pub utf8: bool,
    /// A transfer can start at an offset in bytes (RFC 3659 §5).
    pub rest_stream: bool,
    /// `PRET` has to come before a passive port is asked for (`DrFTPd`).
    pub pret: bool,
}

impl Features {
    /// Reads the reply line by line; what is not known is passed over. A refusal promises nothing.
    ///
    /// Lines should begin with one space; servers that send none, several, or the code are read too.
    pub fn parse(reply: &Reply) -> Self {
        let mut features = Self::default();
        if reply.severity() == Severity::Completion {
            for line in reply.lines() {
                features.add(&String::from_utf8_lossy(line.trim_ascii()).to_ascii_uppercase());
            }
        }
        features
    }

    fn add(&mut self, line: &str) {
        let (feature, parameters) = line.split_once(' ').unwrap_or((line, ""));
        match feature {
            "MLST" => self.mlst = Some(Fact::parse_list(parameters)),
            // RFC 3659 §7.8 wants MLST only; a server that names MLSD has it as well.
            "MLSD" => {
                self.mlst.get_or_insert_default();
            }
            "SIZE" => self.size = true,
            "MDTM" => self.mdtm = true,
            "UTF8" => self.utf8 = true,
            "PRET" => self.pret = true,
            "REST" => self.rest_stream |= parameters.split_ascii_whitespace().any(|mode| mode == "STREAM"),
            _ => {}
        }
    }
}

/// A fact that the server can tell about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The fact's name in lower case, `unix.mode` for example.
    pub name: String,
    /// Whether it is told without being asked for with `OPTS MLST`.
    pub enabled: bool,
}

impl Fact {
    /// Reads `type*;size*;unix.mode;`. A star without a name is no fact.
    fn parse_list(facts: &str) -> Vec<Self> {
        let facts = facts.split(';').map(str::trim).map(|fact| {
            let (name, enabled) = fact.strip_suffix('*').map_or((fact, false), |name| (name, true));
            Self { name: name.to_ascii_lowercase(), enabled }
        });
        facts.filter(|fact| !fact.name.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::reply;
    use expect_test::expect;
    use proptest::prelude::*;

    #[test]
    fn proftpd() {
        let answer = "211-Features:\r\n AUTH TLS\r\n EPSV\r\n MDTM\r\n MFMT\r\n \
            MLST modify*;perm*;size*;type*;unique*;UNIX.group;UNIX.mode*;\r\n REST STREAM\r\n SIZE\r\n \
            UTF8\r\n211 End\r\n";
        let features = Features::parse(&reply(answer));
        let facts: Vec<_> = features.mlst.iter().flatten().map(|f| (f.name.as_str(), f.enabled)).collect();
        expect![[r#"
            [("modify", true), ("perm", true), ("size", true), ("type", true), ("unique", true), ("unix.group", false), ("unix.mode", true)]
        "#]].assert_eq(&format!("{facts:?}\n"));
        let rest = Features { mlst: None, ..features };
        let all = Features { size: true, mdtm: true, utf8: true, rest_stream: true, ..Features::default() };
        assert_eq!(rest, all);
    }

    #[test]
    fn case_spaces_and_repeated_codes_do_not_matter() {
        let expected = Features { size: true, utf8: true, rest_stream: true, ..Features::default() };
        for lines in [
            " SIZE\r\n UTF8\r\n REST STREAM",
            "size\r\nutf8\r\nrest stream",
            "211-Size\r\n211-Utf8\r\n211-Rest Stream",
        ] {
            assert_eq!(Features::parse(&reply(format!("211-Features\r\n{lines}\r\n211 end\r\n"))), expected);
        }
    }

    #[test]
    fn what_is_not_promised_is_not_there() {
        for answer in [
            "500 SIZE what?\r\n",
            "502-\r\n SIZE\r\n502 no\r\n",
            "211 no features\r\n",
            "211-\r\n SIZES\r\n REST\r\n211 end\r\n",
        ] {
            assert_eq!(Features::parse(&reply(answer)), Features::default(), "{answer}");
        }
    }

    #[test]
    fn a_server_that_wants_pret_says_so() {
        assert!(Features::parse(&reply("211-Features\r\n PRET\r\n211 end\r\n")).pret);
    }

    #[test]
    fn mlsd_alone_means_mlst_with_facts_unknown() {
        let features = Features::parse(&reply("211-\r\n MLSD\r\n211 end\r\n"));
        assert_eq!(features.mlst, Some(Vec::new()));
    }

    #[test]
    fn a_star_without_a_name_is_no_fact() {
        let features = Features::parse(&reply("211-\r\n MLST *;;size*;\r\n211 end\r\n"));
        assert_eq!(features.mlst, Some(vec![Fact { name: "size".to_owned(), enabled: true }]));
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(lines in "([ A-Z;*]{0,20}\r\n){0,5}", bytes in "[^\r\n]{0,40}") {
            let _ = Features::parse(&reply(format!("211-x\r\n{lines} MLST {bytes}\r\n211 x\r\n")));
        }
    }
}
