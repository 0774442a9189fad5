-- Material balances that are asked for: what was summed up of each site's months, and how one
-- knows that it still holds.
set search_path = lodestone, public;

-- How often something was filed or replaced that happened at a site in a month. Whoever sums up a
-- site's filings keeps the number beside the sum: while it is the same, so is the sum. The filing
-- writer counts in the transaction of the filing, one row for each site and month of a batch; a
-- mark that readers take away again would make them wait for one another.
create table lodestone.site_months (
    organisation uuid not null,
    site uuid not null,
    month date not null check (extract(day from month) = 1),
    version bigint not null,
    primary key (organisation, site, month)
) with (fillfactor = 70);

-- What the count must be. Monthly returns move and measure nothing.
create function lodestone.counted_site_months() returns setof lodestone.site_months
    language sql stable set search_path = lodestone, pg_temp
begin atomic
    select told.organisation, told.site, told.month, count(*) from (
        select f.organisation, f.site, date_trunc('month', f.happened_at at time zone 'Asia/Shanghai')::date as month
        from filings f where f.kind <> 'monthly_return'
        union all
        select before.organisation, before.site,
            date_trunc('month', before.happened_at at time zone 'Asia/Shanghai')::date
        from filings newer
        join filings before on before.organisation = newer.organisation and before.id = newer.replaces
        where before.kind <> 'monthly_return'
    ) told group by 1, 2, 3;
end;
revoke execute on function lodestone.counted_site_months from public;
insert into lodestone.site_months select * from lodestone.counted_site_months();
call lodestone.isolate('site_months', '{lodestone_reporting}', '{lodestone_filing_writer}', '{lodestone_official}');
grant select, insert, update on lodestone.site_months to lodestone_filing_writer;
grant select on lodestone.site_months to lodestone_reporting, lodestone_official;

-- A cache: the measured sums of a site between two boundaries, told of under a month
-- (`domain::balance::segments`). Whoever asks for balances and finds a row missing or passed by
-- writes it: filers through their own role for their own sites, officials for anyone's. It holds
-- nothing but sums over what the site's owner filed, no threshold and no judgement, and nothing
-- that a change of parameters would make wrong. `lodestone balances check` and `rebuild` know it.
create table lodestone.material_balances (
    organisation uuid not null,
    site uuid not null,
    month date not null check (extract(day from month) = 1),
    -- The boundaries: just after one moment, up to and with another.
    after timestamptz not null,
    until timestamptz not null,
    -- The first stocktake of the count that closes it; null where none does.
    counted_from timestamptz,
    -- The sum of the versions of the calendar months that it reaches into.
    computed_from bigint not null,
    computed_at timestamptz not null,
    -- For each element what came in, went out and was counted, in milligrams.
    in_mg bigint[] not null check (cardinality(in_mg) = 17),
    out_mg bigint[] not null check (cardinality(out_mg) = 17),
    closing_mg bigint[] not null check (cardinality(closing_mg) = 17),
    -- What their doubt depends on, five times seventeen numbers (`domain::metrology::Sum`): without
    -- stated uncertainty the sum and the sum of squares; with one both again; and the sum of the
    -- squares of what was stated.
    in_doubt double precision[] not null check (cardinality(in_doubt) = 85),
    out_doubt double precision[] not null check (cardinality(out_doubt) = 85),
    closing_doubt double precision[] not null check (cardinality(closing_doubt) = 85),
    primary key (organisation, site, month),
    constraint segment_has_a_length check (after < until and (counted_from is null or counted_from <= until))
);
call lodestone.isolate('material_balances', '{}', '{lodestone_reporting}', '{lodestone_official}');
grant select, insert, update on lodestone.material_balances to lodestone_reporting, lodestone_official;

-- Where a line counts in a balance; null where it is no matter of the site's boundary.
-- `domain::balance::BalanceSide` says the same, and a test compares the two.
create function lodestone.balance_side(kind text, role text) returns text
    language sql immutable parallel safe
    return case
        when kind in ('extraction', 'receipt', 'import') then 'in'
        when kind in ('dispatch', 'export', 'disposal') then 'out'
        when kind = 'transformation' and role = 'loss' then 'out'
        when kind = 'stocktake' then 'counted'
    end;

-- Both hold few filings, and cost the others nothing.
create index filings_stocktakes on lodestone.filings (organisation, site, happened_at) where kind = 'stocktake';
create index filings_replaced on lodestone.filings (organisation, replaces) where replaces is not null;
