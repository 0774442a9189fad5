-- The reference of a movement, and what seller and buyer say to each other about differences.
set search_path = lodestone, public;

alter table lodestone.movements
    -- Thirteen characters, the last of them a check character (`domain::movement`); all versions
    -- of a movement have the same one.
    add column reference text,
    -- Which version of the dispatch announced it so.
    add column version smallint;

-- Movements from before there were references get one, drawn and checked as the domain does.
do $$
declare
    letters constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    alphabet constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    movement uuid;
    drawn bytea;
    payload text;
    product integer;
    checked text;
begin
    for movement in select distinct id from movements loop
        loop
            -- Two random ids, of which the bytes without version and variant count.
            drawn := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
            payload := '';
            for place in 0 .. 11 loop
                payload := payload || substr(alphabet, get_byte(drawn, place % 6 + place / 6 * 16) % 32 + 1, 1);
            end loop;
            -- ISO/IEC 7064, MOD 37,36.
            product := 36;
            for place in 1 .. 12 loop
                product := (product + strpos(letters, substr(payload, place, 1)) - 1) % 36;
                product := case product when 0 then 36 else product end * 2 % 37;
            end loop;
            checked := substr(letters, (37 - product) % 36 + 1, 1);
            exit when strpos(alphabet, checked) > 0
                and not exists (select from movements where reference = payload || checked);
        end loop;
        update movements set reference = payload || checked where id = movement;
    end loop;
end $$;
update movements moved set version = filed.version from filings filed
    where filed.organisation = moved.organisation and filed.id = moved.filing;

alter table lodestone.movements
    alter column reference set not null,
    alter column version set not null,
    add constraint movement_reference_has_its_form check (reference ~ '^[0-9A-HJKMNP-TV-Z]{13}$');
create unique index movements_by_reference on lodestone.movements (reference, version);

-- The same as `moved_lines`, by the movement's reference.
create function lodestone.moved_lines_by_reference(asking uuid, wanted text) returns setof lodestone.movement_lines
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return query select line.* from movements moved
        join movement_lines line on line.movement = moved.id and line.filing = moved.filing
        where moved.reference = wanted
            and not exists (select from movements newer where newer.id = moved.id and newer.filing > moved.filing)
        order by line.line;
end $$;

-- Under which reference of its own `asking` first filed a receipt of the movement; null when it
-- has filed none.
create function lodestone.movement_used_by(asking uuid, wanted uuid, named text) returns text
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return (select receipt.reference from filings receipt
        where receipt.organisation = asking and receipt.kind = 'receipt'
            and receipt.movement = coalesce(wanted, (select moved.id from movements moved
                where moved.reference = named limit 1))
        order by receipt.id limit 1);
end $$;

-- One standard uncertainty of a line's weighing; null where none was stated.
alter table lodestone.filing_lines add column uncertainty_grams bigint check (0 < uncertainty_grams);

-- Why there is a shortage or an excess, in the words of one party, and what the other says to it.
create table lodestone.movement_explanations (
    -- Who explains.
    organisation uuid not null,
    id uuid primary key,
    movement uuid not null,
    seller uuid not null,
    buyer uuid not null,
    -- Null for all lots that differ.
    lot uuid,
    reason text not null,
    person uuid not null,
    explained_at timestamptz not null,
    constraint explanation_is_by_a_party check (organisation in (seller, buyer))
);
create index movement_explanations_by_movement on lodestone.movement_explanations (movement, id);

create table lodestone.movement_answers (
    -- Who answers.
    organisation uuid not null,
    explanation uuid primary key references lodestone.movement_explanations,
    movement uuid not null,
    seller uuid not null,
    buyer uuid not null,
    verdict text not null check (verdict in ('accepted', 'contested')),
    reason text,
    person uuid not null,
    answered_at timestamptz not null,
    constraint answer_is_by_a_party check (organisation in (seller, buyer)),
    constraint contested_for_a_reason check (verdict = 'accepted' or reason is not null)
);
create index movement_answers_by_movement on lodestone.movement_answers (movement);

do $$
declare name text;
begin
    foreach name in array array['movement_explanations', 'movement_answers'] loop
        call lodestone.isolate(name, '{}', '{lodestone_reporting}', '{lodestone_official}');
        -- What one party says is for the other to read.
        execute format('create policy parties_read on lodestone.%I for select to lodestone_reporting
            using (seller = any ((select lodestone.acting_for())::uuid[])
                or buyer = any ((select lodestone.acting_for())::uuid[]))', name);
        -- Only about a movement of theirs, and with its own parties.
        execute format('create policy of_a_movement on lodestone.%1$I as restrictive for insert to lodestone_reporting
            with check (exists (select from lodestone.movements moved where moved.id = %1$I.movement
                and moved.organisation = %1$I.seller and moved.buyer_organisation = %1$I.buyer))', name);
    end loop;
end $$;
grant select, insert on lodestone.movement_explanations, lodestone.movement_answers to lodestone_reporting;
grant select on lodestone.movement_explanations, lodestone.movement_answers to lodestone_official;

-- What both sides say about movements: the lines of the latest version of each dispatch, and of the
-- buyer's receipts that stand.
--
-- Runs with the owner's rights, because each side's filings are its own: it answers only about
-- movements of the organisations that the transaction acts for, unless officials ask, whose reads
-- are logged before, or the notifier, who tells only whose turn it is. Of the other side it answers what the parties owe each other: masses, their
-- uncertainties and how the goods were found.
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
grant execute on function lodestone.movement_sides to lodestone_reporting, lodestone_official;
