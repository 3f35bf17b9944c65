//! The connection test: each step by itself, and what it says of the one that fails.

use std::net::Ipv4Addr;

use ftp_client::{Client, Config, Diagnosis, Error, Remark, Step, Verdict};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{config, impatient, play};

const FEAT: &str = "C: FEAT\nS: 211-features\nS:  SIZE\nS:  MLST type*;size*;modify*;\nS: 211 end\n";

/// A LIST of the login folder that comes over a connection to `{port}`.
const LISTED: &str =
    "C: LIST\nS: 150 here\nD> -rw-r--r-- 1 u g 5 Jan 01 2024 a\\r\\n\nD: close\nS: 226 done\n";

const PASSIVE: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

const ACTIVE: &str = "C: PORT *\nS: 200 ok\nC: LIST\nS: 150 here\nD: connect\nD: close\nS: 226 done\n";

const MLSD: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: MLSD .\nS: 150 here\n\
    D> type=file; a\\r\\ntype=file; b\\r\\nnonsense\\r\\n\nD: close\nS: 226 done\n";

async fn diagnose(server: &ScriptedServer, config: Config, write: bool) -> Diagnosis {
    let diagnosis = Client::new(config).unwrap().diagnose(write).await;
    server.finish().await;
    diagnosis
}

fn verdict(diagnosis: &Diagnosis, step: Step) -> &Verdict {
    let finding = diagnosis.findings.iter().find(|finding| finding.step == step);
    &finding.unwrap_or_else(|| panic!("no {step} in {diagnosis:?}")).verdict
}

#[tokio::test]
async fn every_step_is_tried_and_the_file_that_was_written_is_removed() {
    let server = play(&format!(
        "{FEAT}C: PASV\nS: 500 no\n{PASSIVE}{LISTED}{ACTIVE}{MLSD}C: EPSV\nS: 229 (|||{{port}}|)
         C: STOR .icon-ftp-test-*\nS: 150 go\nD<\nS: 226 done\nC: DELE .icon-ftp-test-*\nS: 250 gone\nC: QUIT"
    ))
    .await;
    let diagnosis = diagnose(&server, config(&server), true).await;
    assert!(diagnosis.fault().is_none(), "{diagnosis:?}");
    let steps: Vec<String> = diagnosis.findings.iter().map(|finding| finding.step.to_string()).collect();
    assert_eq!(
        steps.join(", "),
        "name, tcp, greeting, login, features, passive data, active data, tls resumption, listing, clock, write"
    );
    assert!(matches!(verdict(&diagnosis, Step::Features), Verdict::Passed(found) if found == "MLST, SIZE"));
    assert!(matches!(verdict(&diagnosis, Step::Resumption), Verdict::Skipped(_)));
    assert!(matches!(
        verdict(&diagnosis, Step::Listing),
        Verdict::Noted(found, Remark::UnreadableLines(1)) if found == "2 entries, mlsx"
    ));
    assert!(matches!(verdict(&diagnosis, Step::Write), Verdict::Passed(_)));
}

#[tokio::test]
async fn without_being_asked_nothing_is_written() {
    let server = play(&format!("{FEAT}C: PASV\nS: 500 no\n{PASSIVE}{LISTED}{ACTIVE}{MLSD}C: QUIT")).await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    assert!(matches!(verdict(&diagnosis, Step::Write), Verdict::Skipped(_)));
}

#[tokio::test]
async fn another_address_for_passive_data_is_told_and_not_used() {
    let server =
        play(&format!("{FEAT}C: PASV\nS: 227 (10,0,0,5,4,1)\n{PASSIVE}{LISTED}{ACTIVE}{MLSD}C: QUIT")).await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    let Verdict::Noted(_, remark) = verdict(&diagnosis, Step::Passive) else { panic!("{diagnosis:?}") };
    assert_eq!(*remark, Remark::NamesAnotherAddress(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!(
        remark.to_string(),
        "the server names 10.0.0.5 for passive data; the control connection's address is used instead"
    );
}

#[tokio::test]
async fn epsv_that_leads_nowhere_is_told_where_pasv_works() {
    let server = play(&format!(
        "{FEAT}C: PASV\nS: 227 (127,0,0,1,4,1)\nC: EPSV\nS: 229 (|||{{closed}}|)\nC: PASV\nS: 227 ({{pasv}})\n{LISTED}
         {ACTIVE}{MLSD}C: QUIT"
    ))
    .await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    assert!(
        matches!(verdict(&diagnosis, Step::Passive), Verdict::Noted(_, Remark::NeedsPasv)),
        "{diagnosis:?}"
    );
}

#[tokio::test]
async fn a_closed_way_is_no_fault_while_the_other_one_is_open() {
    let server = play(&format!(
        "{FEAT}C: PASV\nS: 500 no\n{PASSIVE}{LISTED}C: PORT *\nS: 500 not from here\nC: EPRT *\nS: 500 nor so\n{MLSD}C: QUIT"
    ))
    .await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    assert!(matches!(verdict(&diagnosis, Step::Active), Verdict::Failed(_)));
    assert!(diagnosis.fault().is_none(), "{diagnosis:?}");
}

#[tokio::test]
async fn the_step_that_fails_is_the_last_one_and_says_why() {
    let silent = Transcript::parse("T: hang").start().await;
    let refusing = Transcript::parse("S: 220 hi\nC: USER user\nS: 530 no").start().await;
    let busy = Transcript::parse("S: 421 too many").start().await;
    let table = [(&silent, Step::Greeting), (&refusing, Step::Login), (&busy, Step::Greeting)];
    for (server, step) in table {
        let diagnosis = diagnose(server, impatient(config(server)), false).await;
        assert_eq!(diagnosis.fault().map(|(step, _)| step), Some(step), "{diagnosis:?}");
        assert_eq!(diagnosis.findings.last().map(|finding| finding.step), Some(step));
    }
    let nobody = Config { host: "no-such-host.invalid".to_owned(), ..config(&silent) };
    let diagnosis = Client::new(nobody).unwrap().diagnose(false).await;
    let Some((Step::Name, Error::Connect { .. })) = diagnosis.fault() else { panic!("{diagnosis:?}") };
}

#[tokio::test]
async fn a_session_that_breaks_in_one_step_is_renewed_for_the_next() {
    let server = play(&format!("{FEAT}C: PASV\nT: close\n---\n{ACTIVE}{MLSD}C: QUIT")).await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    assert!(matches!(verdict(&diagnosis, Step::Passive), Verdict::Failed(Error::Lost(_))), "{diagnosis:?}");
    assert!(matches!(verdict(&diagnosis, Step::Listing), Verdict::Noted(..)), "{diagnosis:?}");
}

/// The steps up to the clock with a server that has LIST alone, and this LIST for the clock.
fn up_to_the_clock(list: &str) -> String {
    let enter = "C: CWD .\nS: 250 ok\n";
    let leave = "C: CWD /home\nS: 250 ok\n";
    format!(
        "C: FEAT\nS: 500 what\nC: PASV\nS: 500 no\n{PASSIVE}{LISTED}{ACTIVE}C: PWD\nS: 257 \"/home\"\n\
         {enter}{PASSIVE}{LISTED}{leave}{enter}{PASSIVE}{list}{leave}"
    )
}

#[tokio::test]
async fn the_clock_is_learnt_without_listing_a_large_folder_again() {
    let endless =
        "C: LIST\nS: 150 here\nD*: -rw-r--r-- 1 u g 5 2024-07-07 11:30 f\\r\\n\nS: 426 broken pipe\n";
    let server =
        play(&format!("{}C: MDTM ./f\nS: 213 20240707103044\nC: QUIT", up_to_the_clock(endless))).await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    let clock = verdict(&diagnosis, Step::Clock);
    assert!(matches!(clock, Verdict::Passed(found) if found == "UTC+01:00:00"), "{clock:?}");
}

#[tokio::test]
async fn a_session_lost_while_the_clock_is_asked_for_is_told() {
    let listed = LISTED.replace("Jan 01 2024", "2024-07-07 11:30");
    let server = play(&format!("{}C: MDTM ./a\nT: close\n---\nC: QUIT", up_to_the_clock(&listed))).await;
    let diagnosis = diagnose(&server, config(&server), false).await;
    let clock = verdict(&diagnosis, Step::Clock);
    assert!(matches!(clock, Verdict::Failed(Error::Lost(_))), "{clock:?}");
}
