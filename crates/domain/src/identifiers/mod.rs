//! Identifiers that other registers issue, verified where they can be.
//!
//! Each type is parsed once, at the edge; a value of the type has passed every check that needs
//! no register to be asked. Whether the holder exists is another question, and not asked here.

mod hs;
mod iso;
mod lei;
mod port;
mod uscc;

pub use hs::{HsCode, InvalidHsCode};
pub use iso::{CountryCode, CurrencyCode, InvalidCountryCode, InvalidCurrencyCode};
pub use lei::{InvalidLei, Lei};
pub use port::{InvalidPortCode, PortCode};
pub use uscc::{InvalidUscc, Uscc};

/// Gives an identifier kept as text its conversions; its `FromStr` holds the checks.
macro_rules! text_identifier {
    ($name:ident, $error:ty) => {
        impl $name {
            /// The code as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0
            }
        }
    };
}
use text_identifier;
