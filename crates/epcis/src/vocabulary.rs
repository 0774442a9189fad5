//! The Core Business Vocabulary: the same word bare, as a compact name, as an old URN or in full.
//!
//! Source: GS1 Core Business Vocabulary 2.0, section 7 (standard vocabularies) and 8.9 (event
//! hash: values are compared in full).

use crate::context::Context;
use std::borrow::Cow;

/// A list of words that a member takes its values from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// What was done: `shipping`.
    BusinessStep,
    /// The state that goods are in: `in_transit`.
    Disposition,
    /// Kinds of business transaction: `inv`.
    TransactionType,
    /// Kinds of source and destination: `owning_party`.
    SourceOrDestination,
    /// What a sensor measures: `Mass`.
    Measurement,
    /// What a sensor warns of: `ALARM_CONDITION`.
    Alert,
    /// Which component of a vector: `latitude`.
    Component,
}

const CBV: &str = "https://ref.gs1.org/cbv/";
const GS1: &str = "https://gs1.org/voc/";
/// Namespaces whose compact names are written in full also where they are values.
const STANDARD_NAMESPACES: [&str; 3] =
    ["https://ref.gs1.org/", "https://gs1.org/", "https://www.gs1.org/"];

impl Vocabulary {
    /// What stands before a word when it is written in full.
    const fn prefix(self) -> &'static str {
        match self {
            Self::BusinessStep => "https://ref.gs1.org/cbv/BizStep-",
            Self::Disposition => "https://ref.gs1.org/cbv/Disp-",
            Self::TransactionType => "https://ref.gs1.org/cbv/BTT-",
            Self::SourceOrDestination => "https://ref.gs1.org/cbv/SDT-",
            Self::Component => "https://ref.gs1.org/cbv/Comp-",
            Self::Measurement | Self::Alert => GS1,
        }
    }

    /// The value in full. What is no word of any standard vocabulary stays as it is.
    pub fn in_full<'a>(self, value: &'a str, context: &Context) -> Cow<'a, str> {
        if !value.contains(':') {
            return Cow::Owned(format!("{}{value}", self.prefix()));
        }
        standard_in_full(value, context)
    }

    /// The bare word, when the value is one of this vocabulary, however it is written.
    pub fn word<'a>(self, value: &'a str, context: &Context) -> Option<Cow<'a, str>> {
        match self.in_full(value, context) {
            Cow::Borrowed(full) => full.strip_prefix(self.prefix()).map(Cow::Borrowed),
            Cow::Owned(full) => {
                full.strip_prefix(self.prefix()).map(|word| Cow::Owned(word.to_owned()))
            }
        }
    }
}

/// A value of GS1's own vocabularies in full; everything else as it is.
pub fn standard_in_full<'a>(value: &'a str, context: &Context) -> Cow<'a, str> {
    if let Some(rest) = value.strip_prefix("urn:epcglobal:cbv:") {
        let kinds = [
            ("bizstep:", "BizStep-"),
            ("disp:", "Disp-"),
            ("btt:", "BTT-"),
            ("sdt:", "SDT-"),
            ("er:", "ER-"),
        ];
        for (urn, web) in kinds {
            if let Some(word) = rest.strip_prefix(urn) {
                return Cow::Owned(format!("{CBV}{web}{word}"));
            }
        }
        return Cow::Borrowed(value);
    }
    if value.starts_with("http") || value.starts_with("urn:") {
        return Cow::Borrowed(value);
    }
    if let Some((prefix, local)) = value.split_once(':')
        && let Some(namespace) = context.namespace(prefix)
        && STANDARD_NAMESPACES.iter().any(|standard| namespace.starts_with(standard))
    {
        return Cow::Owned(format!("{namespace}{local}"));
    }
    Cow::Borrowed(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_however_it_is_written() {
        let context = Context::default();
        for value in [
            "shipping",
            "cbv:BizStep-shipping",
            "urn:epcglobal:cbv:bizstep:shipping",
            "https://ref.gs1.org/cbv/BizStep-shipping",
        ] {
            let full = Vocabulary::BusinessStep.in_full(value, &context);
            assert_eq!(full, "https://ref.gs1.org/cbv/BizStep-shipping");
            assert_eq!(Vocabulary::BusinessStep.word(value, &context).as_deref(), Some("shipping"));
        }
    }

    #[test]
    fn what_is_of_no_standard_vocabulary_stays_as_it_is() {
        let context = Context::default();
        for value in ["https://example.com/steps/milling", "example:milling", "urn:x:milling"] {
            assert_eq!(Vocabulary::BusinessStep.in_full(value, &context), value);
            assert_eq!(Vocabulary::BusinessStep.word(value, &context), None);
        }
    }
}
