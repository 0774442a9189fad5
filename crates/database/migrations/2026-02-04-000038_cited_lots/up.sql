-- What officers are shown of the lots that an application cites.
set search_path = lodestone, public;

-- Lots that handed-in applications cite, to find the others that cite one.
create index cases_citing on lodestone.cases using gin (jsonb_path_query_array(content, '$.lines[*].lots[*].lot'))
    where submitted_at is not null;

-- Of every lot that an application cites: its claim with its exporter's stock of it and what other
-- open applications cite (`lot`), the lines of the transformations behind it (`line`), and the lots
-- that nothing is told to have been made into (`origin`).
--
-- Runs with the owner's rights, because officers of licensing read no filings: it answers about the
-- lots of one application that was handed in, as its exporter may trace them (`traced_lines`).
create function lodestone.cited_lots(of_case uuid, before uuid, most integer)
    returns table (part text, cited uuid, filing uuid, organisation uuid, site uuid, process text, month date,
        role text, lot uuid, number text, kind text, name_zh text, name_en text, quantity_grams bigint,
        stock_grams bigint, cited_by_exporter_grams bigint, cited_by_others_grams bigint, elements_mg bigint[])
    language plpgsql security definer
    set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
    exporter uuid;
    wanted uuid[];
begin
    select c.organisation, array(select distinct jsonb_path_query(c.content, '$.lines[*].lots[*].lot') #>> '{}')::uuid[]
        into exporter, wanted from cases c where c.id = of_case and c.submitted_at is not null;
    if exporter is null or wanted = '{}' then
        return;
    end if;
    return query
        with around as materialized (
            select asked.lot as cited, t.filing, t.organisation, t.site, t.process, t.month, t.role, t.lot,
                array[t.la_mg, t.ce_mg, t.pr_mg, t.nd_mg, t.pm_mg, t.sm_mg, t.eu_mg, t.gd_mg, t.tb_mg, t.dy_mg,
                    t.ho_mg, t.er_mg, t.tm_mg, t.yb_mg, t.lu_mg, t.sc_mg, t.y_mg] as elements_mg
            from unnest(wanted) asked (lot)
            cross join lateral traced_lines(exporter, asked.lot, true, before, most) t),
        citing as (
            select asked.lot as cited, c.organisation = exporter as is_exporter,
                sum((line_lot.value ->> 'quantity_kg')::numeric * 1000) as grams
            from unnest(wanted) asked (lot)
            join cases c on jsonb_path_query_array(c.content, '$.lines[*].lots[*].lot') ? asked.lot::text
                and c.submitted_at is not null and c.id <> of_case
                and c.state not in ('draft', 'returned', 'approved', 'refused', 'withdrawn')
            cross join lateral jsonb_path_query(c.content, '$.lines[*].lots[*]') line_lot (value)
            where line_lot.value ->> 'lot' = asked.lot::text
            group by 1, 2)
        select 'lot', t.cited, t.filing, t.organisation, t.site, null::text, null::date, null::text, t.cited,
            claim.number, made.kind, null::text, null::text, claim.quantity_grams,
            coalesce((select saturated(sum(case when p.to_kind = 'site' and p.to_key = s.id then p.gross_grams
                    else -p.gross_grams end))
                from postings p join sites s on s.organisation = exporter
                    and (p.to_kind = 'site' and p.to_key = s.id or p.from_kind = 'site' and p.from_key = s.id)
                where p.lot = t.cited), 0),
            coalesce((select saturated(sum(o.grams)) from citing o where o.cited = t.cited and o.is_exporter), 0),
            coalesce((select saturated(sum(o.grams)) from citing o where o.cited = t.cited and not o.is_exporter), 0),
            t.elements_mg
        from around t
        join lots claim on claim.id = t.cited and claim.filing = t.filing
        left join filings made on made.organisation = t.organisation and made.id = t.filing
        where t.role = 'asked'
        union all
        select 'line', t.cited, t.filing, t.organisation, t.site, t.process, t.month, t.role, t.lot,
            null, null, null, null, null, null, null, null, t.elements_mg
        from around t where t.role <> 'asked'
        union all
        select 'origin', ended.cited, claim.filing, claim.organisation, claim.site, null, null, null, ended.lot,
            null, made.kind, maker.name_zh, maker.name_en, null, null, null, null, null
        from (select distinct t.cited, t.lot from around t where t.role in ('asked', 'input') and t.lot is not null
            and not exists (select from around made where made.cited = t.cited and made.role = 'output'
                and made.lot = t.lot)) ended
        cross join lateral (select l.* from lots l where l.id = ended.lot and l.filing < before
            order by l.filing desc limit 1) claim
        join organisations maker on maker.id = claim.organisation
        left join filings made on made.organisation = claim.organisation and made.id = claim.filing;
end $$;
revoke execute on function lodestone.cited_lots from public;
grant execute on function lodestone.cited_lots to lodestone_licensing;
