//! What the forms of this module have in common: texts, e-mail addresses, roles and times.

use domain::codes::{OrganisationKind, Role};
use jiff::{SignedDuration, Timestamp};
use service::problem::{Problem, Violation};

const TEXT_LENGTH_LIMIT: usize = 200;
const EMAIL_LENGTH_LIMIT: usize = 254;

/// Collects everything that is wrong with a form.
#[derive(Debug, Default)]
pub struct Check(Vec<Violation>);

impl Check {
    /// Nothing, or everything that is wrong.
    pub fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::ValidationFailed(self.0)) }
    }

    pub fn fault(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
        expected: &str,
    ) {
        self.0.push(Violation::at(pointer, code, detail).expecting(expected));
    }

    pub fn outcome(&mut self, outcome: Result<(), Violation>) {
        self.0.extend(outcome.err());
    }

    pub fn text(&mut self, pointer: &str, text: &str) {
        let length = text.chars().count();
        let is_clean = text.trim() == text && !text.chars().any(char::is_control);
        if !is_clean || !(1..=TEXT_LENGTH_LIMIT).contains(&length) {
            let expected = "1 to 200 characters, without control characters or blanks around";
            self.fault(pointer, "invalid_text", format!("{length} characters"), expected);
        }
    }

    /// An address that somebody could have; only they can say whether they do.
    pub fn email(&mut self, pointer: &str, text: &str) {
        let is_printable = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let is_address = text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.contains('@') && host.split('.').all(|part| !part.is_empty())
        });
        if !is_printable || !is_address || EMAIL_LENGTH_LIMIT < text.len() {
            self.fault(pointer, "invalid_email", "not an e-mail address", "name@example.com");
        }
    }

    pub fn roles(&mut self, pointer: &str, roles: &[Role], allowed: &[Role]) {
        let names =
            |roles: &[Role]| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        if roles.is_empty() {
            self.fault(pointer, "missing", "no role is named", &names(allowed));
        }
        for (index, role) in roles.iter().enumerate().filter(|(_, role)| !allowed.contains(role)) {
            let detail = format!("{role} cannot be given here");
            self.fault(format!("{pointer}/{index}"), "role_not_possible", detail, &names(allowed));
        }
    }

    /// An end that lies ahead, but not too far.
    pub fn end(&mut self, pointer: &str, end: Timestamp, now: Timestamp, longest_days: i64) {
        let latest = now + SignedDuration::from_hours(24 * longest_days);
        if end <= now || latest < end {
            let expected = format!("a moment within the next {longest_days} days");
            self.fault(pointer, "out_of_range", end.to_string(), &expected);
        }
    }
}

/// Roles, each once and sorted.
pub fn distinct(roles: &[Role]) -> Vec<Role> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// The roles that an organisation lends to agents. Who administers it is nobody else's matter.
pub fn delegable(kind: OrganisationKind) -> &'static [Role] {
    match kind {
        OrganisationKind::Filer => &[Role::Reporter, Role::Exporter],
        OrganisationKind::Authority
        | OrganisationKind::Agency
        | OrganisationKind::Customs
        | OrganisationKind::TaxAuthority => &[],
    }
}
