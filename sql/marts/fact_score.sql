-- One row per edition, city and node, for analysts: score, rank and what they rest on.
select
    edition,
    city_id,
    node,
    level,
    score,
    rank,
    coverage,
    n_carried,
    n_imputed,
    excluded_because
from index_scores
order by edition, city_id, node;
