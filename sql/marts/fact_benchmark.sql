-- One row per edition, city, cut, node and KPI level, for cities and analysts: U4SSC benchmark points.
with data_points as (
    select
        scored.edition,
        scored.city_id,
        'data_point' as cut,
        scored.data_point as node,
        node.kpi_level,
        1 as n_reported,
        1 as n_scored,
        scored.points::integer as points,
        4 as max_points,
        null::double as percentage,
        scored.band,
        scored.target,
        scored.target_status,
        scored.target_share
    from benchmark_points as scored
    inner join catalogue_nodes as node on scored.data_point = node.node
),

cuts as (
    select
        edition,
        city_id,
        cut,
        node,
        kpi_level,
        n_reported,
        n_scored,
        points,
        max_points,
        percentage,
        band,
        null::double as target,
        null::varchar as target_status,
        null::double as target_share
    from benchmark_scores
),

both_kinds as (
    select * from data_points
    union all
    select * from cuts
)

select
    edition,
    city_id,
    cut,
    node,
    kpi_level,
    n_reported,
    n_scored,
    points,
    max_points,
    percentage,
    band,
    target,
    target_status,
    target_share
from both_kinds
order by edition, city_id, cut, node, kpi_level;
