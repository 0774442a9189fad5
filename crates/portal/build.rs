//! Puts the templates into the program.

fn main() {
    minijinja_embed::embed_templates!("templates", &[".html"]);
}
