-- One row per edition, city and KPI whose own data moved the index, for whoever explains a change.
select
    edition,
    edition_before,
    city_id,
    node,
    revised,
    reported,
    carried,
    contribution
from changes_kpis
order by edition, city_id, node;
