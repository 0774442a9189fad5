//! `lodestone regime`: the law as dated rows, imported as a whole version.

use crate::{
    output::{answer, say},
    settings::database_target,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use database::{
    Connection,
    events::Act,
    regime::{Import, StoredVersion},
};
use domain::regime::{Change, Regime, RegimeRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::clock;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Subcommand)]
pub enum Command {
    /// Stores a version. The same rows twice are one version.
    Import(ImportArguments),
    /// Shows what a file would change about the version in force.
    Diff {
        /// JSON or TOML, as for `import`.
        file: PathBuf,
        /// For programs: a JSON array of changes.
        #[arg(long)]
        json: bool,
    },
    /// Shows the versions and what the one in force holds.
    Show {
        /// For programs, and to edit and import again: a JSON object with all rows.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct ImportArguments {
    /// JSON with `rows`, as `show --json` writes it, or TOML with `[[row]]`.
    #[arg(required_unless_present = "default")]
    file: Option<PathBuf>,
    /// Takes the regime that ships with this program.
    #[arg(long, conflicts_with = "file")]
    default: bool,
    /// From when judgements use it, such as 2026-11-10T00:00:00+08:00; at once by default.
    #[arg(long)]
    takes_effect_at: Option<Timestamp>,
}

/// A file of rows.
#[derive(Deserialize)]
struct File {
    #[serde(alias = "row")]
    rows: Vec<RegimeRow>,
}

#[derive(Serialize)]
struct VersionView {
    version: String,
    content_hash: String,
    imported_at: Timestamp,
    takes_effect_at: Timestamp,
}

impl From<&StoredVersion> for VersionView {
    fn from(stored: &StoredVersion) -> Self {
        Self {
            version: stored.version.to_string(),
            content_hash: stored.content_hash.clone(),
            imported_at: stored.imported_at,
            takes_effect_at: stored.takes_effect_at,
        }
    }
}

#[derive(Serialize)]
struct Shown {
    in_force: Option<String>,
    versions: Vec<VersionView>,
    rows: Vec<RegimeRow>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let pool = database_target()?.pool(database::Role::Identity, 1);
    let mut conn = pool.get().await.context("cannot reach the database")?;
    match command {
        Command::Import(arguments) => import(&mut conn, &arguments).await,
        Command::Diff { file, json } => diff(&mut conn, &file, json).await,
        Command::Show { json } => show(&mut conn, json).await,
    }
}

async fn import(conn: &mut Connection, arguments: &ImportArguments) -> anyhow::Result<()> {
    let regime = match &arguments.file {
        Some(file) => read(file)?,
        None => Regime::default_china_2025(),
    };
    let act = Act { person: None, at: clock::now(), traceparent: None };
    let takes_effect_at = arguments.takes_effect_at.unwrap_or(act.at);
    let version = regime.version();
    let line = match database::regime::import(conn, &regime, takes_effect_at, &act.origin()).await?
    {
        Import::Stored => format!("{version} takes effect at {takes_effect_at}"),
        Import::AlreadyThere => format!("{version} is there already; nothing was changed"),
    };
    Ok(say(&line)?)
}

async fn diff(conn: &mut Connection, file: &Path, json: bool) -> anyhow::Result<()> {
    let new = read(file)?;
    let old = match database::regime::in_force(conn, clock::now()).await? {
        Some(regime) => regime,
        None => Regime::from_rows(&[])?,
    };
    let changes = Regime::diff(&old, &new);
    if json {
        return answer(&changes);
    }
    if changes.is_empty() {
        say("nothing changes")?;
    }
    for change in &changes {
        say(&describe(change))?;
    }
    Ok(())
}

/// A change as lines of a diff: `+` comes, `-` goes.
fn describe(change: &Change) -> String {
    let line = |sign: char, row: &RegimeRow| {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
        let from = day(row.from).unwrap_or_default();
        let until = day(row.until).unwrap_or_default();
        let (kind, key, content, mark) =
            (row.kind, &row.key, &row.content, row.provenance.verification);
        format!("{sign} {kind} {key} [{from}, {until}) {mark}: {content}")
    };
    match change {
        Change::Added { row } => line('+', row),
        Change::Removed { row } => line('-', row),
        Change::Changed { before, after } => format!("{}\n{}", line('-', before), line('+', after)),
    }
}

async fn show(conn: &mut Connection, json: bool) -> anyhow::Result<()> {
    let versions = database::regime::versions(conn).await?;
    let in_force = database::regime::in_force(conn, clock::now()).await?;
    let rows = in_force.as_ref().map(Regime::rows).unwrap_or_default();
    let name = in_force.map(|regime| regime.version().to_string());
    if json {
        let versions = versions.iter().map(VersionView::from).collect();
        return answer(&Shown { in_force: name, versions, rows });
    }
    if versions.is_empty() {
        say(
            "no version was imported: `lodestone regime import --default` imports the one that ships",
        )?;
    }
    for stored in &versions {
        let version = stored.version.as_str();
        let mark = if name.as_deref() == Some(version) { ", in force" } else { "" };
        say(&format!("{version} from {}{mark}", stored.takes_effect_at))?;
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *counts.entry(row.kind.as_str()).or_default() += 1;
    }
    for (kind, count) in counts {
        say(&format!("{count:>8} {kind}"))?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Regime> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let file: File = if is_toml {
        toml::from_str(&text).with_context(|| format!("{shown} is no file of rows"))?
    } else {
        serde_json::from_str(&text).with_context(|| format!("{shown} is no file of rows"))?
    };
    Regime::from_rows(&file.rows).with_context(|| format!("{shown} holds a row that is wrong"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn what_show_writes_import_reads_as_the_same_version() {
        let regime = Regime::default_china_2025();
        let rows = regime.rows();
        let shown = Shown { in_force: None, versions: Vec::new(), rows };
        let (_directory, path) = written("regime.json", &serde_json::to_string(&shown).unwrap());
        assert_eq!(read(&path).unwrap().version(), regime.version());
    }

    #[test]
    fn a_row_that_does_not_say_what_its_kind_prescribes_is_named() {
        let (_directory, path) = written(
            "regime.toml",
            "[[row]]\nkind = \"calendar_year\"\nkey = \"2026\"\ncontent = { holidays = 3 }\n\
             source = \"nobody\"\nverification = \"fictitious\"\n",
        );
        let refusal = format!("{:#}", read(&path).unwrap_err());
        assert!(refusal.contains("row calendar_year \"2026\" cannot be read"), "{refusal}");
    }
}
