//! Sends notifications by mail, where a server is configured. At least once: a mail is claimed with
//! the moment of its next attempt before it leaves, and marked as sent afterwards.

use crate::{leading::pause, relay::Relay};
use anyhow::{Context, bail, ensure};
use database::{
    Connection,
    notifications::{self, Delivery, Mail},
};
use jiff::SignedDuration;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use service::{clock, settings};
use std::{sync::Arc, time::Duration};
use url::Url;

const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// One server takes them one after the other.
const BATCH: u16 = 20;
const SMTP_PORT: u16 = 25;
/// With TLS from the beginning (RFC 8314).
const SMTPS_PORT: u16 = 465;
const SERVER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where mails are handed in, and from whom they come.
#[derive(Clone)]
pub(crate) struct Post {
    transport: Arc<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    first_wait: SignedDuration,
}

impl Post {
    /// The post office that the settings name, if they name one.
    pub(crate) fn of(settings: &settings::Mail) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.smtp_url else { return Ok(None) };
        let wrong = "`mail.smtp_url` is no address such as smtp://127.0.0.1:25";
        let url = Url::parse(url).context(wrong)?;
        let host = url.host_str().context(wrong)?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        ensure!(!has_credentials, "`mail.smtp_url` has a password; it belongs into a file");
        let (tls, port) = match (url.scheme(), url.query()) {
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp", Some("tls=required")) => (Tls::Required(trusting(host, settings)?), SMTP_PORT),
            ("smtps", None) => (Tls::Wrapper(trusting(host, settings)?), SMTPS_PORT),
            _ => bail!(wrong),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(port))
            .timeout(Some(SERVER_TIMEOUT));
        if let Some(credentials) = credentials(settings)? {
            let in_the_clear = matches!(tls, Tls::None);
            ensure!(!in_the_clear, "a password would go to `mail.smtp_url` unencrypted");
            transport = transport.credentials(credentials);
        }
        let transport = transport.tls(tls).build();
        let from = settings.from.parse();
        Ok(Some(Self {
            transport: Arc::new(transport),
            from: from.with_context(|| format!("`mail.from` is no address: {}", settings.from))?,
            first_wait: SignedDuration::from_secs(settings.retry_seconds.into()),
        }))
    }

    /// Hands a mail in.
    async fn send(&self, mail: &Mail) -> Delivery {
        let message = match self.message(mail) {
            Ok(message) => message,
            // An address that cannot be written to will not become one by waiting.
            Err(error) => return Delivery::Refused(format!("{error:#}")),
        };
        match self.transport.send(message).await {
            Ok(_) => Delivery::Sent,
            Err(error) if error.is_permanent() && !is_about_us(&error) => {
                Delivery::Refused(said(&error))
            }
            Err(error) => Delivery::Failed(said(&error)),
        }
    }

    fn message(&self, mail: &Mail) -> anyhow::Result<Message> {
        let (subject, more) = match mail.language.as_str() {
            "zh" => ("Lodestone：待办事项", "请登录系统查看。本邮件由系统自动发出，请勿回复。"),
            _ => (
                "Lodestone: something is to be done",
                "Sign in to see it. This mail was sent automatically; please do not answer it.",
            ),
        };
        let domain = self.from.email.domain();
        Ok(Message::builder()
            .from(self.from.clone())
            .to(mail.address.parse::<Mailbox>().context("the address cannot be written to")?)
            .subject(subject)
            // The same for every attempt, so that who gets it twice can tell.
            .message_id(Some(message_id(mail, domain)))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{}\n\n{more}\n", mail.texts.join("\n")))?)
    }
}

/// What tells a mail from another: what it is about and whom it tells. That of a day is about its
/// first notification and so many more.
fn message_id(mail: &Mail, domain: &str) -> String {
    let first = mail.notifications.first().map(ToString::to_string).unwrap_or_default();
    let more = match mail.notifications.len() {
        0 | 1 => String::new(),
        all => format!("+{}", all - 1),
    };
    format!("<{first}{more}.{}@{domain}>", mail.person)
}

/// TLS with a server of this name, whose certificate the system trusts or the settings do.
fn trusting(host: &str, settings: &settings::Mail) -> anyhow::Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = &settings.ca_file {
        let unreadable = || format!("`mail.ca_file` cannot be read: {}", file.display());
        let pem = std::fs::read(file).with_context(unreadable)?;
        let certificate = Certificate::from_pem(&pem).with_context(unreadable)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    Ok(parameters.build()?)
}

/// Who signs in at the server, if anybody does.
fn credentials(settings: &settings::Mail) -> anyhow::Result<Option<Credentials>> {
    match (&settings.username, &settings.password_file) {
        (None, None) => Ok(None),
        (Some(username), Some(file)) => {
            let unreadable = || format!("`mail.password_file` cannot be read: {}", file.display());
            let password = std::fs::read_to_string(file).with_context(unreadable)?;
            Ok(Some(Credentials::new(username.clone(), password.trim_end().to_owned())))
        }
        _ => bail!("`mail.username` and `mail.password_file` go together"),
    }
}

/// Whether the server turns us away and not the mail: without TLS (530) or a right password (534,
/// 535, 538; RFC 4954). An operator can mend that, so the mail waits.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538))
}

/// An error with its causes, for the operator.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// Sends until told to stop; without a server it only waits for that.
pub(crate) async fn run(relay: &Relay) {
    let Some(post) = &relay.post else { return relay.shutdown.cancelled().await };
    while let Some(sent) = send_batch(relay, post).await {
        if sent == 0 && !pause(relay, LOOK_AGAIN).await {
            return;
        }
    }
}

/// Sends what is due; how much that was, or `None` when told to stop.
async fn send_batch(relay: &Relay, post: &Post) -> Option<usize> {
    let (now, first_wait) = (clock::now(), post.first_wait);
    let claim = |mut conn: Connection| async move {
        notifications::claim_mails(&mut conn, now, first_wait, BATCH).await
    };
    let mails = relay.as_notifier("look for mails", claim).await?;
    for mail in &mails {
        let delivery = tokio::select! {
            () = relay.shutdown.cancelled() => return None,
            delivery = post.send(mail) => delivery,
        };
        let outcome = match &delivery {
            Delivery::Sent => "sent",
            Delivery::Failed(error) | Delivery::Refused(error) => {
                let id = mail.notifications.first().map(tracing::field::display);
                tracing::warn!(notification.id = id, error, "a mail was not taken");
                "failed"
            }
        };
        metrics::counter!("relay_mails_total", "outcome" => outcome).increment(1);
        let (delivery, now) = (&delivery, clock::now());
        let note = |mut conn: Connection| async move {
            notifications::note_delivery(&mut conn, mail, delivery, now).await
        };
        relay.as_notifier("note what became of a mail", note).await?;
    }
    Some(mails.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{NotificationId, PersonId};
    use testkit::MailServer;
    use uuid::Uuid;

    fn settings(url: &str) -> settings::Mail {
        settings::Mail {
            smtp_url: Some(url.to_owned()),
            username: None,
            password_file: None,
            ca_file: None,
            from: "lodestone@authority.example".to_owned(),
            retry_seconds: 1,
        }
    }

    fn mail() -> Mail {
        Mail {
            notifications: vec![NotificationId::from_uuid(Uuid::from_u128(1))],
            person: PersonId::from_uuid(Uuid::from_u128(2)),
            address: "clerk@filer.example".to_owned(),
            texts: vec!["something is due".to_owned()],
            language: "en".to_owned(),
            attempts: 1,
        }
    }

    #[tokio::test]
    async fn a_mail_is_handed_in_with_starttls_and_a_password_and_not_without() {
        let server = MailServer::start_with_tls();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let trusted = settings::Mail {
            username: Some(MailServer::USERNAME.to_owned()),
            password_file: file("password", &format!("{}\n", MailServer::PASSWORD)),
            ca_file: file("ca.pem", MailServer::CERTIFICATE),
            ..settings(&format!("{}?tls=required", server.url()))
        };
        let sent = async |settings: &settings::Mail| {
            Post::of(settings).unwrap().unwrap().send(&mail()).await
        };
        assert_eq!(sent(&trusted).await, Delivery::Sent);
        assert_eq!(server.taken_at_least(1)[0]["to"], serde_json::json!(["clerk@filer.example"]));
        // Who is not trusted is not written to, and a wrong password opens nothing.
        let stranger = settings::Mail { ca_file: None, ..trusted.clone() };
        assert!(matches!(sent(&stranger).await, Delivery::Failed(_)));
        let guessed = settings::Mail { password_file: file("guess", "guess"), ..trusted.clone() };
        assert!(matches!(sent(&guessed).await, Delivery::Failed(_)));
        let clear = settings(&server.url());
        assert!(matches!(sent(&clear).await, Delivery::Failed(_)));
        assert_eq!(server.taken().len(), 1);
    }

    #[test]
    fn a_password_never_leaves_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "secret").unwrap();
        let named = settings::Mail {
            username: Some("lodestone".to_owned()),
            password_file: Some(path),
            ..settings("smtp://127.0.0.1:25")
        };
        assert!(Post::of(&named).is_err());
        let half = settings::Mail { password_file: None, ..named };
        assert!(Post::of(&half).is_err());
        for url in [
            "http://127.0.0.1",
            "smtp://user:secret@127.0.0.1",
            "smtp://127.0.0.1?tls=maybe",
            "127.0.0.1",
        ] {
            assert!(Post::of(&settings(url)).is_err(), "{url}");
        }
        for url in
            ["smtp://127.0.0.1", "smtp://mail.example:587?tls=required", "smtps://mail.example"]
        {
            assert!(Post::of(&settings(url)).unwrap().is_some(), "{url}");
        }
    }
}
