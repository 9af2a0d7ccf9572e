-- One row per edition and pair of cities whose order is not sure, for analysts.
select
    edition,
    city_id,
    other_city_id,
    ahead,
    behind,
    ahead_error
from uncertainty_dominance
order by edition, city_id, other_city_id;
