-- Filings and the double-entry accounts of matter that follow from them.
--
-- Recorded things are partitioned by recording month through their time-ordered id. Foreign keys
-- hold a filing together; between filings there are ids and a checker (docs/architecture.md).
set search_path = lodestone, public;

create table lodestone.filings (
    organisation uuid not null,
    id uuid not null,
    site uuid not null,
    kind text not null check (kind in ('extraction', 'transformation', 'dispatch', 'receipt', 'import',
        'export', 'stocktake', 'disposal', 'monthly_return')),
    reference text not null,
    version smallint not null check (version > 0),
    replaces uuid,
    correction_reason text,
    happened_at timestamptz not null,
    recorded_at timestamptz not null,
    month date not null check (extract(day from month) = 1),
    channel text not null check (channel in ('api', 'bulk', 'epcis', 'portal')),
    filed_by uuid not null,
    process text check (process in ('beneficiation', 'separation', 'metal_reduction', 'alloying',
        'magnet_making', 'machining', 'assembly', 'recycling')),
    -- The other side of the trade, as this filer knows it.
    party uuid,
    party_organisation uuid,
    movement uuid,
    outcome text check (outcome in ('satisfactory', 'unsatisfactory', 'refused', 'partially_refused')),
    -- Where goods come from or go to when no filer is there: domestic_use, end_of_life, waste, seized.
    beyond text check (beyond in ('domestic_use', 'end_of_life', 'waste', 'seized')),
    contract text,
    invoice text,
    licence_number text,
    customs_declaration text,
    country text check (country ~ '^[A-Z]{2}$'),
    nil boolean,
    primary key (organisation, id),
    constraint filing_correction_has_a_reason check ((version = 1) = (replaces is null)
        and (replaces is null) = (correction_reason is null)),
    constraint filing_transformation_names_its_process check ((kind = 'transformation') = (process is not null)),
    constraint filing_trade_names_its_party check ((kind in ('dispatch', 'import', 'export')
        or kind = 'receipt' and movement is null) = (party is not null)),
    constraint filing_return_says_whether_nil check ((kind = 'monthly_return') = (nil is not null))
) partition by range (id);
-- The month first: an index that begins as the key does would be taken for the key while a month's
-- partition is new, and every line would then read all filings of its organisation.
create index filings_by_month on lodestone.filings (month, organisation, id);
create index filings_by_movement on lodestone.filings (movement) where movement is not null;
create index filings_by_invoice on lodestone.filings (organisation, invoice) where invoice is not null;

create table lodestone.filing_lines (
    organisation uuid not null,
    filing uuid not null,
    line smallint not null check (line > 0),
    role text not null check (role in ('input', 'output', 'loss', 'item', 'measured')),
    lot uuid,
    lot_number text,
    product uuid,
    category text,
    hs_code text,
    grade text,
    quantity_grams bigint not null check (quantity_grams >= 0),
    refused_grams bigint not null check (refused_grams >= 0),
    unit_price numeric(20, 4) check (unit_price >= 0),
    currency text check (currency ~ '^[A-Z]{3}$'),
    la_mg bigint not null, ce_mg bigint not null, pr_mg bigint not null, nd_mg bigint not null,
    pm_mg bigint not null, sm_mg bigint not null, eu_mg bigint not null, gd_mg bigint not null,
    tb_mg bigint not null, dy_mg bigint not null, ho_mg bigint not null, er_mg bigint not null,
    tm_mg bigint not null, yb_mg bigint not null, lu_mg bigint not null, sc_mg bigint not null,
    y_mg bigint not null,
    -- One standard deviation per element, in the same order; null where none was stated.
    sigma_mg bigint[] check (cardinality(sigma_mg) = 17),
    primary key (organisation, filing, line),
    foreign key (organisation, filing) references lodestone.filings,
    constraint line_price_has_a_currency check ((unit_price is null) = (currency is null))
) partition by range (filing);

create table lodestone.postings (
    organisation uuid not null,
    filing uuid not null,
    posting smallint not null check (posting > 0),
    line smallint not null check (line >= 0),
    -- Undoes a posting of the version that this filing corrects, in that version's month.
    reversal boolean not null,
    lot uuid,
    from_kind text not null,
    from_key uuid not null,
    to_kind text not null,
    to_key uuid not null,
    happened_at timestamptz not null,
    month date not null,
    gross_grams bigint not null check (gross_grams >= 0),
    la_mg bigint not null check (la_mg >= 0), ce_mg bigint not null check (ce_mg >= 0),
    pr_mg bigint not null check (pr_mg >= 0), nd_mg bigint not null check (nd_mg >= 0),
    pm_mg bigint not null check (pm_mg >= 0), sm_mg bigint not null check (sm_mg >= 0),
    eu_mg bigint not null check (eu_mg >= 0), gd_mg bigint not null check (gd_mg >= 0),
    tb_mg bigint not null check (tb_mg >= 0), dy_mg bigint not null check (dy_mg >= 0),
    ho_mg bigint not null check (ho_mg >= 0), er_mg bigint not null check (er_mg >= 0),
    tm_mg bigint not null check (tm_mg >= 0), yb_mg bigint not null check (yb_mg >= 0),
    lu_mg bigint not null check (lu_mg >= 0), sc_mg bigint not null check (sc_mg >= 0),
    y_mg bigint not null check (y_mg >= 0),
    primary key (organisation, filing, posting),
    foreign key (organisation, filing) references lodestone.filings,
    constraint posting_moves_something check ((from_kind, from_key) <> (to_kind, to_key))
) partition by range (filing);
create index postings_by_lot on lodestone.postings (lot, filing) where lot is not null;

-- One version per number: two corrections of the same version cannot both be stored.
create table lodestone.filing_references (
    organisation uuid not null,
    reference text not null,
    version smallint not null,
    filing uuid not null,
    -- Of the claim as sent, so that the same filing sent twice is known to be the same.
    content_hash bytea not null,
    primary key (organisation, reference, version)
);

-- The first answer to a key is the answer to all its repetitions.
create table lodestone.idempotency_keys (
    organisation uuid not null,
    key text not null,
    request_hash bytea not null,
    subject uuid not null,
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (organisation, key)
);
create index idempotency_keys_age on lodestone.idempotency_keys (created_at);

-- Clients, suppliers and end users as one organisation knows them: its secret.
create table lodestone.parties (
    organisation uuid not null,
    id uuid not null,
    name text not null,
    identifier text,
    country text not null,
    -- Who that is, when it is registered here.
    party_organisation uuid,
    primary key (organisation, id)
);

-- A lot is a claim, one row for each version of the filing that made it; it never cascades.
create table lodestone.lots (
    organisation uuid not null,
    id uuid not null,
    filing uuid not null,
    number text not null,
    site uuid not null,
    product uuid,
    category text not null,
    hs_code text,
    grade text,
    happened_at timestamptz not null,
    quantity_grams bigint not null check (quantity_grams >= 0),
    la_mg bigint not null, ce_mg bigint not null, pr_mg bigint not null, nd_mg bigint not null,
    pm_mg bigint not null, sm_mg bigint not null, eu_mg bigint not null, gd_mg bigint not null,
    tb_mg bigint not null, dy_mg bigint not null, ho_mg bigint not null, er_mg bigint not null,
    tm_mg bigint not null, yb_mg bigint not null, lu_mg bigint not null, sc_mg bigint not null,
    y_mg bigint not null,
    primary key (id, filing)
);
create index lots_by_organisation on lodestone.lots (organisation, filing);

-- What a transformation made from what.
create table lodestone.lot_edges (
    organisation uuid not null,
    filing uuid not null,
    input_lot uuid not null,
    output_lot uuid not null,
    primary key (output_lot, input_lot, filing)
);
create index lot_edges_forward on lodestone.lot_edges (input_lot);

-- Who may know a lot: its maker, and whoever it was dispatched to.
create table lodestone.lot_holders (
    organisation uuid not null,
    lot uuid not null,
    -- Who granted that: the maker or the seller.
    granted_by uuid not null,
    filing uuid not null,
    primary key (organisation, lot)
);

-- Goods under way between two filers; one row for each version of the dispatch.
create table lodestone.movements (
    organisation uuid not null,
    id uuid not null,
    filing uuid not null,
    buyer_organisation uuid not null,
    dispatched_at timestamptz not null,
    primary key (id, filing)
);
create index movements_by_buyer on lodestone.movements (buyer_organisation, filing);
create index movements_by_seller on lodestone.movements (organisation, filing);

create table lodestone.movement_lines (
    organisation uuid not null,
    movement uuid not null,
    filing uuid not null,
    line smallint not null,
    buyer_organisation uuid not null,
    lot uuid not null,
    category text,
    hs_code text,
    grade text,
    quantity_grams bigint not null,
    la_mg bigint not null, ce_mg bigint not null, pr_mg bigint not null, nd_mg bigint not null,
    pm_mg bigint not null, sm_mg bigint not null, eu_mg bigint not null, gd_mg bigint not null,
    tb_mg bigint not null, dy_mg bigint not null, ho_mg bigint not null, er_mg bigint not null,
    tm_mg bigint not null, yb_mg bigint not null, lu_mg bigint not null, sc_mg bigint not null,
    y_mg bigint not null,
    primary key (movement, filing, line)
);

-- A cache: net matter per account and month, rebuilt from postings by `lodestone balances rebuild`
-- and checked. `organisation` is the one whose posting touched the account, so that every filer
-- updates rows of its own only; an account's balance is the sum over organisations.
create table lodestone.account_balances (
    organisation uuid not null,
    kind text not null,
    key uuid not null,
    month date not null,
    gross_grams bigint not null,
    la_mg bigint not null, ce_mg bigint not null, pr_mg bigint not null, nd_mg bigint not null,
    pm_mg bigint not null, sm_mg bigint not null, eu_mg bigint not null, gd_mg bigint not null,
    tb_mg bigint not null, dy_mg bigint not null, ho_mg bigint not null, er_mg bigint not null,
    tm_mg bigint not null, yb_mg bigint not null, lu_mg bigint not null, sc_mg bigint not null,
    y_mg bigint not null,
    primary key (organisation, kind, key, month)
) with (fillfactor = 70);

-- What handlers ask for every filing, in one round trip and for one organisation: the latest
-- claims of lots it made or holds. Runs with the caller's rights, so policies decide.
create function lodestone.claimed_lots(asking uuid, wanted uuid[]) returns setof lodestone.lots
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return query select distinct on (lot.id) lot.* from lots lot
        where lot.id = any (wanted) order by lot.id, lot.filing desc;
end $$;

-- The lines of the latest version of a movement, as its seller or buyer may see them.
create function lodestone.moved_lines(asking uuid, wanted uuid) returns setof lodestone.movement_lines
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return query select line.* from movement_lines line
        where line.movement = wanted
        and line.filing = (select max(latest.filing::text)::uuid from movements latest where latest.id = wanted)
        order by line.line;
end $$;

insert into lodestone.partitioned_tables values ('filings'), ('filing_lines'), ('postings');
create table lodestone_partitions.filings_default partition of lodestone.filings default;
create table lodestone_partitions.filing_lines_default partition of lodestone.filing_lines default;
create table lodestone_partitions.postings_default partition of lodestone.postings default;

do $$
declare name text;
begin
    foreach name in array array['filings', 'filing_lines', 'postings', 'filing_references',
        'parties', 'lot_edges', 'account_balances'] loop
        call lodestone.isolate(name, '{lodestone_reporting}', '{lodestone_filing_writer}',
            '{lodestone_official,lodestone_worker}');
    end loop;
    -- Whoever stores an effect stores its key: filings, catalogue entries, people and keys.
    call lodestone.isolate('idempotency_keys', '{}', '{lodestone_filing_writer,lodestone_reporting}',
        '{lodestone_official,lodestone_worker,lodestone_identity}');
    foreach name in array array['lots', 'movements', 'movement_lines'] loop
        call lodestone.isolate(name, '{lodestone_reporting,lodestone_licensing}', '{lodestone_filing_writer}',
            '{lodestone_official,lodestone_worker}');
    end loop;
    call lodestone.isolate('lot_holders', '{lodestone_reporting,lodestone_licensing}', '{}',
        '{lodestone_official,lodestone_worker}');
end $$;

-- A buyer sees what is under way to it, and the claim of a lot that came to it.
create policy buyer_reads on lodestone.movements for select to lodestone_reporting
    using (buyer_organisation = any ((select lodestone.acting_for())::uuid[]));
create policy buyer_reads on lodestone.movement_lines for select to lodestone_reporting
    using (buyer_organisation = any ((select lodestone.acting_for())::uuid[]));
-- `offset 0` keeps Postgres from reading all that an organisation holds to answer for one lot.
create policy holder_reads on lodestone.lots for select to lodestone_reporting, lodestone_licensing
    using (exists (select from lodestone.lot_holders holder
        where holder.lot = lots.id and holder.organisation = any ((select lodestone.acting_for())::uuid[])
        offset 0));
-- The seller's filing makes the buyer a holder: the row is the buyer's, the grant the seller's.
create policy granted_rows_insert on lodestone.lot_holders for insert to lodestone_filing_writer
    with check (granted_by = any ((select lodestone.acting_for())::uuid[]));
create policy granted_rows_read on lodestone.lot_holders for select to lodestone_filing_writer
    using (granted_by = any ((select lodestone.acting_for())::uuid[]));

-- The writer inserts, and reads back only what ON CONFLICT needs.
grant insert on lodestone.filings, lodestone.filing_lines, lodestone.postings, lodestone.filing_references,
    lodestone.idempotency_keys, lodestone.parties, lodestone.lots, lodestone.lot_edges, lodestone.lot_holders,
    lodestone.movements, lodestone.movement_lines, lodestone.account_balances to lodestone_filing_writer;
grant select on lodestone.filing_references, lodestone.idempotency_keys to lodestone_filing_writer;
grant select (organisation, id) on lodestone.parties to lodestone_filing_writer;
grant select (organisation, lot, granted_by) on lodestone.lot_holders to lodestone_filing_writer;
grant select, update on lodestone.account_balances to lodestone_filing_writer;

grant select on lodestone.filings, lodestone.filing_lines, lodestone.postings, lodestone.filing_references,
    lodestone.idempotency_keys, lodestone.parties, lodestone.lots, lodestone.lot_edges, lodestone.lot_holders,
    lodestone.movements, lodestone.movement_lines, lodestone.account_balances to lodestone_reporting;
grant select on lodestone.filings, lodestone.filing_lines, lodestone.postings, lodestone.filing_references,
    lodestone.lots, lodestone.lot_edges, lodestone.lot_holders, lodestone.movements, lodestone.movement_lines,
    lodestone.account_balances to lodestone_official;
grant select on lodestone.filings, lodestone.filing_lines, lodestone.postings, lodestone.parties, lodestone.lots,
    lodestone.lot_edges, lodestone.lot_holders, lodestone.movements, lodestone.movement_lines,
    lodestone.account_balances to lodestone_worker;
grant select on lodestone.lots, lodestone.lot_holders to lodestone_licensing;
grant select, insert on lodestone.idempotency_keys to lodestone_reporting, lodestone_identity;
