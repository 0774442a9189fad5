-- What came into and went out of each site's stock, by month: a cache over filings.
--
-- Quotas and national statistics are sums over it, so that neither grows with the filings of the
-- year. The filing writer keeps it in the transaction of the filing; `summed_flows` says what it
-- must hold, and `lodestone balances check` and `rebuild` go by that.
set search_path = lodestone, public;

create table lodestone.monthly_flows (
    organisation uuid not null,
    month date not null check (extract(day from month) = 1),
    flow text not null check (flow in ('extracted', 'collected', 'imported', 'received', 'produced',
        'consumed', 'dispatched', 'exported', 'disposed')),
    -- Of a transformation; empty for everything else.
    process text not null,
    -- What kind of goods; empty where the filing does not say.
    category text not null,
    -- Where an import came from or an export went to; empty for everything else.
    country text not null,
    site uuid not null,
    gross_grams bigint not null,
    la_mg bigint not null, ce_mg bigint not null, pr_mg bigint not null, nd_mg bigint not null,
    pm_mg bigint not null, sm_mg bigint not null, eu_mg bigint not null, gd_mg bigint not null,
    tb_mg bigint not null, dy_mg bigint not null, ho_mg bigint not null, er_mg bigint not null,
    tm_mg bigint not null, yb_mg bigint not null, lu_mg bigint not null, sc_mg bigint not null,
    y_mg bigint not null,
    primary key (organisation, flow, process, month, category, country, site)
) with (fillfactor = 70);
-- The whole nation's month.
create index monthly_flows_by_month on lodestone.monthly_flows (month, flow);

-- Which flows draw on which quota. Whatever was fed to a separation, what comes out of it counts:
-- so imported and by-product ore does (order 71).
create table lodestone.quota_flows (
    scope text primary key check (scope in ('mining', 'separation')),
    flow text not null,
    process text not null
);
insert into lodestone.quota_flows values ('mining', 'extracted', ''), ('separation', 'produced', 'separation');
grant select on lodestone.quota_flows to lodestone_reporting, lodestone_official, lodestone_worker;

-- The flow that a line stands for; null where it moves nothing into or out of a stock.
create function lodestone.flow_of(kind text, role text, is_of_a_movement boolean) returns text
    language sql immutable parallel safe
    return case
        when kind = 'extraction' and role = 'output' then 'extracted'
        when kind = 'transformation' and role = 'output' then 'produced'
        when kind = 'transformation' and role = 'input' then 'consumed'
        when kind = 'receipt' and is_of_a_movement then 'received'
        when kind = 'receipt' then 'collected'
        when kind = 'import' then 'imported'
        when kind = 'dispatch' then 'dispatched'
        when kind = 'export' then 'exported'
        when kind = 'disposal' then 'disposed'
    end;

-- What the cache must hold: the lines of every filing in the version that stands.
create function lodestone.summed_flows() returns setof lodestone.monthly_flows
    language sql stable set search_path = lodestone, pg_temp
begin atomic
    select f.organisation, f.month, flow_of(f.kind, l.role, f.movement is not null) as flow,
        coalesce(f.process, '') as process, coalesce(l.category, '') as category,
        coalesce(f.country, '') as country, f.site, saturated(sum(l.quantity_grams)),
            saturated(sum(l.la_mg)), saturated(sum(l.ce_mg)), saturated(sum(l.pr_mg)), saturated(sum(l.nd_mg)),
            saturated(sum(l.pm_mg)), saturated(sum(l.sm_mg)), saturated(sum(l.eu_mg)), saturated(sum(l.gd_mg)),
            saturated(sum(l.tb_mg)), saturated(sum(l.dy_mg)), saturated(sum(l.ho_mg)), saturated(sum(l.er_mg)),
            saturated(sum(l.tm_mg)), saturated(sum(l.yb_mg)), saturated(sum(l.lu_mg)), saturated(sum(l.sc_mg)),
            saturated(sum(l.y_mg))
    from filings f
    join filing_lines l on l.organisation = f.organisation and l.filing = f.id
    where flow_of(f.kind, l.role, f.movement is not null) is not null
        and not exists (select from filing_references newer where newer.organisation = f.organisation
            and newer.reference = f.reference and newer.version = f.version + 1)
    group by 1, 2, 3, 4, 5, 6, 7;
end;
revoke execute on function lodestone.summed_flows from public;

insert into lodestone.monthly_flows select * from lodestone.summed_flows();

call lodestone.isolate('monthly_flows', '{lodestone_reporting}', '{lodestone_filing_writer}',
    '{lodestone_official,lodestone_worker}');
-- A group shares its quotas, so its firms see what each of them drew on them, and nothing else.
create policy group_reads on lodestone.monthly_flows for select to lodestone_reporting
    using ((flow, process) in (select counted.flow, counted.process from lodestone.quota_flows counted)
        and organisation in (select member.id from lodestone.organisations member
            join lodestone.organisations mine on mine.group_id = member.group_id
            where mine.id = any ((select lodestone.acting_for())::uuid[])));

grant select, insert, update on lodestone.monthly_flows to lodestone_filing_writer;
grant select on lodestone.monthly_flows to lodestone_reporting, lodestone_official, lodestone_worker;
