set search_path = lodestone, public;
drop trigger reservation_under_a_licence_in_force on lodestone.licence_reservations;
drop function lodestone.keep_from_the_suspended;
drop index lodestone.licence_reservations_confirmed;
