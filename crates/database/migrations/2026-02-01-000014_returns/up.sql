-- Monthly returns: what a month's books say before its return is filed.
set search_path = lodestone, public;

-- A correction posts what undoes the version before in that version's month, and few filings are
-- corrections: which of them touch a month is asked of the versions they replace.
create index filings_by_replaced on lodestone.filings (replaces) where replaces is not null;
