-- Macro for analysts: the ranking of one edition, with how sure each rank is.
create or replace macro ranking_of(y) as table
with sureness as (
    select
        edition,
        city_id,
        rank_p05,
        rank_p95,
        tier
    from fact_rank_uncertainty
    where node = 'index'
)

select
    ranking.rank,
    ranking.city,
    ranking.country,
    city.region,
    city.income_group,
    ranking.score,
    ranking.coverage,
    ranking.n_carried,
    sureness.rank_p05,
    sureness.rank_p95,
    sureness.tier,
    ranking.excluded_because,
    ranking.city_id
from ranking
inner join dim_city as city on ranking.city_id = city.city_id
left join sureness on ranking.edition = sureness.edition and ranking.city_id = sureness.city_id
where ranking.edition = y
order by ranking.rank nulls last, ranking.coverage desc, ranking.city_id;

comment on macro table ranking_of is 'ranking_of(edition): cities of one edition by rank, with the ranks that 90 % of the replications lie between and the tier; these are among the cities with open values.';
