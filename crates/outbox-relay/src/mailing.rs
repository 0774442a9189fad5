//! Sends notifications by mail, where a server is configured. At least once: a mail is claimed with
//! the moment of its next attempt before it leaves, and marked as sent afterwards.

use crate::{leading::pause, relay::Relay};
use anyhow::{Context, ensure};
use database::{
    Connection,
    notifications::{self, Delivery, Mail},
};
use jiff::SignedDuration;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use service::{clock, settings};
use std::{sync::Arc, time::Duration};
use url::Url;

const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// One server takes them one after the other.
const BATCH: u16 = 20;
const SMTP_PORT: u16 = 25;
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
        let host = url.host_str().filter(|_| url.scheme() == "smtp").context(wrong)?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        ensure!(!has_credentials, "`mail.smtp_url` has a password, which would go unencrypted");
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(SMTP_PORT))
            .timeout(Some(SERVER_TIMEOUT))
            .build();
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
            Err(error) if error.is_permanent() => Delivery::Refused(said(&error)),
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
            .message_id(Some(format!("<{}.{}@{domain}>", mail.notification, mail.person)))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{}\n\n{more}\n", mail.text))?)
    }
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
                tracing::warn!(notification.id = %mail.notification, error, "a mail was not taken");
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
