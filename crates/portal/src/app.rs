//! What pages there are, on one screen, and what they work with.

use crate::{
    api::Api,
    assets::{self, Assets},
    pages::{account, clerk, public, start},
    refusal::Refusal,
    seal::Seal,
    surround::surround,
    templates::Templates,
};
use actix_web::{
    FromRequest, Handler, Responder,
    http::Method,
    middleware::{Compress, from_fn},
    web,
};
use service::{secret::ServerSecret, settings::Settings};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// What every page works with.
pub(crate) struct Portal {
    /// The two interfaces.
    pub(crate) api: Api,
    /// How pages are written.
    pub(crate) templates: Templates,
    /// What browsers keep for us.
    pub(crate) seal: Seal,
    /// Whether cookies are for TLS only.
    pub(crate) secure_cookies: bool,
    assets: Arc<Assets>,
}

impl Portal {
    /// Reads everything that pages are made of.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Arc<Self>> {
        let assets = Arc::new(Assets::read(&settings.portal.assets_folder)?);
        Ok(Arc::new(Self {
            api: Api::new(
                settings.portal.reporting_url.parse()?,
                settings.portal.licensing_url.parse()?,
            )?,
            templates: Templates::new(&assets),
            seal: Seal::new(ServerSecret::read(settings.secret_key_file()?)?),
            secure_cookies: settings.portal.secure_cookies,
            assets,
        }))
    }
}

/// The table while it is made: routes to serve, each told to whoever reads the table.
pub(crate) struct Table<'a> {
    config: &'a mut web::ServiceConfig,
    reader: &'a mut dyn FnMut(&Method, &str, &str),
}

impl Table<'_> {
    fn get<F, Args>(&mut self, path: &'static str, what: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::GET, path, what, handler);
    }

    fn post<F, Args>(&mut self, path: &'static str, what: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::POST, path, what, handler);
    }

    fn route<F, Args>(&mut self, method: Method, path: &'static str, what: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        (self.reader)(&method, path, what);
        self.config.route(path, web::method(method).to(handler));
    }
}

/// Every page.
fn pages(table: &mut Table<'_>) {
    // Anybody
    table.get(
        "/",
        "Where to begin: for visitors what is public, for people their work.",
        start::show,
    );
    table.get("/language/{code}", "Chooses the language.", account::choose_language);
    table.get("/sign-in", "Asks who you are.", account::ask);
    table.post("/sign-in", "Signs in.", account::sign_in);
    table.post("/sign-out", "Signs out.", account::sign_out);
    table.get("/verify", "Whether a licence is real and what it is worth now.", public::verify);
    table.get("/processing-times", "How long decisions take.", public::processing_times);
    table.get("/statistics", "What was published.", public::statistics);
    table.get("/statistics/{table}/{month}", "One table of one month.", public::statistics_table);
    // Clerks
    table.get(
        "/returns",
        "The month board: what is due when, and what is missing.",
        clerk::returns::board,
    );
    table.get(
        "/returns/{month}",
        "One month: the books, what is missing, and the return.",
        clerk::returns::month,
    );
    table.post(
        "/returns/{month}",
        "Files the month's returns that are still missing.",
        clerk::returns::file,
    );
    table.get("/filings", "What was filed.", clerk::filings::list);
    table.get("/filings/new", "Which kind of filing?", clerk::filing::choose);
    table.get(
        "/filings/new/{kind}",
        "A form for one kind of filing, or for a correction of one.",
        clerk::filing::ask,
    );
    table.post(
        "/filings/new/{kind}",
        "Files it; or adds or takes out a line.",
        clerk::filing::file,
    );
    table.get("/filings/{id}", "One filing with its lines and versions.", clerk::filings::show);
    table.get("/filings/{id}/receipt", "Its signed receipt, to keep.", clerk::filings::receipt);
    table.get("/files", "Filing by spreadsheet: which file?", clerk::bulk::ask);
    table.post("/files", "Checks a file, or files what is in it.", clerk::bulk::hand_in);
    table.get(
        "/files/{job}",
        "How far a file has come, and the verdict on each row.",
        clerk::bulk::show,
    );
    table.get(
        "/files/{job}/{what}",
        "The rows that were not recorded, or the workbook with verdicts.",
        clerk::bulk::download,
    );
    table.get("/templates/{kind}", "A workbook to fill in.", clerk::bulk::template);
    table.get("/receipts", "Goods on their way here.", clerk::receipts::list);
    table.get(
        "/receipts/{movement}",
        "The receipt of a movement, prefilled.",
        clerk::receipts::ask,
    );
    table.get(
        "/findings",
        "What does not add up in your own filings, and where to look.",
        clerk::findings::list,
    );
    table.get("/readers", "Who read what of yours that is confidential.", clerk::readers::list);
}

/// Serves the pages.
pub(crate) fn configure(config: &mut ServiceConfig<'_>, portal: &Arc<Portal>) {
    let assets = web::Data::from(Arc::clone(&portal.assets));
    let portal = web::Data::from(Arc::clone(portal));
    config.app_data(portal).app_data(assets);
    config.map(|config| {
        let scope = web::scope("")
            .route(&format!("{}{{name}}", assets::PREFIX), web::get().to(assets::serve))
            .configure(|config| pages(&mut Table { config, reader: &mut |_, _, _| {} }))
            .default_service(web::to(no_such_page))
            .wrap(from_fn(surround))
            .wrap(Compress::default());
        config.service(scope)
    });
}

async fn no_such_page() -> Result<actix_web::HttpResponse, Refusal> {
    Err(Refusal::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use std::fmt::Write;

    /// `UPDATE_EXPECT=1` writes the page anew.
    #[test]
    fn the_page_of_urls_is_the_table() {
        let mut page = "# What pages there are: portal\n\nRendered from its table of pages. Each is in \
                        Chinese and English, works without scripts,\nand shows what the two interfaces \
                        answer to the person's own session.\n\n\
                        | path | method | what for |\n|---|---|---|\n"
            .to_owned();
        let _app = actix_web::App::new().configure(|config| {
            let mut reader = |method: &Method, path: &str, what: &str| {
                writeln!(page, "| `{path}` | {method} | {what} |").unwrap();
            };
            pages(&mut Table { config, reader: &mut reader });
        });
        expect_file!["../../../docs/urls-portal.md"].assert_eq(&page);
    }
}
