-- A dispatch that is corrected to another buyer withdraws what the first was announced; what stands
-- of papers and filings in one place; and who has their mails once a day.
set search_path = lodestone, public;

-- What both sides say about movements, buyer by buyer: the lines of the latest version of each
-- dispatch that was announced to that buyer, and of the buyer's receipts that stand. Where a later
-- version goes to somebody else, `withdrawn_at` says since when.
--
-- Runs with the owner's rights, because each side's filings are its own: it answers only about
-- movements of the organisations that the transaction acts for, to a buyer only about itself, unless
-- officials ask, whose reads are logged before, or the notifier, who tells only whose turn it is.
-- Of the other side it answers what the parties owe each other: masses, their uncertainties and how
-- the goods were found.
drop function lodestone.movement_sides;
create function lodestone.movement_sides(wanted uuid[])
    returns table (movement uuid, name text, seller uuid, buyer uuid, withdrawn_at timestamptz, kind text,
        filing uuid, reference text, outcome text, happened_at timestamptz, recorded_at timestamptz, lot uuid,
        quantity_grams bigint, refused_grams bigint, uncertainty_grams bigint, elements bigint[], sigma_mg bigint[])
    language plpgsql security definer
    set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    mine uuid[] := acting_for();
    sees_all boolean := session_user in ('lodestone_official', 'lodestone_notifier');
begin
    return query
    with announced as materialized (
        select distinct on (moved.id, moved.buyer_organisation) moved.id, moved.organisation, moved.buyer_organisation,
            moved.filing, moved.reference as name
        from movements moved
        where moved.id = any (wanted)
            and (sees_all or moved.organisation = any (mine) or moved.buyer_organisation = any (mine))
        order by moved.id, moved.buyer_organisation, moved.filing desc
    ), legs as materialized (
        select announced.*,
            (select later.recorded_at from filings sent
                join filing_references newer on newer.organisation = sent.organisation
                    and newer.reference = sent.reference and newer.version = sent.version + 1
                join filings later on later.organisation = newer.organisation and later.id = newer.filing
                where sent.organisation = announced.organisation and sent.id = announced.filing) as withdrawn_at
        from announced
    ), said as materialized (
        select legs.*, sent.organisation as by, sent.id as said_in
        from legs join filings sent on sent.organisation = legs.organisation and sent.id = legs.filing
        union all
        select legs.*, received.organisation, received.id
        from legs join filings received on received.movement = legs.id and received.kind = 'receipt'
            and received.organisation = legs.buyer_organisation
        where not exists (select from filing_references newer where newer.organisation = received.organisation
            and newer.reference = received.reference and newer.version = received.version + 1)
    )
    select said.id, said.name, said.organisation, said.buyer_organisation, said.withdrawn_at, filed.kind, filed.id,
        filed.reference, filed.outcome, filed.happened_at, filed.recorded_at, line.lot, line.quantity_grams,
        line.refused_grams, line.uncertainty_grams,
        array[line.la_mg, line.ce_mg, line.pr_mg, line.nd_mg, line.pm_mg, line.sm_mg, line.eu_mg,
            line.gd_mg, line.tb_mg, line.dy_mg, line.ho_mg, line.er_mg, line.tm_mg, line.yb_mg,
            line.lu_mg, line.sc_mg, line.y_mg],
        line.sigma_mg
    from said
    join filings filed on filed.organisation = said.by and filed.id = said.said_in
    join filing_lines line on line.organisation = said.by and line.filing = said.said_in
    order by said.id, said.buyer_organisation, filed.id, line.line;
end $$;
revoke execute on function lodestone.movement_sides from public;
grant execute on function lodestone.movement_sides to lodestone_reporting, lodestone_official, lodestone_notifier;

-- A correction to somebody who does not file starts no movement, and withdraws the one before.
create index filings_withdrawals on lodestone.filings (id)
    where kind = 'dispatch' and movement is null and replaces is not null;

create or replace function lodestone.movements_touched(since timestamptz)
    returns table (movement uuid, dispatch uuid)
    language sql stable security definer set search_path = lodestone, pg_temp
begin atomic
    with touched as (
        select moved.id from movements moved where moved.filing >= first_id_of(since)
        union
        select filed.movement from filings filed
            where filed.id >= first_id_of(since) and filed.kind = 'receipt' and filed.movement is not null
        union
        select moved.id from filings filed
            join movements moved on moved.organisation = filed.organisation and moved.filing = filed.replaces
            where filed.id >= first_id_of(since) and filed.kind = 'dispatch' and filed.movement is null
                and filed.replaces is not null
        union
        select told.movement from movement_explanations told where told.explained_at >= since
        union
        select told.movement from movement_answers told where told.answered_at >= since
    )
    select distinct on (moved.id) moved.id, moved.filing
    from touched join movements moved on moved.id = touched.id
    order by moved.id, moved.filing desc;
end;

alter table lodestone.notifications drop constraint notifications_kind_check,
    add constraint notifications_kind_check check (kind in ('receipt_missing', 'difference_unexplained',
        'explanation_unanswered', 'explanation_contested', 'return_missing', 'movement_withdrawn',
        'received_though_withdrawn'));

-- What stands: what no later version takes the place of. Views, because Postgres looks into them
-- when it plans, and not into a function that asks a table. Who reads them needs the rights for the
-- tables beneath, and sees what their policies show.
create view lodestone.standing_filings with (security_invoker = true) as
    select filed.* from lodestone.filings filed
    where not exists (select from lodestone.filing_references newer where newer.organisation = filed.organisation
        and newer.reference = filed.reference and newer.version = filed.version + 1);
create view lodestone.standing_movements with (security_invoker = true) as
    select moved.* from lodestone.movements moved
    where not exists (select from lodestone.movements newer where newer.id = moved.id and newer.filing > moved.filing);
create view lodestone.standing_tax_invoices with (security_invoker = true) as
    select invoice.* from lodestone.tax_invoices invoice
    where not exists (select from lodestone.tax_invoices newer where newer.number = invoice.number
        and newer.version > invoice.version);
create view lodestone.standing_customs_declarations with (security_invoker = true) as
    select declaration.* from lodestone.customs_declarations declaration
    where not exists (select from lodestone.customs_declarations newer where newer.number = declaration.number
        and newer.version > declaration.version);
grant select on lodestone.standing_filings, lodestone.standing_movements, lodestone.standing_tax_invoices,
    lodestone.standing_customs_declarations to lodestone_official;

-- Mails about open items: each by itself, or all of a day together.
alter table lodestone.people add column mails text not null default 'each' check (mails in ('each', 'daily'));
grant update (mails) on lodestone.people to lodestone_identity;
grant select (mails) on lodestone.people to lodestone_notifier;
