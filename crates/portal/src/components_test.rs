//! The components come out as their makers meant them: every fixture that GOV.UK Frontend ships is
//! rendered with our engine and compared, as a tree.

use crate::templates::components;
use html5ever::{parse_document, tendril::TendrilSink};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use minijinja::{context, value::Serde};
use serde::Deserialize;
use serde_json::Value;
use std::{fmt::Write, path::PathBuf};

/// As many as the pinned version has.
const FIXTURES: usize = 657;

#[derive(Deserialize)]
struct Component {
    component: String,
    fixtures: Vec<Fixture>,
}

#[derive(Deserialize)]
struct Fixture {
    name: String,
    options: Value,
    html: String,
}

/// The pinned packages, which `scripts/lib/assets` puts beside the programs.
fn components_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().find(|folder| folder.join("portal-packages").is_dir());
    let target =
        target.expect("the packages are not there: run scripts/test, or scripts/lib/assets first");
    target.join("portal-packages/node_modules/govuk-frontend/dist/govuk/components")
}

#[test]
fn every_fixture_of_the_components_comes_out_as_it_should() {
    let mut environment = components();
    let mut count = 0;
    let mut different = Vec::new();
    for entry in std::fs::read_dir(components_folder()).unwrap() {
        let file = entry.unwrap().path().join("fixtures.json");
        if file.is_file() {
            let component: Component =
                serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            count += component.fixtures.len();
            different.extend(differences(&mut environment, &component));
        }
    }
    assert!(different.is_empty(), "{} of {count}: {different:#?}", different.len());
    assert_eq!(count, FIXTURES);
}

fn differences(
    environment: &mut minijinja::Environment<'static>,
    component: &Component,
) -> Vec<String> {
    let name = &component.component;
    let path = format!("govuk_frontend_jinja/components/{name}/macro.html");
    let macro_name = format!("govuk{}", name.split('-').map(capitalised).collect::<String>());
    let source =
        format!("{{% from \"{path}\" import {macro_name} %}}{{{{ {macro_name}(params) }}}}");
    let template = format!("{name}.html");
    environment.add_template_owned(template.clone(), source).unwrap();
    let mut different = Vec::new();
    for fixture in &component.fixtures {
        let params = minijinja::Value::from(Serde(&fixture.options));
        let made = environment.get_template(&template).unwrap().render(context! { params });
        match made {
            Ok(made) if tree(&made) == tree(&fixture.html) => {}
            Ok(made) => different.push(format!("{name}, {}: {made}", fixture.name)),
            Err(error) => different.push(format!("{name}, {}: {error}", fixture.name)),
        }
    }
    different
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A document as its tree: tags with their attributes in order of name, and texts without the
/// spaces that nobody sees.
fn tree(html: &str) -> String {
    let dom = parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(html);
    let mut written = String::new();
    write(&dom.document, &mut written);
    written
}

fn write(node: &Handle, written: &mut String) {
    match &node.data {
        NodeData::Text { contents } => {
            let text = contents.borrow();
            let words: Vec<&str> = text.split_whitespace().collect();
            if !words.is_empty() {
                written.push_str(&words.join(" "));
                written.push('\n');
            }
        }
        NodeData::Element { name, attrs, .. } => {
            let mut attributes: Vec<String> = attrs
                .borrow()
                .iter()
                .map(|attribute| {
                    let words: Vec<&str> = attribute.value.split_whitespace().collect();
                    format!("{}={:?}", attribute.name.local, words.join(" "))
                })
                .collect();
            attributes.sort();
            writeln!(written, "<{} {}>", name.local, attributes.join(" ")).unwrap();
            node.children.borrow().iter().for_each(|child| write(child, written));
            written.push_str("</>\n");
        }
        _ => node.children.borrow().iter().for_each(|child| write(child, written)),
    }
}
