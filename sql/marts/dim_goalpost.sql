-- One row per edition and data point, for whoever recomputes a score: goalposts and targets in force.
select
    edition,
    data_point,
    low,
    high,
    goalpost_status,
    goalpost_reference,
    target,
    target_status,
    target_reference
from catalogue_goalposts
where edition in (select edition from index_cities)
order by edition, data_point;
