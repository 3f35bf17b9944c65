//! A server whose folders are made up as they are asked for: as deep and as wide as a test wants, which no script is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What `MLSD` of a path gives; `None` is a refusal.
type Folders = fn(&str) -> Option<String>;

/// Starts it; it ends with the test's process.
pub(super) fn serve(folders: Folders) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for control in listener.incoming().flatten() {
            // A client that leaves early ends its conversation.
            thread::spawn(move || drop(converse(control, folders)));
        }
    });
    address
}

fn converse(mut control: TcpStream, folders: Folders) -> std::io::Result<()> {
    control.write_all(b"220 hi\r\n")?;
    let mut data = None;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        let (verb, path) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match verb {
            "USER" => "230 in".to_owned(),
            "FEAT" => "211-features\r\n MLST type*;unique*;\r\n211 end".to_owned(),
            "TYPE" => "200 ok".to_owned(),
            "EPSV" => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                data = Some(listener);
                format!("229 (|||{port}|)")
            }
            "MLSD" => match (folders(path), data.take()) {
                (Some(listing), Some(data)) => {
                    control.write_all(b"150 here\r\n")?;
                    data.accept()?.0.write_all(listing.as_bytes())?;
                    "226 done".to_owned()
                }
                _ => "550 not for you".to_owned(),
            },
            _ => "500 what".to_owned(),
        };
        control.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}
