//! Every sentence that tells a user what went wrong and what to do: the one match from the client's errors, and the
//! refusals of settings and inputs that need no server. Those about TLS are in a file of their own.

mod tls;

use ftp_client::{ConnectFault, DataFault, Error, LostCause, ProtocolFault, ProxyFault, Remark, Wait};
use ftp_proto::PathError;
use plugin_runtime::{Failure, FailureKind};

/// A failure of the client, in words. A refusal of the file at hand is no failure: actions ask
/// [`Error::is_rejection`] first.
pub(crate) fn from_client(error: &Error) -> Failure {
    let failure = match error {
        Error::Connect { server, fault } => connect(server, fault),
        Error::Tls { on, fault } => tls::failure(*on, fault),
        Error::Login(reply) if tls::demands_tls(reply) => {
            Failure::service(format!("The login was refused: {reply}"), tls::DEMANDS_TLS)
        }
        Error::Login(reply) => Failure::service(
            format!("The login was refused: {reply}"),
            "Check the username and the password in `credentials`. Some servers also refuse a login that is right when \
             it comes without TLS (set `secure`), from an unknown address, or too often.",
        ),
        Error::Repeated { tries, first, last } => return repeated(*tries, first, last),
        Error::Rejected { verb, reply } => Failure::service(
            format!("The server refused {verb}: {reply}"),
            tls::refusal_advice(reply).unwrap_or(
                "The reply is the server's own reason. A code that starts with 4 is a temporary one: try again later.",
            ),
        ),
        Error::Protocol(ProtocolFault::ListingTooLong { limit, unit }) => Failure::service(
            format!("The listing is longer than listings may be: it has more than {limit} {unit}"),
            "Use a folder with fewer entries, or raise `--max-listing` (`PLUGIN_MAX_LISTING`) where the plugin runs, if it \
             is the number of entries.",
        ),
        Error::Protocol(fault) => Failure::service(
            format!("The server broke the FTP protocol: {fault}"),
            "Nothing it says can be relied on after that. Check that `host` and `port` name an FTP server, and ask its \
             operator.",
        ),
        Error::Data(fault) => data(fault),
        Error::Timeout { wait: Wait::Session, after } => Failure::service(
            format!("No session with the server came free within {} s", after.as_secs_f32()),
            "As many steps as may use the server at once are doing so, or as many as it lets in. Try again when fewer are \
             under way.",
        ),
        Error::Timeout { wait, after } => Failure::service(
            format!("The server did not answer in time: {} s passed while {wait}", after.as_secs_f32()),
            timeout_advice(*wait),
        ),
        Error::Lost(cause) => lost(cause),
    };
    match error.reply_code() {
        Some(code) => failure.with_data(format!("reply code {}", code.as_u16())),
        None => failure,
    }
}

/// The last of several failures, which is the one to act on, and what the first one was.
fn repeated(tries: u32, first: &Error, last: &Error) -> Failure {
    let failure = from_client(last);
    if failure.kind() == FailureKind::Forbidden {
        return failure;
    }
    let (first, cause) = (from_client(first), failure.cause());
    let cause = if first.cause() == cause {
        format!("{cause}. All of {tries} tries failed in this way")
    } else {
        format!("{cause}. This was try {tries}; the first one failed otherwise: {}", first.cause())
    };
    let repeated = Failure::service(cause, failure.assistance());
    match failure.data() {
        Some(data) => repeated.with_data(data),
        None => repeated,
    }
}

fn connect(server: &str, fault: &ConnectFault) -> Failure {
    match fault {
        ConnectFault::Forbidden => forbidden(&format!("The server may not be reached from here: {server}")),
        ConnectFault::Resolve(error) => Failure::service(
            format!("The name of the server cannot be resolved: {server} ({error})"),
            "Check the spelling of `host`, and that the name is known where the plugin runs.",
        ),
        ConnectFault::Tcp(error) => Failure::service(
            format!("The server cannot be reached: {server} ({error})"),
            "Check `host` and `port`, that the FTP server is running, and that firewalls on the way let the plugin's \
             machine through.",
        ),
        ConnectFault::Greeting(reply) => Failure::service(
            format!("The server does not take connections now: {server} said {reply}"),
            "It may be busy, in maintenance, or not open to this address. Try again later, or ask its operator.",
        ),
        ConnectFault::SpeaksTls => Failure::service(
            format!("The server speaks TLS from the first byte: {server}"),
            "Set `secure` to true and `tls_mode` to implicit. No password was sent.",
        ),
        ConnectFault::NotFtp { answer } => Failure::service(
            format!("What answered is not an FTP server: {server}, {answer}"),
            "Check `host` and `port`. FTP usually listens on port 21, and with implicit TLS (`tls_mode`) on port 990; SFTP \
             (port 22) is another protocol.",
        ),
        ConnectFault::Proxy { proxy: name, fault } => proxy(server, name, fault),
    }
}

fn forbidden(cause: &str) -> Failure {
    Failure::forbidden(
        cause,
        "Nothing was sent to it. Whoever runs the plugin decides which hosts it may reach, and can add this one: \
         `--allow-host`, `PLUGIN_ALLOW_HOST`.",
    )
}

fn proxy(server: &str, proxy: &str, fault: &ProxyFault) -> Failure {
    match fault {
        ProxyFault::Forbidden => forbidden(&format!("The proxy may not be used from here: {proxy}")),
        ProxyFault::Unreachable(error) => Failure::service(
            format!("The proxy cannot be reached: {proxy} ({error})"),
            "Check host and port of the connection setting `proxy`, and that firewalls let the plugin's machine through to it.",
        ),
        ProxyFault::Silent { after } => Failure::service(
            format!("The proxy did not answer within {} s: {proxy}", after.as_secs_f32()),
            "Either the proxy cannot get through to the server, or what `proxy` names is no proxy of that kind. Check \
             `host`, `port` and `proxy`.",
        ),
        ProxyFault::Login => Failure::service(
            format!("The proxy did not let the plugin in: {proxy}"),
            "Give user and password in `proxy`: `socks5://user:password@host:port`. Where they hold `@`, `:`, `/` or `%`, \
             write those percent-encoded (`%40`, `%3A`, `%2F`, `%25`).",
        ),
        ProxyFault::Target(error) => Failure::service(
            format!("The proxy {proxy} did not connect to the server: {server} ({error})"),
            "Check `host` and `port`, and that the proxy's rules allow this connection. Many HTTP proxies only connect to \
             port 443, and none can be asked for FTP's data ports unless its operator allows them.",
        ),
        ProxyFault::Answer(error) => Failure::service(
            format!("What answered is not such a proxy: {proxy} ({error})"),
            "Check whether the proxy of `proxy` speaks SOCKS5 (`socks5://`) or HTTP (`http://`), and its port.",
        ),
    }
}

fn data(fault: &DataFault) -> Failure {
    match fault {
        DataFault::NotOpened { attempts } => no_data_connection(&attempts.join("; ")),
        DataFault::Unreachable(error) => no_data_connection(&error.to_string()),
        DataFault::Broken(error) => Failure::service(
            format!("The data connection broke: {error}"),
            "The transfer is incomplete, and after an upload so is the file on the server, unless `atomic` is set. Try \
             again; if it happens often, look for firewalls or proxies that cut long connections.",
        ),
        DataFault::GivenUp(reply) => Failure::service(
            format!("The server gave the transfer up: {reply}"),
            "The transfer is incomplete, and after an upload so is the file on the server, unless `atomic` is set. The \
             reply is the server's own reason: a full disk or quota, a broken connection, an error on its side.",
        ),
        DataFault::NotResumed(reply) => tls::not_resumed(reply),
        DataFault::Short { received, expected } => Failure::service(
            format!(
                "The transfer was cut short: {received} bytes came of the {expected} that the server had announced"
            ),
            "What came was thrown away. Try again; if the file was being replaced at that moment, it will work then.",
        ),
        DataFault::Changed => Failure::service(
            "The file changed on the server while it was being fetched, or the server did not go on where it was asked to",
            "What came was thrown away. Try again when nobody is writing to the file.",
        ),
        DataFault::TooLarge { limit } => Failure::service(
            format!("The file is larger than downloads may be: it has more than {limit} bytes"),
            "Nothing was kept. Raise `--max-download` (`PLUGIN_MAX_DOWNLOAD`) where the plugin runs, or leave it out: then \
             the disk is the limit.",
        ),
        DataFault::Unproven { received } => Failure::service(
            format!(
                "The protected data connection was cut off after {received} bytes, and no size proves that these are all"
            ),
            "What came was thrown away. Try again; if it happens every time, the server does not end TLS as it should \
             (close_notify) and does not support SIZE.",
        ),
    }
}

fn no_data_connection(why: &str) -> Failure {
    Failure::service(
        format!("No data connection could be opened: {why}"),
        "Nothing was transferred. Passive connections need the server's passive ports open in every firewall on the \
         way; active ones need the server to reach the plugin's machine, which NAT prevents.",
    )
}

fn lost(cause: &LostCause) -> Failure {
    if let LostCause::Goodbye(reply) = cause
        && tls::demands_tls(reply)
    {
        return Failure::service(format!("The connection to the server was lost: {cause}"), tls::DEMANDS_TLS);
    }
    Failure::service(
        format!("The connection to the server was lost: {cause}"),
        "Try again. A server that restarts, is full, or drops idle connections does this; so does a network that fails.",
    )
}

fn timeout_advice(wait: Wait) -> &'static str {
    match wait {
        Wait::Resolving => "Check the name service of the machine on which the plugin runs.",
        Wait::Connecting => {
            "Check `host` and `port`. A firewall that drops packets silently looks like this."
        }
        Wait::Greeting => {
            "Something accepts connections there but does not greet. Check that `port` is that of an FTP server. A server \
             for implicit TLS, usually on port 990, stays silent too, since it waits for the client to begin: set `secure` \
             to true and `tls_mode` to implicit for it. So does a web server."
        }
        Wait::Handshake(_) => {
            "The server stopped in the middle of the TLS handshake. Check its TLS settings, and that `tls_mode` is what it \
             expects: explicit as a rule, implicit on port 990."
        }
        Wait::OpeningData => "Try the other mode with `passive`, and check the firewalls on the way.",
        Wait::Session | Wait::Sending(_) | Wait::Reply(_) | Wait::Transferring | Wait::MoreThanATrickle => {
            "Try again. If the server is known to be slow, raise `timeout`."
        }
    }
}

/// What a connection test says of a step that works and could work better.
pub(crate) fn remark(remark: Remark) -> Failure {
    match remark {
        Remark::NamesAnotherAddress(named) => Failure::service(
            format!("The server names {named} for passive data, and is reached at another address"),
            "The plugin uses the address that it reaches the server at, so nothing has to be changed for it. Other clients \
             may fail: the server's operator can set the address that it names (`pasv_address` in vsftpd, \
             `MasqueradeAddress` in ProFTPD, `-P` in Pure-FTPd).",
        ),
        Remark::NeedsPasv => Failure::service(
            "Data connections by EPSV do not come about, those by PASV do",
            "The plugin falls back to PASV by itself, which costs a few seconds once. A firewall that reads PASV's answer \
             and not EPSV's looks like this.",
        ),
        Remark::NotResumed => Failure::service(
            "The server does not resume the TLS session on data connections",
            "Nothing has to be changed. Each transfer costs a full handshake.",
        ),
        Remark::UnreadableLines(lines) => Failure::service(
            format!("{lines} lines of the listing are in a form that is not known"),
            "What they stand for is missing from listings and is not watched; `icon-ftp ls` shows the first of them.",
        ),
    }
}

/// The most characters that are shown of a host that is none; it may be a text of megabytes.
const SHOWN_HOST: usize = 255;

/// The host cannot be one.
pub(crate) fn bad_host(host: &str) -> Failure {
    let shown: String = host.chars().take(SHOWN_HOST).collect();
    Failure::connection(
        format!("The connection setting `host` is not an address of a server: {}", shown.escape_debug()),
        "Give a name or an address, with a port where it is not the usual one: `ftp.example.com`, \
         `ftp.example.com:2121`, `[2001:db8::1]:2121`. No `ftp://`, no path.",
    )
}

/// Another connection setting has a value that cannot be right. `fault` never shows a secret.
pub(crate) fn bad_setting(name: &str, fault: &str) -> Failure {
    Failure::connection(
        format!("The connection setting `{name}` cannot be used: {fault}"),
        format!("Correct `{name}` in the connection. Nothing was sent to the server."),
    )
}

/// A number in the connection is outside of what it may be.
pub(crate) fn setting_out_of_range(name: &str, least: u64, most: u64) -> Failure {
    bad_setting(name, &format!("it is not from {least} to {most}"))
}

/// A number in the input is outside of what it may be.
pub(crate) fn input_out_of_range(name: &str, least: u64, most: u64) -> Failure {
    Failure::input(
        format!("The input `{name}` cannot be used: it is not from {least} to {most}"),
        format!("Correct `{name}`. Nothing was sent to the server."),
    )
}

/// A path that cannot be sent.
pub(crate) fn bad_path(input: &str, fault: &PathError) -> Failure {
    let assistance = match fault {
        PathError::Empty => "Give a path; the login folder is `.`, the root is `/`.",
        PathError::Argument(_) => {
            "Paths hold no line breaks and no NUL, since those would end the command. Nothing was sent to the server."
        }
        PathError::Unencodable(_) => {
            "A name that the server has can be written in its encoding, so either the path or `encoding` in the connection \
             is not the server's. Nothing was sent to the server."
        }
    };
    Failure::input(format!("The input `{input}` is not a path that FTP can carry: {fault}"), assistance)
}

/// A path that ends in no name, where a file is to be put.
pub(crate) fn no_file_name(input: &str) -> Failure {
    Failure::input(
        format!("The input `{input}` names no file"),
        "Give the path of the file, and not only that of its folder.",
    )
}

/// The reason of an upload that would replace a file against `overwrite`.
pub(crate) const FILE_EXISTS: &str = "The file exists already, and `overwrite` is false";

/// The content of a transfer cannot be kept, or read back, on this machine.
pub(crate) fn spool(error: &std::io::Error) -> Failure {
    Failure::internal(
        format!("The file's content cannot be kept on this machine: {error}"),
        "Contents above 1 MiB go to a temporary file. Make room in the temporary folder, or name another one with --spool-dir or TMPDIR.",
    )
}

/// A finished upload whose size on the server is not that of the content.
pub(crate) fn wrong_size(sent: u64, found: u64) -> Failure {
    Failure::service(
        format!("The server holds {found} bytes of the {sent} that were sent"),
        "With `atomic` the file was not moved to its final name, and the old one is untouched; without it the file on the \
         server is incomplete. Try again.",
    )
}

/// The watched path is not there as far as one can see, but its folder does not tell for certain.
pub(crate) fn missing(path: &str) -> Failure {
    Failure::service(
        format!("The watched path cannot be found: {}", path.escape_debug()),
        "Check `path`, and that the login may read it and the folder it is in.",
    )
}

/// The listing of the watched folder is empty, but its files are there.
pub(crate) fn unreadable(path: &str) -> Failure {
    Failure::service(
        format!(
            "The listing of the watched folder is empty, although files are in it: {}",
            path.escape_debug()
        ),
        "Check that the login may read the folder, and not only enter it.",
    )
}
