-- One row per edition, city and item, for cities: where the city stands among its peers.
select
    edition,
    city_id,
    measure,
    item,
    figure,
    region_percentile,
    region_gap_to_median,
    region_gap_to_leader,
    income_group_percentile,
    income_group_gap_to_median,
    income_group_gap_to_leader,
    size_class_percentile,
    size_class_gap_to_median,
    size_class_gap_to_leader
from benchmark_peer_positions
order by edition, city_id, measure, item;
