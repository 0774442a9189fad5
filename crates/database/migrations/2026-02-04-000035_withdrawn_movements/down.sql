set search_path = lodestone, public;

alter table lodestone.people drop column mails;
drop view lodestone.standing_customs_declarations;
drop view lodestone.standing_tax_invoices;
drop view lodestone.standing_movements;
drop view lodestone.standing_filings;

delete from lodestone.notification_deliveries where notification in (select id from lodestone.notifications
    where kind in ('movement_withdrawn', 'received_though_withdrawn'));
delete from lodestone.notifications where kind in ('movement_withdrawn', 'received_though_withdrawn');
alter table lodestone.notifications drop constraint notifications_kind_check,
    add constraint notifications_kind_check check (kind in ('receipt_missing', 'difference_unexplained',
        'explanation_unanswered', 'explanation_contested', 'return_missing'));

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
        select told.movement from movement_explanations told where told.explained_at >= since
        union
        select told.movement from movement_answers told where told.answered_at >= since
    )
    select distinct on (moved.id) moved.id, moved.filing
    from touched join movements moved on moved.id = touched.id
    order by moved.id, moved.filing desc;
end;

drop index lodestone.filings_withdrawals;

drop function lodestone.movement_sides;
create function lodestone.movement_sides(wanted uuid[])
    returns table (movement uuid, kind text, filing uuid, reference text, outcome text,
        happened_at timestamptz, recorded_at timestamptz, lot uuid, quantity_grams bigint,
        refused_grams bigint, uncertainty_grams bigint, elements bigint[], sigma_mg bigint[])
    language plpgsql security definer
    set search_path = lodestone, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query select moved.id, filed.kind, filed.id, filed.reference, filed.outcome, filed.happened_at,
            filed.recorded_at, line.lot, line.quantity_grams, line.refused_grams, line.uncertainty_grams,
            array[line.la_mg, line.ce_mg, line.pr_mg, line.nd_mg, line.pm_mg, line.sm_mg, line.eu_mg,
                line.gd_mg, line.tb_mg, line.dy_mg, line.ho_mg, line.er_mg, line.tm_mg, line.yb_mg,
                line.lu_mg, line.sc_mg, line.y_mg],
            line.sigma_mg
        from movements moved
        join filings filed on filed.movement = moved.id
            and (filed.kind = 'dispatch' and filed.organisation = moved.organisation and filed.id = moved.filing
                or filed.kind = 'receipt' and filed.organisation = moved.buyer_organisation)
        join filing_lines line on line.organisation = filed.organisation and line.filing = filed.id
        where moved.id = any (wanted)
            and (session_user in ('lodestone_official', 'lodestone_notifier')
                or moved.organisation = any (acting_for()) or moved.buyer_organisation = any (acting_for()))
            and not exists (select from movements newer where newer.id = moved.id and newer.filing > moved.filing)
            and not exists (select from filing_references newer where newer.organisation = filed.organisation
                and newer.reference = filed.reference and newer.version = filed.version + 1)
        order by moved.id, filed.id, line.line;
end $$;
revoke execute on function lodestone.movement_sides from public;
grant execute on function lodestone.movement_sides to lodestone_reporting, lodestone_official, lodestone_notifier;
