//! A process whose files may only be so large (`ulimit -f`): a content that does not fit is an error that says so.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::bad_input::Untouched;
use crate::http::Http;
use crate::process::{base64, content, finish, message};

/// The program, not started, with pipes for all three streams. Its files may have 4096 blocks, each of 512 bytes, or of 1024
/// in some shells.
fn limited() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -f 4096 && exec "$@""#, "sh", env!("CARGO_BIN_EXE_icon-ftp")]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn an_upload_that_is_larger_than_a_file_may_be_is_not_begun() {
    let server = Untouched::new();
    let input = json!({"remote_path": "x", "file_content": base64(&content(12 << 20))});
    let message = message("upload", &server.connection(), &input);
    let answer = finish(limited().arg("run").spawn().unwrap(), message.to_string().as_bytes());
    let http = Http::start_as(limited(), &[]).await;
    let response = http.client().await.post("/api/v1/actions/upload", &message).await;
    for event in [answer.event(), response.json()] {
        let exception = &event["body"]["exception"];
        let cause = exception["cause"].as_str().unwrap();
        assert!(cause.starts_with("'file_content': the content cannot be stored: "), "{cause}");
        assert!(exception["assistance"].as_str().unwrap().contains("--spool-dir"), "{event}");
    }
}
