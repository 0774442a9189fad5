//! A real mail server for one test: Debian's aiosmtpd, told to turn the first mails away.

use tempfile::TempDir;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long a mail that was answered may take to be told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Debian's own, which finds Debian's packages.
const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = r#"
import asyncio, json, ssl, sys
from email import message_from_bytes, policy
from aiosmtpd.smtp import SMTP, AuthResult

class Mails:
    def __init__(self, turn_away):
        self.turn_away = turn_away

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 nobody of that name is here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.turn_away > 0:
            self.turn_away -= 1
            return "451 4.3.0 come back later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        told = {"to": envelope.rcpt_tos, "from": envelope.mail_from, "subject": mail["subject"],
                "id": mail["message-id"], "text": mail.get_content()}
        print(json.dumps(told), flush=True)
        return "250 taken"

async def serve():
    mails = Mails(int(sys.argv[1]))
    loop = asyncio.get_running_loop()
    options = {}
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        def known(server, session, envelope, mechanism, data):
            right = (data.login.decode(), data.password.decode()) == (sys.argv[3], sys.argv[4])
            return AuthResult(success=right, handled=False)
        options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": known}
    server = await loop.create_server(lambda: SMTP(mails, enable_SMTPUTF8=True, **options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(serve())
"#;

/// A mail server; it ends with this value.
#[derive(Debug)]
pub struct MailServer {
    process: Child,
    port: u16,
    taken: Arc<Mutex<Vec<serde_json::Value>>>,
    /// Its certificate and key, where it speaks TLS.
    _files: Option<TempDir>,
}

/// For tests: of [`MailServer::CERTIFICATE`], which is its own issuer.
const KEY: &str = include_str!("mail_server/key.pem");

impl MailServer {
    /// Who signs in at a server with TLS.
    pub const USERNAME: &'static str = "lodestone";
    /// With which password.
    pub const PASSWORD: &'static str = "for tests only";
    /// The certificate of a server with TLS, in PEM: of localhost and 127.0.0.1.
    pub const CERTIFICATE: &'static str = include_str!("mail_server/certificate.pem");

    /// A server that first turns so many mails away for the moment, and takes all others, except to
    /// addresses that begin with `gone`.
    pub fn start(turns_away: u32) -> Self {
        Self::start_with(&[turns_away.to_string()], None)
    }

    /// A server that takes mails with STARTTLS and its password only.
    pub fn start_with_tls() -> Self {
        let files = tempfile::tempdir().expect("there is room for a file");
        let chain = files.path().join("chain.pem");
        std::fs::write(&chain, format!("{KEY}{}", Self::CERTIFICATE)).expect("a file is written");
        let chain = chain.display().to_string();
        let arguments =
            ["0".to_owned(), chain, Self::USERNAME.to_owned(), Self::PASSWORD.to_owned()];
        Self::start_with(&arguments, Some(files))
    }

    fn start_with(arguments: &[String], files: Option<TempDir>) -> Self {
        let mut process = Command::new(PYTHON)
            .args(["-c", PROGRAM])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is here: scripts/test installs it with aiosmtpd");
        let mut said = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = said.next().and_then(Result::ok).and_then(|line| line.parse().ok());
        let port = port.expect("aiosmtpd is here: scripts/test installs it");
        let taken: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
        let mails = Arc::clone(&taken);
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                let mail = serde_json::from_str(&line).expect("a mail is told as JSON");
                mails.lock().expect("nobody panics with the lock").push(mail);
            }
        });
        Self { process, port, taken, _files: files }
    }

    /// Its address, as a setting names it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The mails it took, once there are so many of them: what it answers may be read before what it
    /// tells of the mail.
    pub fn taken_at_least(&self, count: usize) -> Vec<serde_json::Value> {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let taken = self.taken();
            if taken.len() >= count || Instant::now() > given_up {
                return taken;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The mails it told of so far: `to`, `from`, `subject`, `id` and `text` of each.
    pub fn taken(&self) -> Vec<serde_json::Value> {
        self.taken.lock().expect("nobody panics with the lock").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
