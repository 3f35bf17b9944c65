//! The proxy's side of SOCKS5 (RFC 1928) and of its user and password (RFC 1929).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Desk, turned_away};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xFF;
const REFUSED: u8 = 5;

/// Lets a client in, and gives the connection that it asked for.
pub(super) async fn admit(
    client: &mut TcpStream,
    login: Option<(&str, &str)>,
    desk: &Desk,
) -> io::Result<TcpStream> {
    let wanted = if login.is_some() { USER_AND_PASSWORD } else { NO_LOGIN };
    if client.read_u8().await? != VERSION {
        return Err(turned_away("not SOCKS5"));
    }
    if !counted(client).await?.contains(&wanted) {
        client.write_all(&[VERSION, NO_METHOD]).await?;
        return Err(turned_away("no method in common"));
    }
    client.write_all(&[VERSION, wanted]).await?;
    if let Some(login) = login {
        check(client, login).await?;
    }
    let (host, port) = request(client).await?;
    let server = desk.dial(&host, port).await;
    let code = if server.is_ok() { 0 } else { REFUSED };
    client.write_all(&[VERSION, code, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    server
}

async fn check(client: &mut TcpStream, (user, password): (&str, &str)) -> io::Result<()> {
    if client.read_u8().await? != 1 {
        return Err(turned_away("not the login of RFC 1929"));
    }
    let given = (counted(client).await?, counted(client).await?);
    let is_right = given == (user.as_bytes().to_vec(), password.as_bytes().to_vec());
    client.write_all(&[1, u8::from(!is_right)]).await?;
    if is_right { Ok(()) } else { Err(turned_away("a wrong login")) }
}

/// CONNECT, and where to.
async fn request(client: &mut TcpStream) -> io::Result<(String, u16)> {
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let [VERSION, 1, 0, kind] = head else { return Err(turned_away("not CONNECT")) };
    let host = match kind {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => String::from_utf8_lossy(&counted(client).await?).into_owned(),
        4 => Ipv6Addr::from(client.read_u128().await?).to_string(),
        _ => return Err(turned_away("no kind of address")),
    };
    Ok((host, client.read_u16().await?))
}

/// A length in one byte, and so many bytes.
async fn counted(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}
