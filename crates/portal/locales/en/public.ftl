# Verifying a licence
licence-number = Licence number
licence-kind = Kind
licence-holder = Holder
licence-valid = Valid
verify-lead = Type the number that is printed on the licence, or scan its code. You need not sign in.
verify-hint = Such as LS-2026-000001-F
verify-button = Verify
verify-checked = Checked
verify-fingerprint = Fingerprint
verify-fingerprint-what = SHA-256 of the signed licence, to compare with the one at hand.
verify-unknown = There is no such licence
verify-unknown-what = The register has no licence { $number }. Look at the number again: its last character is a check that catches slips.
verdict-issued = Good
verdict-issued-what = The licence is real and can be used now.
verdict-suspended = Suspended
verdict-suspended-what = The licence is real but must not be used at present.
verdict-revoked = Revoked
verdict-revoked-what = The licence was revoked and must not be used.
verdict-surrendered = Surrendered
verdict-surrendered-what = Its holder gave the licence back; it must not be used.
verdict-superseded = Superseded
verdict-superseded-what = Another licence took its place; it must not be used.
verdict-exhausted = Used up
verdict-exhausted-what = All that it allows has left.
verdict-expired = Expired
verdict-expired-what = Its last day has passed.
verdict-not-yet-valid = Not valid yet
verdict-not-yet-valid-what = Its first day is still to come.

# Processing times
times-lead = Worked out from what happened to each application, quarter by quarter. Days on which the law stops the clock are not counted.
times-quarter = Quarter
times-cases = Cases
times-median = Half within (working days)
times-ninety = Nine in ten within (working days)
times-too-few = Too few to tell
times-none = There are not enough decisions yet to tell.

# Statistics
statistics-lead = Figures are published only where they give away no single firm.
statistics-table = Table
statistics-revision = Revision
statistics-published = Published
statistics-none = Nothing has been published yet.
statistics-production = Production
statistics-trade = Trade
statistics-exports = Exports
statistics-stock = Stock
statistics-suppression = “Withheld” stands where a figure would give away a single firm.
statistics-suppressed = withheld
statistics-reo = Oxide equivalent (kg)
