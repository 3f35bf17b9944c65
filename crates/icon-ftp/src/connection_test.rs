//! The connection test: every step to a file by itself, so that the one that fails can be told, and what to change.

use std::fmt::Write as _;

use ftp_client::{Client, Config, Finding, Retries, Verdict};
use plugin_runtime::{Context, Failure, Probe};
use serde::Serialize;

use crate::access::Access;
use crate::connection::Connection;
use crate::failure;

/// What the test found.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    /// What works and could work better.
    advice: Vec<Advice>,
    logged_in: bool,
    server: String,
    steps: Vec<StepFinding>,
    /// The steps once more, for people.
    table: String,
    tls: bool,
}

/// One step of the test.
#[derive(Debug, Serialize)]
struct StepFinding {
    detail: String,
    milliseconds: u64,
    result: &'static str,
    step: String,
}

/// What to change about one step.
#[derive(Debug, Serialize)]
struct Advice {
    assistance: String,
    cause: String,
    step: String,
}

/// Takes the steps one by one, and says what each found. With [`Probe::Write`] a file is put, and removed again.
///
/// # Errors
///
/// The first step that failed, with what to do about it; all findings are in the failure's data.
pub(crate) async fn run(
    context: Context<Connection>,
    probe: Probe,
    access: Access,
) -> Result<Findings, Failure> {
    let connection = &context.connection;
    // Each step is tried once: a step that passes only now and then is a finding too.
    let once = |config| Config { retries: Retries::none(), ..access.settings.once(config) };
    let client = connection.client(|config| Client::new(once(config)))?;
    let diagnosis = client.diagnose(probe == Probe::Write).await;
    let steps: Vec<StepFinding> = diagnosis.findings.iter().map(StepFinding::from).collect();
    let table = table(&steps);
    for line in table.lines() {
        tracing::info!("{line}");
    }
    if let Some((step, error)) = diagnosis.fault() {
        return Err(failure::from_client(error).with_data(format!("failed at: {step}\n{table}")));
    }
    let advice = diagnosis.findings.iter().filter_map(Advice::about).collect();
    Ok(Findings {
        advice,
        logged_in: true,
        server: connection.server()?,
        steps,
        table,
        tls: connection.is_secure(),
    })
}

impl From<&Finding> for StepFinding {
    fn from(finding: &Finding) -> Self {
        let (result, detail) = match &finding.verdict {
            Verdict::Passed(found) => ("ok", found.clone()),
            Verdict::Noted(found, remark) => ("ok", format!("{found}; {remark}")),
            Verdict::Failed(error) => ("failed", error.to_string()),
            Verdict::Skipped(why) => ("skipped", (*why).to_owned()),
        };
        let milliseconds = u64::try_from(finding.took.as_millis()).unwrap_or(u64::MAX);
        Self { detail, milliseconds, result, step: finding.step.to_string() }
    }
}

impl Advice {
    /// What there is to say about a finding; nothing, as a rule.
    fn about(finding: &Finding) -> Option<Self> {
        let failure = match &finding.verdict {
            Verdict::Noted(_, remark) => failure::remark(*remark),
            Verdict::Failed(error) => failure::from_client(error),
            Verdict::Passed(_) | Verdict::Skipped(_) => return None,
        };
        Some(Self {
            assistance: failure.assistance().to_owned(),
            cause: failure.cause().to_owned(),
            step: finding.step.to_string(),
        })
    }
}

/// One line a step: its name, its result, its time, what was found.
fn table(steps: &[StepFinding]) -> String {
    let mut table = String::new();
    for StepFinding { detail, milliseconds, result, step } in steps {
        let _ = writeln!(table, "{step:14}  {result:7}  {milliseconds:>6} ms  {detail}");
    }
    table
}
