//! A connection test: the way to a file, one step after the other, each with what was found there and how long it took.
//!
//! The steps up to the login are those of every connection: [`Client::connect`](crate::Client::connect) leaves the same
//! trail and drops it.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// What a connection test found, in the order of its steps. It ends with the step after which nothing was left to try.
#[derive(Debug)]
pub struct Diagnosis {
    /// One for each step that was reached.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The failure because of which files cannot be transferred, if there is one. A single way to a data connection may
    /// be closed as long as the other one is open.
    pub fn fault(&self) -> Option<(Step, &Error)> {
        let failed = self.findings.iter().filter_map(|finding| Some((finding.step, finding.error()?)));
        failed.into_iter().find(|(step, _)| match step {
            Step::Passive => !self.works(Step::Active),
            Step::Active => !self.works(Step::Passive),
            _ => true,
        })
    }

    fn works(&self, step: Step) -> bool {
        let well = |finding: &Finding| matches!(finding.verdict, Verdict::Passed(_) | Verdict::Noted(..));
        self.findings.iter().any(|finding| finding.step == step && well(finding))
    }
}

/// What was found at one step.
#[derive(Debug)]
pub struct Finding {
    /// Which step.
    pub step: Step,
    /// How it went.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

impl Finding {
    /// Why the step failed; `None` when it did not.
    pub fn error(&self) -> Option<&Error> {
        match &self.verdict {
            Verdict::Failed(error) => Some(error),
            Verdict::Passed(_) | Verdict::Noted(..) | Verdict::Skipped(_) => None,
        }
    }
}

/// How a step went. The texts are the server's facts in a few words, safe to show.
#[derive(Debug)]
pub enum Verdict {
    /// Well.
    Passed(String),
    /// Well, and there is something that its owner might want to change.
    Noted(String, Remark),
    /// Not at all.
    Failed(Error),
    /// There was nothing to try; why.
    Skipped(&'static str),
}

/// What works all the same, and could work better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The server names another address for passive data than the one it is reached at.
    NamesAnotherAddress(Ipv4Addr),
    /// EPSV does not lead to a data connection, PASV does.
    NeedsPasv,
    /// Data connections do not resume the control connection's TLS session.
    NotResumed,
    /// Lines of the listing are in a form that nobody knows.
    UnreadableLines(usize),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NamesAnotherAddress(named) => {
                write!(
                    f,
                    "the server names {named} for passive data; the control connection's address is used instead"
                )
            }
            Self::NeedsPasv => f.write_str("EPSV does not work, PASV does"),
            Self::NotResumed => f.write_str("the server did not resume the TLS session"),
            Self::UnreadableLines(lines) => write!(f, "{lines} lines could not be read"),
        }
    }
}

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The host's name has an address.
    Name,
    /// Something takes connections there, or the proxy reaches it.
    Tcp,
    /// It greets as an FTP server.
    Greeting,
    /// TLS on the control connection, and the server's certificate.
    Tls,
    /// The user is let in, and data is protected if it was asked for.
    Login,
    /// What the server says it can do.
    Features,
    /// A data connection that we open.
    Passive,
    /// A data connection that the server opens.
    Active,
    /// Data connections resume the control connection's TLS session.
    Resumption,
    /// A listing that can be read.
    Listing,
    /// How far the server's clock is from UTC.
    Clock,
    /// A file can be put, and removed again.
    Write,
}

impl Step {
    /// The steps on a session that is logged in.
    pub(crate) const AFTER_LOGIN: [Self; 7] = [
        Self::Features,
        Self::Passive,
        Self::Active,
        Self::Resumption,
        Self::Listing,
        Self::Clock,
        Self::Write,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Features => "features",
            Self::Passive => "passive data",
            Self::Active => "active data",
            Self::Resumption => "tls resumption",
            Self::Listing => "listing",
            Self::Clock => "clock",
            Self::Write => "write",
        })
    }
}

/// The findings so far, and the step that is under way. An ordinary connection keeps none, and does not make them up
/// either: certificates are parsed for the eyes of a test alone.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    findings: Option<Vec<Finding>>,
    under_way: Option<(Step, Instant)>,
}

impl Trail {
    /// A trail that keeps what it is told; the default one does not.
    pub(crate) fn kept() -> Self {
        Self { findings: Some(Vec::new()), under_way: None }
    }

    /// Begins a step, in place of one that was begun and has found nothing.
    pub(crate) fn begin(&mut self, step: Step) {
        self.under_way = Some((step, Instant::now()));
    }

    /// Ends the step under way well. What was found is only asked for where it is kept.
    pub(crate) fn passed(&mut self, found: impl FnOnce() -> String) {
        if self.findings.is_some() {
            self.end(Verdict::Passed(found()));
        }
    }

    /// Ends the step under way.
    pub(crate) fn end(&mut self, verdict: Verdict) {
        if let (Some(findings), Some((step, begun))) = (&mut self.findings, self.under_way.take()) {
            findings.push(Finding { step, verdict, took: begun.elapsed() });
        }
    }

    /// Forgets the way so far: another one is taken from the beginning.
    pub(crate) fn start_over(&mut self) {
        if let Some(findings) = &mut self.findings {
            findings.clear();
        }
    }

    pub(crate) fn into_diagnosis(self) -> Diagnosis {
        Diagnosis { findings: self.findings.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LostCause;

    fn finding(step: Step, works: bool) -> Finding {
        let verdict = if works {
            Verdict::Passed(String::new())
        } else {
            Verdict::Failed(Error::Lost(LostCause::Closed))
        };
        Finding { step, verdict, took: Duration::ZERO }
    }

    #[test]
    fn one_way_to_a_data_connection_is_enough() {
        let table = [
            (true, true, None),
            (true, false, None),
            (false, true, None),
            (false, false, Some(Step::Passive)),
        ];
        for (passive, active, fault) in table {
            let findings = vec![finding(Step::Passive, passive), finding(Step::Active, active)];
            let diagnosis = Diagnosis { findings };
            assert_eq!(diagnosis.fault().map(|(step, _)| step), fault, "{passive} {active}");
        }
    }

    #[test]
    fn the_first_failure_is_the_fault() {
        let findings =
            vec![finding(Step::Active, false), finding(Step::Passive, true), finding(Step::Write, false)];
        assert_eq!(Diagnosis { findings }.fault().map(|(step, _)| step), Some(Step::Write));
    }
}
