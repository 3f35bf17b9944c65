//! Why a step did not succeed, in words for the person who has to mend it.
//!
//! The event that answers and the program's exit code are both made from a [`Failure`].

use std::fmt;

use crate::mask::Masker;

/// A step's failure: what happened, what to do about it, and the raw material.
///
/// `Display` shows the cause alone, which is also the event's `error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    cause: String,
    assistance: String,
    data: Option<String>,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The start message itself is broken: not JSON, a wrong version, a field that is missing.
    Message,
    /// The message names an action, trigger or task that the plugin does not have.
    UnknownStep,
    /// The connection's settings are invalid. Nothing was sent to anybody.
    Connection,
    /// The step's input is invalid. Nothing was sent to anybody.
    Input,
    /// What was asked for does not go together with what this process does already.
    Conflict,
    /// Whoever runs the plugin does not allow what the step asks for. Nothing was sent to anybody.
    Forbidden,
    /// The other side failed: unreachable, login refused, transfer lost.
    Service,
    /// The plugin or the machine it runs on failed: a panic, a full disk, an unreadable state file.
    Internal,
}

impl Failure {
    /// The start message is broken. The protocol's texts are complete in themselves, so there is no assistance.
    pub fn message(cause: impl Into<String>) -> Self {
        Self::new(FailureKind::Message, cause, "")
    }

    /// The plugin has no such step. The text is the protocol's own and complete in itself.
    pub fn unknown_step(cause: impl Into<String>) -> Self {
        Self::new(FailureKind::UnknownStep, cause, "")
    }

    /// A connection setting is invalid.
    pub fn connection(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Connection, cause, assistance)
    }

    /// An input is invalid.
    pub fn input(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Input, cause, assistance)
    }

    /// The connection's settings do not fit the specification or the plugin's type; `what` says where.
    pub(crate) fn invalid_connection(what: &str) -> Self {
        Self::connection(
            format!("The connection is invalid: {what}"),
            "Correct the connection's settings and run the step again. Nothing was sent to the server.",
        )
    }

    /// The input does not fit the specification or the step's type; `what` says where.
    pub(crate) fn invalid_input(what: &str) -> Self {
        Self::input(
            format!("The input is invalid: {what}"),
            "Correct the input and run the step again. Nothing was sent to the server.",
        )
    }

    /// What was asked for does not go together with what this process does already.
    pub fn conflict(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Conflict, cause, assistance)
    }

    /// The content of the input `name` has no place on this machine.
    pub(crate) fn unstored(name: &str, why: &impl fmt::Display) -> Self {
        Self::internal(
            format!("'{name}': {why}"),
            "Contents above 1 MiB go to a temporary file. Make room in the temporary folder, or name another one with --spool-dir or \
             TMPDIR, and run the step again. Nothing was sent to the server.",
        )
    }

    /// What the step asks for is not allowed where the plugin runs.
    pub fn forbidden(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Forbidden, cause, assistance)
    }

    /// The other side failed.
    pub fn service(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Service, cause, assistance)
    }

    /// The plugin itself, or the machine it runs on, failed.
    pub fn internal(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, cause, assistance)
    }

    /// The same failure with advice.
    #[must_use]
    pub fn with_assistance(mut self, assistance: impl Into<String>) -> Self {
        self.assistance = assistance.into();
        self
    }

    /// The same failure with the raw material behind it, such as the server's own words.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What happened: one or two sentences.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What a person can do about it; empty when the cause says it all.
    pub fn assistance(&self) -> &str {
        &self.assistance
    }

    /// Cause and assistance as one text, for places that have no room for two.
    pub fn sentences(&self) -> String {
        if self.assistance.is_empty() {
            return self.cause.clone();
        }
        format!("{}. {}", self.cause.trim_end_matches('.'), self.assistance)
    }

    /// The raw material behind the cause, where there is any.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// The same failure without the secrets that `masker` knows.
    pub(crate) fn masked(self, masker: &Masker) -> Self {
        let mask = |text: &str| masker.mask(text).into_owned();
        Self {
            kind: self.kind,
            cause: mask(&self.cause),
            assistance: mask(&self.assistance),
            data: self.data.as_deref().map(mask),
        }
    }

    fn new(kind: FailureKind, cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), assistance: assistance.into(), data: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_the_cause_alone() {
        let failure = Failure::service("Login refused.", "Check the password.").with_data("530 no");
        assert_eq!(failure.to_string(), "Login refused.");
        assert_eq!(failure.assistance(), "Check the password.");
        assert_eq!(failure.data(), Some("530 no"));
    }

    #[test]
    fn cause_and_assistance_make_one_text() {
        let rows = [
            (Failure::service("Login refused.", "Check the password."), "Login refused. Check the password."),
            (Failure::service("Login refused", "Check the password."), "Login refused. Check the password."),
            (Failure::message("\"body\" missing from input message"), "\"body\" missing from input message"),
        ];
        for (failure, expected) in rows {
            assert_eq!(failure.sentences(), expected);
        }
    }

    #[test]
    fn masking_covers_every_text() {
        let mut masker = Masker::default();
        masker.hide(["hunter2".to_owned()]);
        let failure = Failure::service("a hunter2", "b hunter2").with_data("c hunter2").masked(&masker);
        assert_eq!(failure, Failure::service("a ********", "b ********").with_data("c ********"));
    }
}
