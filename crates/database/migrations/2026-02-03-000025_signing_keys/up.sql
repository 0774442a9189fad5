-- The public halves of every key that ever signed, so that what an earlier key signed can still be
-- checked after it was replaced. The private half never comes here.
set search_path = lodestone, public;

create table lodestone.signing_keys (
    key_id text primary key,
    public_key bytea not null check (octet_length(public_key) = 32),
    valid_from timestamptz not null,
    -- When another key took its place: it signs nothing new from then on.
    retired_at timestamptz check (retired_at >= valid_from)
);

grant select, insert on lodestone.signing_keys to lodestone_licensing;
grant update (retired_at) on lodestone.signing_keys to lodestone_licensing;
