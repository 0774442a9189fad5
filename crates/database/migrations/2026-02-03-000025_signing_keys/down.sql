drop table lodestone.signing_keys;
