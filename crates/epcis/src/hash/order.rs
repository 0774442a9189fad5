//! The canonical order of an event's members, as one table.

use crate::vocabulary::Vocabulary;

/// A member and how it is written.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) form: Form,
}

/// How a member's value is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// One value, or several in the order of their text: `name=value`.
    Text,
    /// A time stamp.
    Time,
    /// A word of a vocabulary, or several.
    Word(Vocabulary),
    /// A list of identifiers: `name`, then `epc=value` for each.
    Identifiers,
    /// A list of objects: `name`, then for each the item's name, if it has one, and its members.
    Objects(&'static str, &'static [Property]),
    /// An object: `name`, then its members.
    Object(&'static [Property]),
    /// A list of objects without a name of its own: for each `name`, then its members.
    Each(&'static [Property]),
    /// An object of extensions only.
    Extensions,
}

const fn text(name: &'static str) -> Property {
    Property { name, form: Form::Text }
}

const fn time(name: &'static str) -> Property {
    Property { name, form: Form::Time }
}

const fn word(name: &'static str, vocabulary: Vocabulary) -> Property {
    Property { name, form: Form::Word(vocabulary) }
}

const QUANTITY: &[Property] = &[text("epcClass"), text("quantity"), text("uom")];
const PLACE: &[Property] = &[text("id")];

const METADATA: &[Property] = &[
    time("time"),
    time("startTime"),
    time("endTime"),
    text("deviceID"),
    text("deviceMetadata"),
    text("rawData"),
    text("dataProcessingMethod"),
    text("bizRules"),
];

const REPORT: &[Property] = &[
    word("type", Vocabulary::Measurement),
    word("exception", Vocabulary::Alert),
    text("deviceID"),
    text("deviceMetadata"),
    text("rawData"),
    text("dataProcessingMethod"),
    text("bizRules"),
    time("time"),
    text("microorganism"),
    text("chemicalSubstance"),
    text("value"),
    word("component", Vocabulary::Component),
    text("stringValue"),
    text("booleanValue"),
    text("hexBinaryValue"),
    text("uriValue"),
    text("minValue"),
    text("maxValue"),
    text("meanValue"),
    text("sDev"),
    text("percRank"),
    text("percValue"),
    text("uom"),
    text("coordinateReferenceSystem"),
];

const SENSOR: &[Property] = &[
    Property { name: "sensorMetadata", form: Form::Object(METADATA) },
    Property { name: "sensorReport", form: Form::Each(REPORT) },
];

/// Every member of an event, in canonical order.
#[rustfmt::skip]
pub(super) const EVENT: &[Property] = &[
    time("eventTime"),
    text("eventTimeZoneOffset"),
    text("certificationInfo"),
    Property { name: "epcList",            form: Form::Identifiers },
    text("parentID"),
    Property { name: "inputEPCList",       form: Form::Identifiers },
    Property { name: "childEPCs",          form: Form::Identifiers },
    Property { name: "quantityList",       form: Form::Objects("quantityElement", QUANTITY) },
    Property { name: "childQuantityList",  form: Form::Objects("quantityElement", QUANTITY) },
    Property { name: "inputQuantityList",  form: Form::Objects("quantityElement", QUANTITY) },
    Property { name: "outputEPCList",      form: Form::Identifiers },
    Property { name: "outputQuantityList", form: Form::Objects("quantityElement", QUANTITY) },
    text("action"),
    text("transformationID"),
    word("bizStep", Vocabulary::BusinessStep),
    word("disposition", Vocabulary::Disposition),
    Property { name: "persistentDisposition", form: Form::Object(&[
        word("set", Vocabulary::Disposition),
        word("unset", Vocabulary::Disposition),
    ]) },
    Property { name: "readPoint",          form: Form::Object(PLACE) },
    Property { name: "bizLocation",        form: Form::Object(PLACE) },
    Property { name: "bizTransactionList", form: Form::Objects("", &[
        word("type", Vocabulary::TransactionType),
        text("bizTransaction"),
    ]) },
    Property { name: "sourceList",         form: Form::Objects("", &[
        word("type", Vocabulary::SourceOrDestination),
        text("source"),
    ]) },
    Property { name: "destinationList",    form: Form::Objects("", &[
        word("type", Vocabulary::SourceOrDestination),
        text("destination"),
    ]) },
    Property { name: "sensorElementList",  form: Form::Objects("sensorElement", SENSOR) },
    Property { name: "ilmd",               form: Form::Extensions },
];
