set search_path = lodestone, public;
drop function lodestone.summed_flows;
drop function lodestone.flow_of;
drop table lodestone.monthly_flows;
drop table lodestone.quota_flows;
