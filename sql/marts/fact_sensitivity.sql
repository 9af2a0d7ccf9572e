-- One row per edition, city, measure and uncertain choice, for cities and analysts: what moves whose rank.
select
    edition,
    city_id,
    measure,
    input,
    first,
    first_low,
    first_high,
    total,
    total_low,
    total_high,
    variance,
    n_points
from uncertainty_sensitivity
order by edition, city_id, measure, input;
