//! What answers in place of an FTP server, told by its first words.

use ftp_proto::Reply;

/// The beginnings of what is not FTP, as they look with control characters escaped, and whose they are.
const STRANGERS: [(&str, &str); 6] = [
    ("HTTP/", "a web server (HTTP)"),
    ("<", "a web server (HTML)"),
    ("SSH-", "an SSH server (SFTP, which it may speak, is another protocol)"),
    ("+OK", "a mail server (POP3)"),
    ("* OK", "a mail server (IMAP)"),
    ("RFB ", "a remote desktop (VNC)"),
];

/// Words for what sent this line, which is no reply.
pub(crate) fn stranger(line: &str) -> String {
    match STRANGERS.iter().find(|(beginning, _)| line.starts_with(beginning)) {
        Some((_, what)) => format!("{what}, which said `{line}`"),
        None => format!("it said `{line}`"),
    }
}

/// Words for the mail server that sent this greeting, if one did: its reply codes look like ours (RFC 5321 §4.2). Only
/// one that names its own protocol, and not FTP, is taken for one.
pub(crate) fn mail_server(greeting: &Reply) -> Option<String> {
    let text = greeting.text().to_ascii_uppercase();
    let names_it = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "ESMTP");
    (names_it && !text.contains("FTP")).then(|| format!("a mail server (SMTP), which said `{greeting}`"))
}

#[cfg(test)]
mod tests {
    use ftp_proto::{ReplyDecoder, ReplyLimits};

    use super::*;

    #[test]
    fn mail_servers_are_told_by_their_own_word() {
        let table = [
            ("220 mx.example.org ESMTP Postfix", true),
            ("220-mx.example.org ESMTP\r\n220 no spam", true),
            ("220 ftp.example.org", false),
            ("220 FTP and ESMTP services of example.org", false),
            ("220 (vsFTPd 3.0.3)", false),
            ("220 nESMTPx", false),
        ];
        for (text, is_mail) in table {
            let mut decoder = ReplyDecoder::new(ReplyLimits::default());
            decoder.push(format!("{text}\r\n").as_bytes());
            let greeting = decoder.next_reply().unwrap().unwrap();
            assert_eq!(mail_server(&greeting).is_some(), is_mail, "{text}");
        }
    }
}
