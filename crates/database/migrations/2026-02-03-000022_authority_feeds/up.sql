-- What other authorities hand in: tax invoices and customs declarations.
--
-- Both are appended version by version and never changed; the latest version counts. They are
-- recorded whatever they say. No filer sees any of it, not even its own invoices: what would be
-- missing there would tell whom officials look at.
set search_path = lodestone, public;

alter table lodestone.organisations drop constraint organisations_kind_check,
    add constraint organisations_kind_check
        check (kind in ('filer', 'authority', 'agency', 'customs', 'tax_authority'));

create table lodestone.tax_invoices (
    id uuid primary key,
    number text not null,
    version smallint not null check (version > 0),
    -- This version takes the invoice back as a whole.
    is_void boolean not null,
    -- The invoice that a credit note takes back in part.
    credits text,
    issued_on date not null,
    -- Unified social credit codes.
    seller text not null,
    buyer text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Of the entry as sent, so that the same one sent twice is known to be the same.
    content_hash bytea not null,
    -- Which office handed it in, who there, and when.
    office uuid not null,
    person uuid not null,
    recorded_at timestamptz not null,
    unique (number, version)
);
create index tax_invoices_by_parties on lodestone.tax_invoices (seller, buyer, issued_on);
create index tax_invoices_by_credited on lodestone.tax_invoices (credits) where credits is not null;

create table lodestone.tax_invoice_lines (
    invoice uuid not null references lodestone.tax_invoices,
    line smallint not null check (line > 0),
    -- Of the catalogue: its code, its half and its rare earth, as they were on the invoice's day.
    goods text not null,
    origin text not null check (origin in ('ore', 'separated')),
    element text,
    oxide_grams bigint not null check (oxide_grams >= 0),
    amount numeric(20, 4) not null check (amount >= 0),
    primary key (invoice, line)
);

-- The movements that an invoice says it is for, by their references.
create table lodestone.tax_invoice_movements (
    invoice uuid not null references lodestone.tax_invoices,
    reference text not null,
    primary key (invoice, reference)
);
create index tax_invoice_movements_by_reference on lodestone.tax_invoice_movements (reference);

create table lodestone.customs_declarations (
    id uuid primary key,
    number text not null,
    version smallint not null check (version > 0),
    is_void boolean not null,
    declared_on date not null,
    -- A unified social credit code.
    exporter text not null,
    destination text not null check (destination ~ '^[A-Z]{2}$'),
    content_hash bytea not null,
    office uuid not null,
    person uuid not null,
    recorded_at timestamptz not null,
    unique (number, version)
);

create table lodestone.customs_declaration_lines (
    declaration uuid not null references lodestone.customs_declarations,
    line smallint not null check (line > 0),
    hs_code text not null,
    gross_grams bigint not null check (gross_grams >= net_grams),
    net_grams bigint not null check (net_grams >= 0),
    value numeric(20, 4) not null check (value >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    licence_number text,
    primary key (declaration, line)
);

do $$
declare name text;
begin
    foreach name in array array['tax_invoices', 'tax_invoice_lines', 'tax_invoice_movements',
        'customs_declarations', 'customs_declaration_lines'] loop
        call lodestone.isolate(name, '{}', '{}', '{lodestone_official,lodestone_worker}');
        execute format('grant select, insert on lodestone.%I to lodestone_official', name);
        execute format('grant select on lodestone.%I to lodestone_worker', name);
    end loop;
end $$;

-- Whoever names an invoice is found by its number, whoever issued it; the number first, which
-- answers for one organisation as well.
drop index lodestone.filings_by_invoice;
create index filings_by_invoice on lodestone.filings (invoice, organisation) where invoice is not null;
create index filings_by_declaration on lodestone.filings (customs_declaration, organisation)
    where customs_declaration is not null;
