drop function lodestone.movement_sides;
drop table lodestone.movement_answers;
drop table lodestone.movement_explanations;
alter table lodestone.filing_lines drop column uncertainty_grams;
drop function lodestone.movement_used_by;
drop function lodestone.moved_lines_by_reference;
drop index lodestone.movements_by_reference;
alter table lodestone.movements
    drop constraint movement_reference_has_its_form,
    drop column version,
    drop column reference;
