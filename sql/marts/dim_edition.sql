-- One row per edition, for every reader: what it rests on and how complete it is.
with city_counts as (
    select
        edition,
        count(*) as n_cities,
        sum(n_values)::bigint as n_values
    from index_cities
    group by edition
),

root_scores as (
    select
        edition,
        count(rank) as n_ranked,
        -- Coverages are shares of small whole numbers; in integer thousandths their sum has no order.
        sum(round(coverage * 1000000)::bigint)::double / 1000000 / count(*) as mean_coverage
    from index_scores
    where level = 'index'
    group by edition
),

provisional as (
    select
        edition,
        count(*) as n_provisional_goalposts
    from catalogue_goalposts
    where goalpost_status = 'provisional'
    group by edition
)

select
    city_counts.edition,
    workspace.status,
    workspace.is_demo,
    workspace.framework_version,
    workspace.method,
    workspace.method_sha256,
    workspace.as_of,
    city_counts.n_cities,
    coalesce(root_scores.n_ranked, 0) as n_ranked,
    city_counts.n_values,
    root_scores.mean_coverage,
    coalesce(provisional.n_provisional_goalposts, 0) as n_provisional_goalposts
from city_counts
left join root_scores on city_counts.edition = root_scores.edition
left join provisional on city_counts.edition = provisional.edition
cross join workspace
order by city_counts.edition;
