//! What is asked of the reporting interface.

use super::{Api, Call, Failure, Half};
use crate::visitor::Visitor;
use bytes::Bytes;
use domain::codes::{OrganisationKind, Role};
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A session as it is opened.
#[derive(Debug, Deserialize)]
pub(crate) struct Opened {
    pub(crate) token: String,
    pub(crate) person: Person,
    pub(crate) expires_at: Timestamp,
    pub(crate) organisations: Vec<Acting>,
}

/// Somebody.
#[derive(Debug, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) language: String,
}

/// For whom somebody may act, and how.
#[derive(Debug, Deserialize)]
pub(crate) struct Acting {
    pub(crate) organisation: Uuid,
    pub(crate) kind: OrganisationKind,
    pub(crate) roles: Vec<Role>,
    pub(crate) delegated: bool,
}

/// What an organisation may choose from when it files.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Catalogue {
    /// Its sites.
    pub(crate) sites: Vec<Named>,
    /// Its products.
    pub(crate) products: Vec<Named>,
}

/// Something with a code and names.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Named {
    code: String,
    #[serde(default)]
    name_zh: String,
    #[serde(default)]
    name_en: String,
}

/// An organisation's names.
#[derive(Debug, Deserialize)]
pub(crate) struct Organisation {
    pub(crate) name_zh: String,
    #[serde(default)]
    pub(crate) name_en: String,
}

impl Api {
    /// A call to the reporting interface.
    pub(crate) fn reporting(&self, visitor: &Visitor, method: Method, path: &[&str]) -> Call {
        self.call(visitor, Half::Reporting, method, path)
    }

    /// Opens a session.
    pub(crate) async fn sign_in(
        &self,
        visitor: &Visitor,
        email: &str,
        password: &str,
    ) -> Result<Opened, Failure> {
        let form = json!({"email": email, "password": password});
        let call = self.reporting(visitor, Method::POST, &["sessions"]).json(&form);
        call.send().await
    }

    /// Ends the session.
    pub(crate) async fn sign_out(&self, visitor: &Visitor) -> Result<Value, Failure> {
        self.reporting(visitor, Method::DELETE, &["sessions"]).value().await
    }

    /// One organisation of the register.
    pub(crate) async fn organisation(
        &self,
        visitor: &Visitor,
        id: Uuid,
    ) -> Result<Organisation, Failure> {
        let id = id.to_string();
        self.reporting(visitor, Method::GET, &["organisations", &id]).send().await
    }

    /// What was published, the latest first.
    pub(crate) async fn published_statistics(
        &self,
        visitor: &Visitor,
        cursor: Option<&str>,
    ) -> Result<Value, Failure> {
        let call = self.reporting(visitor, Method::GET, &["statistics", "public"]);
        call.with("cursor", cursor).with("limit", Some(50)).value().await
    }

    /// One published table of one month.
    pub(crate) async fn published_table(
        &self,
        visitor: &Visitor,
        table: &str,
        month: &str,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["statistics", "public", table, month]).value().await
    }

    /// Monthly returns: which are filed, due, overdue or late.
    pub(crate) async fn returns(
        &self,
        visitor: &Visitor,
        from: Option<&str>,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["returns"]).with("from", from).value().await
    }

    /// What the books say of a month, and what is missing.
    pub(crate) async fn books(&self, visitor: &Visitor, month: &str) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["returns", month]).value().await
    }

    /// Files a month's returns for every site that has none yet.
    pub(crate) async fn file_returns(
        &self,
        visitor: &Visitor,
        once: &str,
        form: &Value,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::POST, &["returns"]).once(once).json(form).value().await
    }

    /// What was filed, newest first, to be narrowed down.
    pub(crate) fn filings(&self, visitor: &Visitor) -> Call {
        self.reporting(visitor, Method::GET, &["filings"]).with("limit", Some(50))
    }

    /// One filing with its lines.
    pub(crate) async fn filing(&self, visitor: &Visitor, id: &str) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["filings", id]).value().await
    }

    /// Every version of a filing, oldest first.
    pub(crate) async fn versions(&self, visitor: &Visitor, id: &str) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["filings", id, "versions"]).value().await
    }

    /// The signed receipt of a filing.
    pub(crate) async fn filing_receipt(
        &self,
        visitor: &Visitor,
        id: &str,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["filings", id, "receipt"]).value().await
    }

    /// Files.
    pub(crate) async fn file(
        &self,
        visitor: &Visitor,
        once: &str,
        form: &Value,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::POST, &["filings"]).once(once).json(form).value().await
    }

    /// One's own sites and products, for lists to choose from. These are two calls.
    pub(crate) async fn catalogue(&self, visitor: &Visitor) -> Result<Catalogue, Failure> {
        let organisation = visitor.session().map(|session| session.organisation.to_string());
        let organisation = organisation.unwrap_or_default();
        let list = async |what: &str| -> Result<Vec<Named>, Failure> {
            let path = ["organisations", organisation.as_str(), what];
            let call = self.reporting(visitor, Method::GET, &path).with("limit", Some(200));
            let answer = call.value().await?;
            Ok(serde_json::from_value(answer[what].clone()).unwrap_or_default())
        };
        let (sites, products) = tokio::join!(list("sites"), list("products"));
        Ok(Catalogue { sites: sites?, products: products? })
    }

    /// Goods that were sent to one's own organisation.
    pub(crate) async fn incoming(
        &self,
        visitor: &Visitor,
        cursor: Option<&str>,
    ) -> Result<Value, Failure> {
        let call = self.reporting(visitor, Method::GET, &["movements"]).with("side", Some("buyer"));
        call.with("cursor", cursor).value().await
    }

    /// The receipt of a movement: prefilled, or what was received.
    pub(crate) async fn movement_receipt(
        &self,
        visitor: &Visitor,
        movement: &str,
    ) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["movements", movement, "receipt"]).value().await
    }

    /// Findings: a filer's own, for officials all; to be narrowed down.
    pub(crate) fn findings(&self, visitor: &Visitor) -> Call {
        self.reporting(visitor, Method::GET, &["findings"]).with("limit", Some(50))
    }

    /// Who read what.
    pub(crate) async fn access_log(
        &self,
        visitor: &Visitor,
        cursor: Option<&str>,
    ) -> Result<Value, Failure> {
        let call = self.reporting(visitor, Method::GET, &["access-log"]).with("limit", Some(50));
        call.with("cursor", cursor).value().await
    }

    /// Hands a file of many filings in; the id of the job that deals with it.
    pub(crate) async fn hand_in(
        &self,
        visitor: &Visitor,
        (mode, once, media): (&str, &str, &str),
        bytes: Bytes,
    ) -> Result<String, Failure> {
        let call = self.reporting(visitor, Method::POST, &["filings", "bulk"]);
        let call = call.with("mode", Some(mode)).with("language", Some(visitor.language.code()));
        let call = call.once(once).header("Prefer", "respond-async").file(media, bytes);
        let response = call.response().await?;
        let location = response.headers().get("Location").and_then(|value| value.to_str().ok());
        let job = location.and_then(|location| location.rsplit('/').next()).unwrap_or_default();
        Ok(job.to_owned())
    }

    /// How far a file has come.
    pub(crate) async fn bulk_job(&self, visitor: &Visitor, job: &str) -> Result<Value, Failure> {
        self.reporting(visitor, Method::GET, &["filings", "bulk", job]).value().await
    }

    /// The verdicts on a file.
    pub(crate) async fn bulk_verdicts(
        &self,
        visitor: &Visitor,
        job: &str,
        cursor: Option<&str>,
    ) -> Result<Value, Failure> {
        let call = self.reporting(visitor, Method::GET, &["filings", "bulk", job, "verdicts"]);
        call.with("limit", Some(100)).with("cursor", cursor).value().await
    }

    /// What comes back of a file.
    pub(crate) async fn bulk_file(
        &self,
        visitor: &Visitor,
        job: &str,
        what: &str,
    ) -> Result<reqwest::Response, Failure> {
        self.reporting(visitor, Method::GET, &["filings", "bulk", job, what]).response().await
    }

    /// A workbook to fill in.
    pub(crate) async fn template(
        &self,
        visitor: &Visitor,
        name: &str,
    ) -> Result<reqwest::Response, Failure> {
        let call = self.reporting(visitor, Method::GET, &["templates", name]);
        call.with("language", Some(visitor.language.code())).response().await
    }
}
