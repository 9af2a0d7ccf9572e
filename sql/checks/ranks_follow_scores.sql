-- Pairs of ranked neighbours of an edition and node whose scores stand in another order than their ranks.
-- tables: fact_score, dim_kpi
with ranked as (
    select
        score.edition,
        -- Numbers are put in order in a third of the time of names.
        node.position,
        score.rank,
        score.score
    from fact_score as score
    inner join dim_kpi as node on score.node = node.node
    where score.rank is not null
),

neighbours as (
    select
        edition,
        position,
        rank,
        score,
        lead(score) over (partition by edition, position order by rank, score desc) as next_score
    from ranked
),

out_of_order as (
    select
        edition,
        position,
        rank,
        score,
        next_score
    from neighbours
    where next_score > score
)

select
    fault.edition,
    node.node,
    score.city_id,
    fault.rank,
    fault.score,
    fault.next_score
from out_of_order as fault
inner join dim_kpi as node on fault.position = node.position
inner join fact_score as score
    on
        fault.edition = score.edition
        and node.node = score.node
        and fault.rank = score.rank
        and fault.score = score.score
order by fault.edition, node.node, fault.rank, score.city_id;
