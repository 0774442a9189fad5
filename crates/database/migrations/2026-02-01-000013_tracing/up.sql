-- Where lots came from and where they went, across organisations.
set search_path = lodestone, public;

-- Walked in both directions from the index alone; the organisation finds the filing's partition.
alter table lodestone.lot_edges drop constraint lot_edges_pkey;
alter table lodestone.lot_edges add primary key (output_lot, input_lot, filing) include (organisation);
drop index lodestone.lot_edges_forward;
create index lot_edges_forward on lodestone.lot_edges (input_lot, output_lot, filing) include (organisation);

-- All of a site's month in a continuous process is one step. Few transformations are.
create index filings_continuous on lodestone.filings (organisation, site, process, month, id)
    where process in ('separation', 'metal_reduction', 'recycling');
-- Which dispatches moved a lot.
create index movement_lines_by_lot on lodestone.movement_lines (lot, filing);

-- The lines of every standing transformation around a lot, as it was told before a moment
-- (`before` is the first id of that moment). The first row, of role `asked`, is the lot's own
-- claim; without it `asking` may not know the lot, and there is nothing else either.
--
-- Runs with the owner's rights, because ancestors belong to others: it starts only from a lot that
-- `asking` made or was sent, unless officials ask, whose reads are logged before. What it answers of
-- others is for the attribution alone: reporting-api shows nothing of it but shares.
--
-- Walks over versions that no longer stand, too, and leaves them out: what only they lead to is
-- then reached from nowhere. At most `most` filings and four times as many lines; more of either says that there were more.
create function lodestone.traced_lines(asking uuid, asked uuid, backward boolean, before uuid, most integer)
    returns table (filing uuid, organisation uuid, site uuid, process text, month date, role text, lot uuid,
        la_mg bigint, ce_mg bigint, pr_mg bigint, nd_mg bigint, pm_mg bigint, sm_mg bigint, eu_mg bigint,
        gd_mg bigint, tb_mg bigint, dy_mg bigint, ho_mg bigint, er_mg bigint, tm_mg bigint, yb_mg bigint,
        lu_mg bigint, sc_mg bigint, y_mg bigint)
    language plpgsql security definer
    set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
    frontier uuid[] := array[asked];
    -- What was found, column by column, and what a round has found.
    filings_found uuid[] := '{}';
    owners uuid[] := '{}';
    sites uuid[] := '{}';
    processes text[] := '{}';
    months date[] := '{}';
    new_filings uuid[];
    new_owners uuid[];
    new_sites uuid[];
    new_processes text[];
    new_months date[];
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    if not (exists (select from lots claim where claim.id = asked and claim.organisation = asking)
            or exists (select from lot_holders holder where holder.organisation = asking and holder.lot = asked)
            or session_user = 'lodestone_official') then
        return;
    end if;
    return query select claim.filing, claim.organisation, claim.site, 'asked'::text, date '2000-01-01',
            'asked'::text, claim.id, claim.la_mg, claim.ce_mg, claim.pr_mg, claim.nd_mg, claim.pm_mg,
            claim.sm_mg, claim.eu_mg, claim.gd_mg, claim.tb_mg, claim.dy_mg, claim.ho_mg, claim.er_mg,
            claim.tm_mg, claim.yb_mg, claim.lu_mg, claim.sc_mg, claim.y_mg
        from lots claim where claim.id = asked and claim.filing < before order by claim.filing desc limit 1;
    if not found then
        return;
    end if;
    loop
        -- From lot to lot, as far as it goes.
        if backward then
            with recursive reached (lot, organisation, filing) as (
                select start, null::uuid, null::uuid from unnest(frontier) start
                union
                select edge.input_lot, edge.organisation, edge.filing
                from reached join lot_edges edge on edge.output_lot = reached.lot and edge.filing < before
            )
            select array_agg(f.id), array_agg(f.organisation), array_agg(f.site), array_agg(f.process),
                    array_agg(f.month)
                into new_filings, new_owners, new_sites, new_processes, new_months
            from (select distinct organisation, filing from (select organisation, filing from reached
                where filing is not null limit 4 * most) bounded limit most + 1) step
            join filings f on f.organisation = step.organisation and f.id = step.filing
            where not exists (select from unnest(filings_found) known where known = step.filing)
                and not exists (select from filing_references newer where newer.organisation = f.organisation
                    and newer.reference = f.reference and newer.version = f.version + 1 and newer.filing < before);
        else
            with recursive reached (lot, organisation, filing) as (
                select start, null::uuid, null::uuid from unnest(frontier) start
                union
                select edge.output_lot, edge.organisation, edge.filing
                from reached join lot_edges edge on edge.input_lot = reached.lot and edge.filing < before
            )
            select array_agg(f.id), array_agg(f.organisation), array_agg(f.site), array_agg(f.process),
                    array_agg(f.month)
                into new_filings, new_owners, new_sites, new_processes, new_months
            from (select distinct organisation, filing from (select organisation, filing from reached
                where filing is not null limit 4 * most) bounded limit most + 1) step
            join filings f on f.organisation = step.organisation and f.id = step.filing
            where not exists (select from unnest(filings_found) known where known = step.filing)
                and not exists (select from filing_references newer where newer.organisation = f.organisation
                    and newer.reference = f.reference and newer.version = f.version + 1 and newer.filing < before);
        end if;
        exit when new_filings is null;
        filings_found := filings_found || new_filings;
        owners := owners || new_owners;
        sites := sites || new_sites;
        processes := processes || new_processes;
        months := months || new_months;
        exit when most < cardinality(filings_found)
            or not new_processes && array['separation', 'metal_reduction', 'recycling'];
        -- What else went through the same continuous process in the same month.
        select array_agg(f.id), array_agg(f.organisation), array_agg(f.site), array_agg(f.process),
                array_agg(f.month)
            into new_filings, new_owners, new_sites, new_processes, new_months
        from (select distinct organisation, site, process, month
            from unnest(new_owners, new_sites, new_processes, new_months) step (organisation, site, process, month)
            where process in ('separation', 'metal_reduction', 'recycling')) pool
        cross join lateral (select f.* from filings f
            where f.organisation = pool.organisation and f.site = pool.site and f.process = pool.process
                and f.month = pool.month and f.id < before
                and f.process in ('separation', 'metal_reduction', 'recycling') limit most + 1) f
        where not exists (select from unnest(filings_found) known where known = f.id)
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1 and newer.filing < before);
        exit when new_filings is null;
        filings_found := filings_found || new_filings;
        owners := owners || new_owners;
        sites := sites || new_sites;
        processes := processes || new_processes;
        months := months || new_months;
        exit when most < cardinality(filings_found);
        select array_agg(distinct line.lot) into frontier
        from unnest(new_owners, new_filings) step (organisation, filing)
        join filing_lines line on line.organisation = step.organisation and line.filing = step.filing
        where line.role = case when backward then 'input' else 'output' end;
        exit when frontier is null;
    end loop;
    return query select step.filing, step.organisation, step.site, step.process, step.month, line.role, line.lot,
            line.la_mg, line.ce_mg, line.pr_mg, line.nd_mg, line.pm_mg, line.sm_mg, line.eu_mg, line.gd_mg,
            line.tb_mg, line.dy_mg, line.ho_mg, line.er_mg, line.tm_mg, line.yb_mg, line.lu_mg, line.sc_mg,
            line.y_mg
        from unnest(filings_found, owners, sites, processes, months)
            step (filing, organisation, site, process, month)
        join filing_lines line on line.organisation = step.organisation and line.filing = step.filing
        limit 4 * most;
end $$;
revoke execute on function lodestone.traced_lines from public;
grant execute on function lodestone.traced_lines to lodestone_reporting, lodestone_official;

-- Claims of lots as they stood before a moment, with who sold them to `asking` and what kind of
-- filing made them. Runs with the caller's rights: policies decide which lots it may know.
create function lodestone.traced_lots(asking uuid, wanted uuid[], before uuid)
    returns table (id uuid, organisation uuid, name_zh text, name_en text, site text, number text,
        category text, grade text, quantity_grams bigint, happened_at timestamptz, kind text, seller uuid)
    language plpgsql set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return query select claim.id, claim.organisation, maker.name_zh, maker.name_en, site.code, claim.number,
            claim.category, claim.grade, claim.quantity_grams, claim.happened_at, made.kind, holder.granted_by
        from (select distinct on (lot.id) lot.* from lots lot
            where lot.id = any (wanted) and lot.filing < before order by lot.id, lot.filing desc) claim
        join organisations maker on maker.id = claim.organisation
        left join sites site on site.organisation = claim.organisation and site.id = claim.site
        left join filings made on made.organisation = claim.organisation and made.id = claim.filing
        left join lot_holders holder on holder.organisation = asking and holder.lot = claim.id;
end $$;

-- The movements of lots as announced before a moment, and when they were received.
create function lodestone.traced_movements(asking uuid, wanted uuid[], before uuid)
    returns table (lot uuid, movement uuid, seller uuid, seller_zh text, seller_en text, buyer uuid,
        buyer_zh text, buyer_en text, dispatched_at timestamptz, received_at timestamptz, quantity_grams bigint)
    language plpgsql set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return query select line.lot, moved.id, moved.organisation, seller.name_zh, seller.name_en,
            moved.buyer_organisation, buyer.name_zh, buyer.name_en, moved.dispatched_at, received.happened_at,
            sum(line.quantity_grams)::bigint
        from movement_lines line
        join movements moved on moved.id = line.movement and moved.filing = line.filing
        join organisations seller on seller.id = moved.organisation
        join organisations buyer on buyer.id = moved.buyer_organisation
        left join lateral (select receipt.happened_at from filings receipt
            where receipt.movement = moved.id and receipt.kind = 'receipt' and receipt.id < before
            order by receipt.id desc limit 1) received on true
        where line.lot = any (wanted) and line.filing < before
            and not exists (select from movements newer where newer.id = moved.id
                and newer.filing > moved.filing and newer.filing < before)
        group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;
end $$;
