//! Secrets that calls to webhooks are signed with.

use crate::secret::ServerSecret;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::ids::WebhookId;

/// The secret of a webhook's generation, as its owner is told it: `whsec_` and base64 of 32 bytes.
///
/// Derived, never stored: who has a copy of the database can sign nothing.
pub fn secret(server: &ServerSecret, webhook: WebhookId, generation: u32) -> String {
    let bytes = server.mac("webhook", format!("{webhook} {generation}").as_bytes());
    format!("whsec_{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_generation_of_every_webhook_has_its_own() {
        let server = ServerSecret::from_bytes([7; 32]);
        let [one, other] = [1, 2].map(|id| WebhookId::from_uuid(Uuid::from_u128(id)));
        let secrets = [
            secret(&server, one, 1),
            secret(&server, one, 2),
            secret(&server, other, 1),
            secret(&ServerSecret::from_bytes([8; 32]), one, 1),
        ];
        for (place, secret) in secrets.iter().enumerate() {
            assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
            assert!(!secrets[..place].contains(secret));
        }
    }
}
