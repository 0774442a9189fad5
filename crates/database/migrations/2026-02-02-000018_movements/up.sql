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
