-- One row per edition, peer group and item, for cities and analysts: how the group is spread.
select
    edition,
    grouping,
    peer_group,
    measure,
    item,
    n_cities,
    minimum,
    quartile_1,
    median,
    quartile_3,
    maximum,
    leader_city_id
from benchmark_peers
order by edition, grouping, peer_group, measure, item;
