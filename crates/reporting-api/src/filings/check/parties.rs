//! Clients, suppliers and end users: named, placed and, where that can be done, verified.

use super::{CODE_LENGTH_LIMIT, Check, TEXT_LENGTH_LIMIT};
use crate::filings::form::PartyForm;
use domain::{
    codes::FilingKind,
    filing::Client,
    identifiers::{CountryCode, Lei, Uscc},
    ids::PartyId,
};

impl Check<'_> {
    pub(super) fn party(&mut self, pointer: &str, form: &PartyForm) -> Option<Client> {
        let name = self.text(&format!("{pointer}/name"), &form.name, TEXT_LENGTH_LIMIT);
        let country = self.country(&format!("{pointer}/country"), &form.country);
        let identifier_pointer = format!("{pointer}/identifier");
        let identifier = form.identifier.as_deref();
        let identifier = identifier.map(|text| self.identifier(&identifier_pointer, text, country));
        if identifier.is_none()
            && country == Some(CountryCode::CHINA)
            && self.form.kind == FilingKind::Dispatch
        {
            let detail = "a client in China is named by its unified social credit code";
            self.fault(
                &identifier_pointer,
                "missing",
                detail,
                Some("the 18 characters of its code"),
            );
        }
        let (name, country) = (name?, country?);
        let key = identifier.clone().flatten().unwrap_or_else(|| format!("{country}:{name}"));
        Some(Client {
            party: PartyId::of(self.filer.organisation, &key),
            name,
            identifier: identifier.flatten(),
            country,
            organisation: None,
        })
    }

    /// A USCC in China, elsewhere an LEI where it looks like one; check digits are verified.
    fn identifier(
        &mut self,
        pointer: &str,
        text: &str,
        country: Option<CountryCode>,
    ) -> Option<String> {
        if country == Some(CountryCode::CHINA) {
            let uscc: Uscc =
                self.parse(pointer, "invalid_uscc", text, "a unified social credit code")?;
            return Some(uscc.to_string());
        }
        let like_lei = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if like_lei {
            let lei: Lei = self.parse(pointer, "invalid_lei", text, "a legal entity identifier")?;
            return Some(lei.to_string());
        }
        self.text(pointer, text, CODE_LENGTH_LIMIT)
    }

    pub(super) fn country(&mut self, pointer: &str, text: &str) -> Option<CountryCode> {
        self.parse(pointer, "invalid_country", text, "an ISO 3166-1 code such as DE")
    }
}
