-- Rows of a fact table whose city is not in dim_city.
-- tables: dim_city, fact_value, fact_score, fact_benchmark, fact_peer_position
with facts as (
    select 'fact_value' as fact, city_id from fact_value
    union all
    select 'fact_score' as fact, city_id from fact_score
    union all
    select 'fact_benchmark' as fact, city_id from fact_benchmark
    union all
    select 'fact_peer_position' as fact, city_id from fact_peer_position
)

select distinct
    fact,
    city_id
from facts
where city_id not in (select city_id from dim_city)
order by fact, city_id;
