//! Uploads that the server does not want, and would not say so.

use super::Fault::{Data, Lost, Protocol, Refused, Timeout};
use super::{EPSV, HostileServer, LOGIN, Operation, UPLOAD, fails};

pub(super) fn servers() -> Vec<HostileServer> {
    let (small, large) = (Operation::Upload, Operation::UploadLarge);
    let store = format!("{EPSV}C: STOR f\n");
    let rows = [
        ("success before any data", small, Protocol, store.as_str(), "S: 226 done"),
        ("a question before any data", small, Protocol, &store, "S: 350 more"),
        ("a full disk before any data", small, Refused, &store, "S: 552 full"),
        ("a farewell before any data", small, Lost, &store, "S: 421 bye"),
        ("silence before any data", small, Timeout, &store, "T: hang"),
        ("a full disk after the data", small, Data, UPLOAD, "D< hello\nS: 552 full"),
        ("a lost upload after the data", small, Data, UPLOAD, "D< hello\nS: 426 broken"),
        ("an upload that nobody confirms", small, Timeout, UPLOAD, "D< hello\nT: hang"),
        ("an upload that is confirmed without end", small, Timeout, UPLOAD, "D< hello\nS*: 150 wait\\r\\n"),
        ("an upload and then an end", small, Lost, UPLOAD, "D< hello\nT: close"),
        ("an upload and then a farewell", small, Lost, UPLOAD, "D< hello\nS: 421 bye"),
        ("an upload and then a reply without end", small, Protocol, UPLOAD, "D< hello\nS*: 226-done\\r\\n"),
        ("data without end in return for an upload", small, Timeout, UPLOAD, "D*: and for you"),
        ("an upload that nobody reads", large, Timeout, UPLOAD, "D: open\nT: hang"),
        (
            "an upload that nobody reads, though called done",
            large,
            Timeout,
            UPLOAD,
            "D: open\nS: 226 done\nT: hang",
        ),
        ("an upload that is reset", large, Data, UPLOAD, "D: open\nD: reset\nS: 451 broken"),
        ("an upload that is reset and called done", large, Data, UPLOAD, "D: open\nD: reset\nS: 226 done"),
        ("an upload whose both connections are reset", large, Data, UPLOAD, "D: open\nD: reset\nT: reset"),
        ("an upload against a flood", large, Timeout, UPLOAD, "D*: and for you"),
    ];
    rows.map(|(name, operation, fault, beginning, script)| {
        HostileServer::new(name, operation, fails(fault), script).after(beginning).after(LOGIN)
    })
    .into()
}
