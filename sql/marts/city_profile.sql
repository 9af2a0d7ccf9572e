-- One row per city, edition and node above the category, for a city's page: score, rank, benchmark percentage.
create or replace view city_profile as
with percentages as (
    select
        edition,
        city_id,
        node,
        percentage,
        band
    from fact_benchmark
    where cut in ('dimension', 'sub_dimension') and kpi_level = 'all'
),

edition_percentages as (
    select
        edition,
        city_id,
        percentage,
        band
    from fact_benchmark
    where cut = 'total' and kpi_level = 'all'
)

select
    city.name as city,
    city.country,
    city.region,
    city.income_group,
    city.size_class,
    score.edition,
    score.level,
    node.name,
    score.score,
    score.rank,
    score.coverage,
    coalesce(percentages.percentage, edition_percentages.percentage) as benchmark_percentage,
    coalesce(percentages.band, edition_percentages.band) as benchmark_band,
    city.is_demo,
    score.city_id,
    score.node
from fact_score as score
inner join dim_city as city on score.city_id = city.city_id
inner join dim_kpi as node on score.node = node.node
left join percentages
    on
        score.edition = percentages.edition
        and score.city_id = percentages.city_id
        and score.node = percentages.node
left join edition_percentages
    on
        score.edition = edition_percentages.edition
        and score.city_id = edition_percentages.city_id
        and score.level = 'index'
where score.level in ('index', 'dimension', 'sub_dimension')
order by score.city_id, score.edition, node.position;

comment on view city_profile is 'One row per city, edition and node from index to sub-dimension: score, rank, coverage, U4SSC percentage.';
