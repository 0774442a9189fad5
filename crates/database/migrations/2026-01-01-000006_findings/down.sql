set search_path = lodestone, public;
drop function lodestone.saturated;
drop index lodestone.filing_lines_by_price;
drop index lodestone.filings_by_licence;
revoke select on lodestone.filing_references from lodestone_worker;
drop table lodestone.application_assessments;
drop table lodestone.screenings;
drop table lodestone.finding_dispositions;
drop table lodestone.findings;
