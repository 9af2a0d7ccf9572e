-- One row per edition, grouping, city and item, for cities: where the city stands among its peers.
insert into fact_peer_position
select
    edition,
    grouping,
    city_id,
    measure,
    item,
    figure,
    percentile,
    gap_to_median,
    gap_to_leader
from benchmark_peer_positions
order by edition, grouping, city_id, measure, item;
