//! The templates: GOV.UK Frontend's components and our own, once for each language.

use crate::{
    assets::Assets,
    language::{Language, grouped},
};
use fluent_bundle::{FluentArgs, FluentValue};
use jiff::{Timestamp, civil::Date};
use minijinja::{
    Environment, ErrorKind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Kwargs, Serde, ValueKind},
};
use std::sync::Arc;

/// Both languages' templates.
pub(crate) struct Templates {
    chinese: Environment<'static>,
    english: Environment<'static>,
}

impl Templates {
    pub(crate) fn new(assets: &Arc<Assets>) -> Self {
        let of = |language| environment(language, assets);
        Self { chinese: of(Language::Chinese), english: of(Language::English) }
    }

    /// A page.
    pub(crate) fn render(
        &self,
        language: Language,
        template: &str,
        shown: &serde_json::Value,
    ) -> Result<String, minijinja::Error> {
        let environment = match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        };
        environment.get_template(template)?.render(Serde(shown))
    }
}

/// The components as they were published: everything that Jinja has and they use.
pub(crate) fn components() -> Environment<'static> {
    let mut environment = Environment::new();
    // While one works on them they are read anew at each start, without compiling.
    #[cfg(debug_assertions)]
    environment
        .set_loader(minijinja::path_loader(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")));
    #[cfg(not(debug_assertions))]
    minijinja_embed::load_templates!(&mut environment);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the syntax is Jinja's own"));
    environment
}

fn environment(language: Language, assets: &Arc<Assets>) -> Environment<'static> {
    let mut environment = components();
    environment
        .add_function("t", move |key: &str, arguments: Kwargs| words(language, key, &arguments));
    environment.add_function("known", move |key: &str| language.has(key));
    environment.add_function("say", move |thing: Value, name: &str| both(language, &thing, name));
    let assets = Arc::clone(assets);
    environment.add_function("asset", move |name: &str| {
        assets.address(name).ok_or_else(|| fault(format!("there is no asset {name}")))
    });
    environment.add_filter("date", move |value: Value| {
        written(&value, |text| Some(language.date(text.get(..10)?.parse::<Date>().ok()?)))
    });
    environment.add_filter("month", move |value: Value| {
        written(&value, |text| {
            Some(language.month(format!("{}-01", text.get(..7)?).parse::<Date>().ok()?))
        })
    });
    environment.add_filter("moment", move |value: Value| {
        written(&value, |text| Some(language.moment(text.parse::<Timestamp>().ok()?)))
    });
    environment.add_filter("number", |value: Value| written(&value, |text| Some(grouped(text))));
    environment.add_filter("code", |value: &str| value.replace(['_', '.'], "-"));
    environment.add_filter("pointer", |value: &str| value.replace('/', "-"));
    environment
}

fn fault(said: String) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, said)
}

fn words(language: Language, key: &str, arguments: &Kwargs) -> Result<String, minijinja::Error> {
    let mut given = FluentArgs::new();
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        let value = match (value.kind(), i64::try_from(value.clone())) {
            (ValueKind::Number, Ok(number)) => FluentValue::from(number),
            _ => FluentValue::from(value.to_string()),
        };
        given.set(name.to_owned(), value);
    }
    Ok(language.say(key, Some(&given)))
}

/// What a thing says in both languages, such as `sentence_zh` and `sentence_en`: in this one, or
/// else in the other.
fn both(language: Language, thing: &Value, name: &str) -> Value {
    let other = Language::ALL.into_iter().find(|other| *other != language).unwrap_or_default();
    let in_language = |language: Language| {
        let value = thing.get_attr(&format!("{name}_{}", language.code())).ok()?;
        Some(value).filter(Value::is_true)
    };
    in_language(language).or_else(|| in_language(other)).unwrap_or_default()
}

/// A value written in a language's way; what cannot be read stays as it is.
fn written(value: &Value, write: impl Fn(&str) -> Option<String>) -> String {
    if value.is_undefined() || value.is_none() {
        return String::new();
    }
    let text = value.to_string();
    write(&text).unwrap_or(text)
}
