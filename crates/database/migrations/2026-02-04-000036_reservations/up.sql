-- Reservations are many: nobody reads all of a licence's to know whether goods have left under it, and
-- none comes into being once the licence is not in force, whoever writes it.
set search_path = lodestone, public;

create index licence_reservations_confirmed on lodestone.licence_reservations (licence, declaration)
    where state = 'confirmed';

-- Held in share until the end of the transaction: whoever suspends the licence waits for those who
-- found it in force, and those who come after find it suspended. The licence is read with the owner's
-- rights, so that no policy hides it. Goods that had left already are recorded whatever its state.
create function lodestone.keep_from_the_suspended() returns trigger
    language plpgsql security definer set search_path = lodestone, pg_temp
as $$
begin
    perform from licences l where l.id = new.licence and l.state = 'issued' for share;
    if not found then
        raise exception 'licence % is not in force', new.licence
            using errcode = 'check_violation', constraint = 'reservation_under_a_licence_in_force';
    end if;
    return null;
end $$;
create trigger reservation_under_a_licence_in_force after insert on lodestone.licence_reservations
    for each row when (new.state = 'reserved') execute function lodestone.keep_from_the_suspended();
