-- Macro for analysts: one city of one edition against the cities of its region, item by item.
create or replace macro against_peers(a, y) as table
select
    place.measure,
    node.level,
    node.name,
    place.figure,
    peer.median as region_median,
    place.region_gap_to_median,
    place.region_percentile,
    peer.n_cities,
    node.unit,
    peer.peer_group as region,
    place.item
from fact_peer_position as place
inner join dim_city as city on place.city_id = city.city_id
inner join dim_kpi as node on place.item = node.node
inner join fact_peer as peer
    on
        place.edition = peer.edition
        and place.measure = peer.measure
        and place.item = peer.item
        and peer.grouping = 'region'
        and city.region = peer.peer_group
where place.city_id = a and place.edition = y and place.region_percentile is not null
order by place.measure, node.position;

comment on macro table against_peers is 'against_peers(city_id, edition): every value and score of a city beside the median of its region, and the share of its peers that it does better than, per cent.';
