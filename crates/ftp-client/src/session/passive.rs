//! EPSV and PASV: the port on which the server listens for data (RFC 2428 §3, RFC 959 §4.1.2).

use ftp_proto::{Command, Reply, parse_epsv, parse_pasv};

use super::Session;
use crate::data::Route;
use crate::error::{Error, ProtocolFault};

impl Session {
    /// Asks for a port for `command`. Only the port counts: where it is, is known from the control connection.
    pub(super) async fn ask_for_port(&mut self, route: Route, command: &Command) -> Result<u16, Error> {
        let Some(question) = route.passive_command() else {
            return Err(crate::data::unreachable(std::io::ErrorKind::Unsupported.into()));
        };
        let promises_pret = self.features.as_ref().is_some_and(|features| features.pret);
        let announced = promises_pret || self.client.learnt().wants_pret;
        if announced {
            self.announce(command).await?;
        }
        match self.execute(&question).await {
            Ok(reply) => self.port_in(&question, &reply),
            Err(Error::Rejected { reply, .. }) if !announced && names_pret(&reply) => {
                self.client.learnt().wants_pret = true;
                self.announce(command).await?;
                let reply = self.execute(&question).await?;
                self.port_in(&question, &reply)
            }
            Err(error) => Err(error),
        }
    }

    /// PRET, by which `DrFTPd` learns on which of its machines the port has to be. A refusal says nothing yet: the transfer
    /// itself will be answered.
    async fn announce(&mut self, command: &Command) -> Result<(), Error> {
        match self.execute(&Command::Pret(Box::new(command.clone()))).await {
            Ok(_) | Err(Error::Rejected { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn port_in(&self, question: &Command, reply: &Reply) -> Result<u16, Error> {
        let fault = |fault| Error::Protocol(ProtocolFault::Address { verb: question.verb(), fault });
        if *question == Command::Epsv {
            // Some servers answer EPSV in the words of PASV.
            return parse_epsv(reply).or_else(|error| match parse_pasv(reply) {
                Ok(named) => Ok(named.port()),
                Err(_) => Err(fault(error)),
            });
        }
        let named = parse_pasv(reply).map_err(fault)?;
        match self.control.peer() {
            Some(peer) if peer.ip() != *named.ip() => {
                tracing::debug!(
                    "the server names {} for data; using the control connection's address",
                    named.ip()
                );
            }
            _ => {}
        }
        Ok(named.port())
    }
}

/// Whether a refusal asks for PRET, as `DrFTPd`'s does.
fn names_pret(reply: &Reply) -> bool {
    reply.text().to_ascii_uppercase().contains("PRET")
}
