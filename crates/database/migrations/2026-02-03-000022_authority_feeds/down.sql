set search_path = lodestone, public;

drop index lodestone.filings_by_declaration;
drop index lodestone.filings_by_invoice;
create index filings_by_invoice on lodestone.filings (organisation, invoice) where invoice is not null;
drop table lodestone.customs_declaration_lines, lodestone.customs_declarations,
    lodestone.tax_invoice_movements, lodestone.tax_invoice_lines, lodestone.tax_invoices;
alter table lodestone.organisations drop constraint organisations_kind_check,
    add constraint organisations_kind_check check (kind in ('filer', 'authority', 'agency', 'customs'));
