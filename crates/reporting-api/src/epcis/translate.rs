//! From an event to the form of a filing, or to why it is none. Pure.

use super::{
    NAMESPACE,
    lines::{Details, line},
    mapping::{AS_THEY_ARE, kind_of, outcome_of},
};
use crate::filings::FilingForm;
use ::epcis::{document::Event, hash::EventHash, identifier, vocabulary::Vocabulary};
use domain::{
    codes::FilingKind,
    identifiers::{Lei, Uscc},
};
use serde_json::{Map, Value, json};
use service::{
    body,
    problem::{Location, Violation},
};
use uuid::Uuid;

const REFERENCE_LENGTH_LIMIT: usize = 64;

/// What an event is to us.
#[derive(Debug)]
pub(super) enum Translation {
    /// It says what a filing says.
    Filing(Box<Candidate>),
    /// It is no filing, for this reason.
    NoFiling(String),
    /// It is meant as one, but cannot be read as one.
    Faulty(Vec<Violation>),
}

/// A form, and what is needed to record it and to explain its faults.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) form: FilingForm,
    /// Whether our extension is there: then a fault of the form is a fault of the capture.
    pub(super) meant: bool,
    /// A receipt that names its seller, whose numbers it uses for the movement and its lots.
    pub(super) seller: Option<String>,
    /// Where in the document a member of the form comes from.
    places: Vec<(String, String)>,
    pointer: String,
}

impl Candidate {
    /// A fault of the form as a fault of the document.
    pub(super) fn located(&self, violation: Violation) -> Violation {
        locate(&self.places, &self.pointer, violation)
    }
}

/// Translates an event.
pub(super) fn translate(event: &Event, hash: &EventHash) -> Translation {
    let extension = Extension::read(event);
    if event.members.contains_key("errorDeclaration") {
        let reason = "it declares an earlier event wrong; correct the filing with `correction`";
        return Translation::NoFiling(reason.to_owned());
    }
    let word = |name: &str, vocabulary: Vocabulary| {
        let value = event.members.get(name)?.as_str()?;
        vocabulary.word(value, &event.context).map(std::borrow::Cow::into_owned)
    };
    let step = word("bizStep", Vocabulary::BusinessStep);
    let stated = extension.members.get("kind").map(|kind| serde_json::from_value(kind.clone()));
    let kind = match stated {
        Some(Ok(kind)) => kind,
        Some(Err(error)) => {
            let pointer = format!("{}/{}", event.pointer, extension.name("kind"));
            let fault = Violation::at(pointer, "unknown_value", error.to_string());
            return Translation::Faulty(vec![fault]);
        }
        None => match kind_of(&event.members, step.as_deref()) {
            Some(kind) => kind,
            None => return not_a_kind(event, step.as_deref(), &extension),
        },
    };
    let disposition = word("disposition", Vocabulary::Disposition);
    let mut draft = Draft { event, extension: &extension, form: Map::new(), places: Vec::new() };
    let seller = draft.header(kind, hash, disposition.as_deref());
    if let Err(reason) = draft.all_lines(kind)
        && !extension.is_there()
    {
        return Translation::NoFiling(reason);
    }
    draft.overlay();
    let Draft { form, places, .. } = draft;
    let bytes = serde_json::to_vec(&form).expect("a map of JSON values is always valid JSON");
    let meant = extension.is_there();
    let pointer = event.pointer.clone();
    match body::parse_or_violation(&bytes) {
        Ok(form) => {
            Translation::Filing(Box::new(Candidate { form, meant, seller, places, pointer }))
        }
        Err(fault) if meant => Translation::Faulty(vec![locate(&places, &pointer, fault)]),
        Err(fault) => Translation::NoFiling(fault.detail),
    }
}

fn not_a_kind(event: &Event, step: Option<&str>, extension: &Extension) -> Translation {
    let kind = event.members.get("type").and_then(Value::as_str).unwrap_or("event");
    let step = step.map_or("no standard business step".to_owned(), |step| format!("step {step:?}"));
    let reason = format!("{kind} with {step} is no kind of filing");
    if extension.is_there() {
        let fault = Violation::at(event.pointer.clone(), "no_filing", reason);
        return Translation::Faulty(vec![fault.expecting("`kind` in our extension")]);
    }
    Translation::NoFiling(reason)
}

/// The members of our namespace, without their prefix, also within one another.
struct Extension {
    members: Map<String, Value>,
    /// How each was written.
    names: Map<String, Value>,
}

impl Extension {
    fn read(event: &Event) -> Self {
        let mut members = Map::new();
        let mut names = Map::new();
        let ilmd = event.members.get("ilmd").and_then(Value::as_object);
        for (name, value) in event.members.iter().chain(ilmd.into_iter().flatten()) {
            let split = event.context.split(name);
            if let Some(split) = split.filter(|split| split.namespace == NAMESPACE) {
                members.insert(split.local.to_owned(), stripped(value, event));
                names.insert(split.local.to_owned(), json!(name));
            }
        }
        Self { members, names }
    }

    fn is_there(&self) -> bool {
        !self.members.is_empty()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.members.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A member's name as it stands in the document.
    fn name(&self, local: &str) -> String {
        self.names.get(local).and_then(Value::as_str).unwrap_or(local).to_owned()
    }
}

fn stripped(value: &Value, event: &Event) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let split = event.context.split(name);
                let own = split.filter(|split| split.namespace == NAMESPACE);
                let name = own.map_or(name.as_str(), |own| own.local);
                (name.to_owned(), stripped(value, event))
            })
            .collect(),
        Value::Array(values) => values.iter().map(|value| stripped(value, event)).collect(),
        scalar => scalar.clone(),
    }
}

struct Draft<'a> {
    event: &'a Event,
    extension: &'a Extension,
    form: Map<String, Value>,
    places: Vec<(String, String)>,
}

impl Draft<'_> {
    fn set(&mut self, name: &str, value: Value, from: &str) {
        self.form.insert(name.to_owned(), value);
        self.places.push((format!("/{name}"), format!("{}/{from}", self.event.pointer)));
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.event.members.get(name).and_then(Value::as_str)
    }

    /// What is said besides lines. Answers the seller whose numbers a receipt uses.
    fn header(
        &mut self,
        kind: FilingKind,
        hash: &EventHash,
        disposition: Option<&str>,
    ) -> Option<String> {
        self.set("kind", json!(kind), "type");
        let time = json!(self.text("eventTime"));
        self.set("happened_at", time, "eventTime");
        for place in ["bizLocation", "readPoint"] {
            let id = self.event.members.get(place).and_then(|it| it.get("id")?.as_str());
            if let Some(site) = id.and_then(identifier::last_segment)
                && !self.form.contains_key("site")
            {
                self.set("site", json!(site), &format!("{place}/id"));
            }
        }
        if let Some(invoice) = self.transaction("inv")
            && matches!(kind, FilingKind::Dispatch | FilingKind::Export)
        {
            self.set("invoice", json!(invoice), "bizTransactionList");
        }
        let despatch = self.transaction("desadv");
        let own = despatch.as_ref().filter(|it| {
            kind == FilingKind::Dispatch && it.chars().count() <= REFERENCE_LENGTH_LIMIT
        });
        let reference = own.cloned().unwrap_or_else(|| hex::encode(hash.as_bytes()));
        self.set("reference", json!(reference), "bizTransactionList");
        match kind {
            FilingKind::Dispatch => {
                if let Some(contract) = self.transaction("po") {
                    self.set("contract", json!(contract), "bizTransactionList");
                }
                if let Some(identifier) = self.party("destinationList", "destination") {
                    let client =
                        json!({ "name": identifier, "identifier": identifier, "country": "CN" });
                    self.set("client", client, "destinationList");
                }
                None
            }
            FilingKind::Receipt if !self.extension.members.contains_key("from") => {
                self.set("outcome", json!(outcome_of(disposition)), "disposition");
                if let Some(movement) = despatch {
                    self.set("movement", json!(movement), "bizTransactionList");
                }
                self.party("sourceList", "source")
            }
            _ => None,
        }
    }

    fn all_lines(&mut self, kind: FilingKind) -> Result<(), String> {
        let lists: &[(&str, &str)] = match kind {
            FilingKind::Transformation => {
                &[("inputs", "inputQuantityList"), ("outputs", "outputQuantityList")]
            }
            _ => &[("lines", "quantityList"), ("lines", "childQuantityList")],
        };
        for (member, list) in lists {
            let quantities = self.event.members.get(*list).and_then(Value::as_array);
            let Some(quantities) = quantities.filter(|it| !it.is_empty()) else { continue };
            let new = *member == "outputs"
                || matches!(kind, FilingKind::Extraction | FilingKind::Import)
                || kind == FilingKind::Receipt && self.extension.members.contains_key("from");
            let sensors = self.event.members.get("sensorElementList").and_then(Value::as_array);
            let measured = *member != "inputs";
            let details = Details {
                lots: self.extension.list("lots"),
                product: self.extension.members.get("product"),
                sensors: sensors.filter(|_| measured).map_or(&[], Vec::as_slice),
                new,
            };
            let only = quantities.len() == 1;
            let lines: Vec<Value> = quantities
                .iter()
                .map(|quantity| line(quantity, &details, only))
                .collect::<Result<_, _>>()?;
            self.set(member, json!(lines), list);
        }
        if self.form.keys().any(|name| matches!(name.as_str(), "lines" | "inputs" | "outputs")) {
            return Ok(());
        }
        Err("it says no quantity of any lot".to_owned())
    }

    /// What our extension says takes precedence.
    fn overlay(&mut self) {
        for (name, value) in &self.extension.members {
            if AS_THEY_ARE.contains(&name.as_str()) || name == "licence" {
                let written = self.extension.name(name);
                self.form.insert(name.clone(), value.clone());
                self.places.retain(|(place, _)| *place != format!("/{name}"));
                let from = format!("{}/{}", self.event.pointer, written);
                self.places.push((format!("/{name}"), from));
            }
        }
    }

    /// What the first business transaction of a type is called.
    fn transaction(&self, wanted: &str) -> Option<String> {
        let list = self.event.members.get("bizTransactionList")?.as_array()?;
        list.iter().find_map(|transaction| {
            let kind = transaction.get("type")?.as_str()?;
            let kind = Vocabulary::TransactionType.word(kind, &self.event.context)?;
            let value = transaction.get("bizTransaction")?.as_str()?;
            (kind == wanted).then(|| identifier::last_segment(value)).flatten()
        })
    }

    /// The USCC or LEI of an owning party.
    fn party(&self, list: &str, member: &str) -> Option<String> {
        let list = self.event.members.get(list)?.as_array()?;
        list.iter().find_map(|party| {
            let kind = party.get("type")?.as_str()?;
            let kind = Vocabulary::SourceOrDestination.word(kind, &self.event.context)?;
            let identifier = identifier::last_segment(party.get(member)?.as_str()?)?;
            let is_known = identifier.parse::<Uscc>().is_ok() || identifier.parse::<Lei>().is_ok();
            (kind == "owning_party" && is_known).then_some(identifier)
        })
    }
}

/// Puts a fault of the form where it comes from in the document.
fn locate(places: &[(String, String)], event: &str, violation: Violation) -> Violation {
    let Location::Pointer { pointer } = &violation.location else { return violation };
    let source = places
        .iter()
        .filter(|(form, _)| {
            pointer
                .strip_prefix(form.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .max_by_key(|(form, _)| form.len());
    let detail = format!("{} (as a filing: {pointer})", violation.detail);
    let pointer = match source {
        // Within a list, the line is the quantity; what is in it has other names there.
        Some((form, from)) => {
            let rest = &pointer[form.len()..];
            let line = rest.split('/').nth(1).filter(|it| it.parse::<u16>().is_ok());
            line.map_or_else(|| from.clone(), |line| format!("{from}/{line}"))
        }
        None => event.to_owned(),
    };
    Violation { location: Location::Pointer { pointer }, detail, ..violation }
}

/// Whether text is an id.
pub(super) fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}
