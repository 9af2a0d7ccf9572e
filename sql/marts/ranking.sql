-- One row per city and edition, for the ranking page: ranked cities first, then the others with their coverage.
create or replace view ranking as
with root_scores as (
    select
        edition,
        city_id,
        rank,
        score,
        coverage,
        n_carried,
        n_imputed,
        excluded_because
    from fact_score
    where level = 'index'
)

select
    root_scores.edition,
    root_scores.rank,
    city.name as city,
    city.country,
    root_scores.score,
    root_scores.coverage,
    root_scores.n_carried,
    root_scores.n_imputed,
    root_scores.excluded_because,
    city.is_demo,
    root_scores.city_id,
    dim_edition.status
from root_scores
inner join dim_city as city on root_scores.city_id = city.city_id
inner join dim_edition on root_scores.edition = dim_edition.edition
order by root_scores.edition, root_scores.rank nulls last, root_scores.coverage desc, root_scores.city_id;

comment on view ranking is 'One row per city and edition: index score and rank; unranked cities follow with the reason.';
