-- Pairs of ranked neighbours of an edition and node whose scores stand in another order than their ranks.
-- tables: fact_score
with neighbours as (
    select
        edition,
        node,
        city_id,
        rank,
        score,
        lead(score) over (partition by edition, node order by rank, score desc, city_id) as next_score
    from fact_score
    where rank is not null
)

select
    edition,
    node,
    city_id,
    rank,
    score,
    next_score
from neighbours
where next_score > score
order by edition, node, rank;
