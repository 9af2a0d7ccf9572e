-- Macro for analysts: the values of one KPI of one city over the editions, with their age and source.
create or replace macro kpi_trend(city, kpi) as table
select
    fact_value.edition,
    fact_value.data_point,
    node.name,
    fact_value.value,
    fact_value.unit,
    fact_value.value_year,
    fact_value.is_carried,
    fact_value.quality,
    fact_value.source
from fact_value
inner join dim_kpi as node on fact_value.data_point = node.node
where fact_value.city_id = city and fact_value.kpi_code = kpi
order by fact_value.edition, fact_value.data_point;

comment on macro table kpi_trend is 'kpi_trend(city, kpi): values of one KPI of one city over the editions, for example kpi_trend(''no-karmoy'', ''EC_ICT_ICT_1C'').';
