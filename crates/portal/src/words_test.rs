//! Every word that a page says is there in both languages, and nothing else is.

use crate::language::{Language, WORDS};
use domain::codes::{
    Category, FilingKind, FindingState, LineRole, Outcome, Process, Role, Severity, Stage,
};
use fluent_syntax::{ast::Entry, parser};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Text that stands in templates in one way for everybody.
const SAME_EVERYWHERE: &[&str] = &["·", "–"];
/// Keys that are put together from a word of a list: what precedes the word.
const FAMILIES: &[&str] = &[
    "refusal-",
    "notice-",
    "fault-",
    "sign-in-",
    "verify-",
    "nav-",
    "tile-",
    "verdict-",
    "verdict-row-",
    "standing-",
    "statistics-",
    "movement-",
    "direction-",
    "verification-",
    "party-",
    "lines-",
    "bulk-accepted-",
    "licence-kind-",
    "role-",
    "kind-",
    "process-",
    "stage-",
    "category-",
    "outcome-",
    "beyond-",
    "line-role-",
    "severity-",
    "finding-state-",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The texts of all files below a folder, by path.
fn texts(folder: &Path, ending: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Published components speak through what they are given.
                if !path.ends_with("govuk_frontend_jinja") {
                    folders.push(path);
                }
            } else if path.to_string_lossy().ends_with(ending) && !path.ends_with("words_test.rs") {
                found.insert(path.clone(), std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn keys(text: &str, file: &str) -> BTreeSet<String> {
    let resource = parser::parse(text).unwrap_or_else(|(_, faults)| panic!("{file}: {faults:?}"));
    let mut keys = BTreeSet::new();
    for entry in &resource.body {
        if let Entry::Message(message) = entry {
            let key = message.id.name.to_owned();
            assert!(keys.insert(key.clone()), "{file}: {key} stands twice");
        }
    }
    keys
}

fn all_keys() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (file, chinese, english) in WORDS {
        let (chinese, english) = (keys(chinese, file), keys(english, file));
        // What is wrong with a field the interfaces say themselves in English.
        if *file != "faults" {
            assert_eq!(chinese, english, "{file}.ftl says other things in the other language");
        }
        for key in chinese {
            assert!(all.insert(key.clone()), "{key} stands in two files");
        }
    }
    all
}

/// What stands in quotes after each occurrence of `before`.
fn quoted<'a>(text: &'a str, before: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(before) {
        let rest = &text[at + before.len()..];
        let Some(quote) = rest.chars().next().filter(|quote| *quote == '"' || *quote == '\'')
        else {
            continue;
        };
        if let Some(end) = rest[1..].find(quote) {
            found.push((&rest[1..=end], rest[end + 2..].trim_start()));
        }
    }
    found
}

/// Keys that are said as they are, and beginnings that something is added to.
fn said() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut whole, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
    for text in texts(&root().join("templates"), ".html").values() {
        for (key, rest) in [quoted(text, " t("), quoted(text, "(t("), quoted(text, "{t(")].concat()
        {
            let set = if rest.starts_with('~') { &mut beginnings } else { &mut whole };
            set.insert(key.to_owned());
        }
    }
    (whole, beginnings)
}

#[test]
fn every_word_that_a_template_says_is_there() {
    let all = all_keys();
    let (whole, beginnings) = said();
    let missing: Vec<&String> = whole.iter().filter(|key| !all.contains(*key)).collect();
    assert!(missing.is_empty(), "no words for {missing:?}");
    for beginning in beginnings {
        assert!(
            FAMILIES.iter().any(|family| beginning.starts_with(*family)),
            "{beginning} is put together, and no family"
        );
    }
}

#[test]
fn every_word_that_is_there_is_said() {
    let (whole, _) = said();
    let sources = texts(&root().join("src"), ".rs");
    let templates = texts(&root().join("templates"), ".html");
    let is_said = |key: &String| {
        let in_quotes = [format!("\"{key}\""), format!("'{key}'")];
        whole.contains(key)
            || FAMILIES.iter().any(|family| key.starts_with(*family))
            || sources
                .values()
                .chain(templates.values())
                .any(|text| in_quotes.iter().any(|quoted| text.contains(quoted)))
    };
    let unused: Vec<String> = all_keys().into_iter().filter(|key| !is_said(key)).collect();
    assert!(unused.is_empty(), "nobody says {unused:?}");
}

#[test]
fn every_word_of_the_fields_own_lists_has_words() {
    let mut wanted = Vec::new();
    let mut of = |family: &str, words: Vec<&str>| {
        wanted.extend(words.iter().map(|word| format!("{family}-{}", word.replace('_', "-"))));
    };
    of("role", Role::ALL.iter().map(|word| word.as_str()).collect());
    of("kind", FilingKind::ALL.iter().map(|word| word.as_str()).collect());
    of("process", Process::ALL.iter().map(|word| word.as_str()).collect());
    of("stage", Stage::ALL.iter().map(|word| word.as_str()).collect());
    of("category", Category::ALL.iter().map(|word| word.as_str()).collect());
    of("outcome", Outcome::ALL.iter().map(|word| word.as_str()).collect());
    of("line-role", LineRole::ALL.iter().map(|word| word.as_str()).collect());
    of("severity", Severity::ALL.iter().map(|word| word.as_str()).collect());
    of("finding-state", FindingState::ALL.iter().map(|word| word.as_str()).collect());
    of("verdict", domain::licence::Standing::ALL.iter().map(|word| word.as_str()).collect());
    of("licence-kind", domain::regime::LicenceKind::ALL.iter().map(|word| word.as_str()).collect());
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|key| Language::ALL.iter().any(|language| !language.has(key)))
        .collect();
    assert!(missing.is_empty(), "no words for {missing:?}");
}

/// How long the expression is that a text begins with: up to the brace that closes its first one.
fn expression_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// What is left of a template without tags, expressions and comments.
fn literal(text: &str) -> String {
    let mut rest = text.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}")] {
        while let Some(begin) = rest.find(open) {
            let end = rest[begin..].find(close).map_or(rest.len(), |end| begin + end + close.len());
            rest.replace_range(begin..end, "");
        }
    }
    while let Some(begin) = rest.find("{{") {
        rest.replace_range(begin..begin + expression_length(&rest[begin..]), "");
    }
    let mut plain = String::new();
    let mut inside = false;
    for character in rest.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => plain.push(character),
            _ => {}
        }
    }
    SAME_EVERYWHERE.iter().fold(plain, |plain, same| plain.replace(same, ""))
}

#[test]
fn no_template_says_anything_in_one_language_only() {
    for (path, text) in texts(&root().join("templates"), ".html") {
        let said = literal(&text);
        let letters: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            !letters.chars().any(char::is_alphabetic),
            "{}: {letters}",
            path.strip_prefix(root()).unwrap().display()
        );
    }
}
