//! What is asked of licensing.

use super::{Api, Call, Failure, Half};
use crate::visitor::Visitor;
use reqwest::Method;
use serde_json::Value;

impl Api {
    /// A call to licensing.
    pub(crate) fn licensing(&self, visitor: &Visitor, method: Method, path: &[&str]) -> Call {
        self.call(visitor, Half::Licensing, method, path)
    }

    /// Whether a licence is real.
    pub(crate) async fn verify(&self, visitor: &Visitor, number: &str) -> Result<Value, Failure> {
        self.licensing(visitor, Method::GET, &["verify", number]).value().await
    }

    /// How long decisions took.
    pub(crate) async fn processing_times(&self, visitor: &Visitor) -> Result<Value, Failure> {
        self.licensing(visitor, Method::GET, &["processing-times"]).value().await
    }
}
